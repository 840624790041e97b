"""What the exchanges share that ccxt knows; a member is a folder of its own."""
