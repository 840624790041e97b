"""Master Trust, masterswift: a broker on the Tradelab platform."""
