"""Zerodha's Kite Connect v3, as its documentation and its official SDK know it.

REST and the ticker share one address: a WebSocket at the face's own root is the ticker.
"""
