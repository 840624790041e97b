"""The paper broker: a real book, simulated fills."""
