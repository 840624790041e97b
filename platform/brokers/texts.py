"""What brokers say, made fit to be stored and shown: one line of printable characters, bounded."""

LONGEST = 300


def plain(text: str | None, *, longest: int = LONGEST) -> str:
    """Return the text without control characters, cut at ``longest``; a missing one is empty."""
    if not text:
        return ""
    return "".join(one if one.isprintable() else " " for one in text[: longest * 2]).strip()[:longest]
