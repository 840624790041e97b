"""One protocol face per broker: the broker's wire in front of the one exchange."""
