"""OAuth 1.0a as IBKR has it: keys that sign, and the live session token two sides agree on. Pure.

A request is proved over a base string of its method, address and parameters. The session token's request is signed with
the account's RSA key, every other one with the session token. https://ibkrcampus.com/campus/ibkr-api-page/oauth-1-0a-extended/
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote_plus

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

GENERATOR = 2
REALM = "limited_poa"
RSA, HMAC = "RSA-SHA256", "HMAC-SHA256"

_ARMOUR = re.compile(r"-----[A-Z ]+-----|\\n|\s")


def private_key(text: str) -> RSAPrivateKey:
    """Return a private RSA key of a PEM text, however its lines were broken; raises ``ValueError``."""
    try:
        key = load_der_private_key(base64.b64decode(_ARMOUR.sub("", text), validate=True), password=None)
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("it is not a private key in PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("it is not an RSA key")
    return key


def prime(text: str) -> int:
    """Return a Diffie-Hellman prime written in hex, in blocks or not; raises ``ValueError``."""
    digits = re.sub(r"[\s:]|^0x", "", text)
    try:
        value = int(digits, 16)
    except ValueError:
        raise ValueError("it is not a number in hex") from None
    if value.bit_length() < 512:
        raise ValueError("it is too short for a prime")
    return value


def token_secret(text: str, key: RSAPrivateKey) -> bytes:
    """Return the access token's secret, which IBKR encrypted to the account's key; raises ``ValueError``."""
    try:
        return key.decrypt(base64.b64decode(text, validate=True), padding.PKCS1v15())
    except (binascii.Error, ValueError):
        raise ValueError("it cannot be decrypted with the encryption key") from None


def base_string(method: str, url: str, parameters: Mapping[str, str], *, prepend: str = "") -> str:
    """Return what is signed; ``url`` has no query, ``prepend`` is the token secret in hex where the RSA key signs."""
    pairs = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return f"{prepend}{method}&{quote_plus(url)}&{quote_plus(pairs)}"


def rsa_signature(text: str, key: RSAPrivateKey) -> str:
    """Return the signature of a session token's request."""
    return _written(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def hmac_signature(text: str, session_token: str) -> str:
    """Return the signature of any other request; raises ``ValueError`` for a token that is none."""
    try:
        key = base64.b64decode(session_token, validate=True)
    except binascii.Error:
        raise ValueError("the session token is not base64") from None
    return _written(hmac.digest(key, text.encode(), hashlib.sha256))


def session_token(*, secret: bytes, shared: int) -> str:
    """Return the live session token of a shared secret (the other side's answer to the power of our number)."""
    return base64.b64encode(hmac.digest(_octets(shared), secret, hashlib.sha1)).decode()


def proves(signature: str, *, session_token: str, consumer_key: str) -> bool:
    """Say whether IBKR came to the same session token."""
    expected = hmac.digest(base64.b64decode(session_token), consumer_key.encode(), hashlib.sha1).hex()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())


def authorization(parameters: Mapping[str, str]) -> str:
    """Return the header that carries the parameters and the signature."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(parameters.items()))
    return f'OAuth realm="{REALM}", {pairs}'


def _written(signature: bytes) -> str:
    return quote_plus(base64.b64encode(signature))


def _octets(number: int) -> bytes:
    """Return a number as Java's ``BigInteger.toByteArray``: signed, so one octet more where the first bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")
