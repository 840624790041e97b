"""Binance's USD-M futures: perpetual contracts in one-way mode, an exchange beside the spot market."""
