"""Binance: its spot market, and in ``futures`` its USD-M futures, which are an exchange beside it."""
