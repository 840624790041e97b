"""Pure trading logic: numbers in, the same numbers out. No Django, no I/O, no clock."""
