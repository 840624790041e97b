"""One shard's broker I/O: lanes that are serial within an account and parallel across accounts.

Everything here is handed its broker, its database runner and its clocks, so that a test or a model can drive it.
"""
