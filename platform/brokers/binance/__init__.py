"""Binance: spot."""
