"""MetaTrader 5: a simulated terminal, seen by its programs and by an expert advisor that polls a bridge."""
