"""The simulated exchange and the broker's books of its clients, without any wire protocol."""
