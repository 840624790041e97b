"""Kotak Neo, Trade API v2."""
