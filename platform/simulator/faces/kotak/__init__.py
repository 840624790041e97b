"""Kotak Neo, Trade API v2: written from its documentation, its samples and what its SDK reads."""
