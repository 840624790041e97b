"""Markets the exchange trades on: a seeded live one and a replay of recorded data."""
