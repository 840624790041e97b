"""Zerodha's Kite Connect v3, as its documentation and its official SDK know it.

REST lives at the root of the port, the ticker at ``/ws-zerodha`` (and at the root path for a WebSocket
upgrade).
"""
