"""OAuth 1.0a on the broker's side: what a request says of itself, and whether it is proved. Pure.

https://ibkrcampus.com/campus/ibkr-api-page/oauth-1-0a-extended/
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

GENERATOR = 2
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the broker answers to a challenge, and the token both sides then hold."""

    response: str
    token: str
    signature: str


def parameters_of(header: str) -> dict[str, str]:
    """Return the parameters of an ``Authorization: OAuth ..`` header, the signature still quoted; none for another."""
    scheme, _, rest = header.partition(" ")
    return dict(_PAIR.findall(rest)) if scheme == "OAuth" else {}


def base_strings(method: str, urls: Iterable[str], parameters: Parameters, query: Parameters) -> set[str]:
    """Return what may have been signed: with the query among the parameters, as the guides have it, or without."""
    signed = {name: value for name, value in parameters.items() if name not in ("realm", "oauth_signature")}
    forms = (
        "&".join(f"{name}={value}" for name, value in sorted(one.items())) for one in (signed, {**signed, **query})
    )
    return {f"{method}&{quote_plus(url)}&{quote_plus(pairs)}" for pairs in tuple(forms) for url in urls}


def rsa_proves(parameters: Parameters, texts: Iterable[str], *, prepend: str, public_key: str) -> bool:
    """Say whether the account's own key signed one of these."""
    signature, key = _signature(parameters), load_pem_public_key(public_key.encode())
    if not isinstance(key, RSAPublicKey):
        return False
    return any(_verified(key, signature, f"{prepend}{text}".encode()) for text in texts)


def hmac_proves(parameters: Parameters, texts: Iterable[str], token: str) -> bool:
    """Say whether a live session token signed one of these."""
    signature, key = _signature(parameters), base64.b64decode(token)
    return any(hmac.compare_digest(hmac.digest(key, text.encode(), hashlib.sha256), signature) for text in texts)


def agree(*, challenge: str, prime: str, secret: str, consumer_key: str) -> Agreement | None:
    """Answer a challenge; ``None`` for one that is no number. ``secret`` is the access token's, in hex."""
    try:
        theirs, modulus, own = int(challenge, 16), int(prime, 16), secrets.randbits(256)
    except ValueError:
        return None
    shared = pow(theirs, own, modulus)
    key = shared.to_bytes(shared.bit_length() // 8 + 1, "big")
    token = hmac.digest(key, bytes.fromhex(secret), hashlib.sha1)
    proof = hmac.digest(token, consumer_key.encode(), hashlib.sha1).hex()
    return Agreement(f"{pow(GENERATOR, own, modulus):x}", base64.b64encode(token).decode(), proof)


def _signature(parameters: Parameters) -> bytes:
    try:
        return base64.b64decode(unquote_plus(parameters.get("oauth_signature", "")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _verified(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
