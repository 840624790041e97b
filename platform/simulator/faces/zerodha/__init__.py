"""Zerodha's Kite Connect v3, as its documentation and its official SDK know it.

Everything lives under ``/zerodha``; the ticker at ``/zerodha`` itself, as the real one is at a host without a path.
"""
