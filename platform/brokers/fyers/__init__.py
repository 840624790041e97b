"""Fyers, API v3."""
