"""MetaTrader 5, by a bridge: an expert advisor of ours in the client's own terminal polls us (BRIDGE.md)."""

from pathlib import Path

PROGRAM = Path(__file__).with_name("ea") / "TerminalBridge.mq5"
"""The expert advisor's source, which the client's own terminal compiles."""
