"""Upstox, its API v3 where there is one, v2 elsewhere."""
