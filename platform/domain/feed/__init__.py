"""Market data, judged: which ticks are believable, which prices are fresh, what to subscribe."""
