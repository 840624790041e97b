"""Flattrade, PiConnect: a member of the Noren family."""
