"""Binance's spot API v3 and, in ``futures``, its USD-M futures, as its documentation and its official SDKs know them.

A client's API key is its session: it has no sign-in, and dies when its owner deletes it. The names of clients must be
numbers here, for Binance's ``uid`` is one.
"""
