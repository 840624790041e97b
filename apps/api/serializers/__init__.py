"""How rows are written as JSON."""
