"""Upstox, v2 and v3, as its documentation and its official SDK know it.

All its hosts (api, api-hft, assets, sockets) are one here. Left out: GTT and multi orders, slicing above the freeze
quantity, weeks and months of history, option chains, the sign-in by notifier.
"""
