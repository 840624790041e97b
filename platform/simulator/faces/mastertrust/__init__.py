"""Master Trust's trade API (masterswift, on the Tradelab platform), as its documentation and samples, fastbt and the
SDK of another broker of the platform know it.

What no source settles is chosen so that a client that assumes too much is found out: a tag is a number, so noughts
before it are lost; either half of the order book lists the newest first; a modification is answered with a list whose
id has a blank before it; of a quote, bid and ask are paise and all else rupees; heartbeats are not answered, and a
socket that sends none is closed.
"""
