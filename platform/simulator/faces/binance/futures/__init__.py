"""Binance's USD-M futures, as their documentation and the official SDK know them.

Perpetual contracts in one-way mode on twenty times the margin, crossed; the wallet is the client's one purse at the
simulated exchange, which the spot market spends from too. Hedge mode can be chosen, and then no order is taken. What
waits for a trigger (the algo service), FOK and GTD are not here. An order that may only reduce is held against the
position when it comes, not again when it trades.
"""
