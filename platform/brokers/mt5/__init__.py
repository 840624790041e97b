"""MetaTrader 5, by a bridge: an expert advisor of ours in the client's own terminal polls us (BRIDGE.md)."""
