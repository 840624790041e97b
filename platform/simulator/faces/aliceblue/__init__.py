"""Alice Blue's ANT A3 open API, as its documentation, its samples and its official SDK know it.

REST lives under ``/open-api``, contract files under ``/restpy``, prices at ``/NorenWS`` (the Noren family's protocol)
and order updates on a socket of their own. What no source settles is chosen so that a client that assumes too much is
found out: an error code stands in front of a text, a stock's name lacks its series in the order book, positions have
other words for products than orders, neither heartbeats nor unsubscriptions are answered, and history is served at any
hour, because the simulated market has none. GTT, bracket and cover orders, square-offs and option chains are left out.
"""
