"""The tags of our orders: random, short enough for every broker, and told from anybody else's by their form. Pure."""

import base64
import re

ENTROPY_BYTES = 12
"""How much chance a tag is made of."""

_LEAST = 10**17
_FORM = re.compile(r"[A-Z2-7]{20}|[1-9][0-9]{17}")


def tag_of(entropy: bytes, *, digits_only: bool = False) -> str:
    """Return ``ENTROPY_BYTES`` of chance as a tag: base32, 20 characters; 18 digits where a broker takes only those.

    A number never begins with a nought, which a broker that keeps it as one would lose.
    """
    if digits_only:
        return str(_LEAST + int.from_bytes(entropy) % (9 * _LEAST))
    return base64.b32encode(entropy).decode("ascii").rstrip("=")


def is_our_tag(tag: str) -> bool:
    """Whether a tag has the form of ours. Anything else came from elsewhere."""
    return _FORM.fullmatch(tag) is not None
