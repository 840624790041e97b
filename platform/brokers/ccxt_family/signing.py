"""Requests as ccxt signs them: the one thing of ccxt an order call passes through.

Its clients would send again, throttle, follow redirects, turn decimals into floats and decide by a table of their own
what an error proves. So it only signs (HMAC, RSA or Ed25519, whatever the exchange takes); the request goes out on our
wire, once.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm

from brokers.transport import WireRequest

if TYPE_CHECKING:
    from ccxt import Exchange

_LONGEST_ED25519 = 120
"""Characters of a private key in PEM: a longer one is RSA's."""

_UNUSABLE = (ValueError, TypeError, UnsupportedAlgorithm)
"""What ccxt's key parsers raise."""

_one_at_a_time = Lock()


@cache
def _exchange(name: str) -> "Exchange":
    import ccxt  # noqa: PLC0415 - 0.2 s and 55 MB: only in a process that has such an account

    made: Exchange = getattr(ccxt, name)({"enableRateLimit": False})
    return made


def signed(
    exchange: str,
    api: str,
    method: str,
    path: str,
    params: Mapping[str, str],
    *,
    base_url: str,
    key: str,
    secret: str,
) -> WireRequest:
    """Return a signed request; ``exchange`` and ``api`` are ccxt's names of the exchange and of a group of addresses.

    Raises ``ValueError`` for a secret nothing can be signed with.
    """
    with _one_at_a_time:
        signer = _exchange(exchange)
        signer.apiKey, signer.secret = key, secret
        try:
            parts = signer.sign(path, [api], method, dict(params))
        except _UNUSABLE as error:
            raise ValueError(f"the account's secret cannot sign: {type(error).__name__}") from None
        finally:
            signer.apiKey = signer.secret = ""
    url = base_url + parts["url"].removeprefix(signer.urls["api"][api])
    return WireRequest(parts["method"], url, headers=parts["headers"] or {}, text=parts["body"])


def signature(exchange: str, text: str, *, secret: str) -> str:
    """Return the signature of a text, for what ccxt's requests do not cover: a socket's subscription.

    Raises ``ValueError`` for a secret nothing can be signed with.
    """
    signer = _exchange(exchange)
    try:
        if "PRIVATE KEY" not in secret:
            return str(signer.hmac(text.encode(), secret.encode(), hashlib.sha256))
        is_rsa = len(secret) > _LONGEST_ED25519
        return str(signer.rsa(text, secret, "sha256") if is_rsa else signer.eddsa(text.encode(), secret, "ed25519"))
    except _UNUSABLE as error:
        raise ValueError(f"the account's secret cannot sign: {type(error).__name__}") from None
