"""Alice Blue, the open API of ANT A3."""
