"""The demo's customers of the simulated brokers: what each is called there and how it signs in.

A customer's keys follow from its name, so that the exchange and the account agree without either asking the other.
Interactive Brokers' customers sign with key pairs, which are made once for the installation and kept in its state
directory.
"""

import base64
import os
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from apps.dashboard.services.demo_secrets import secret_of

KEY_BITS = 2048
GROUP_14 = (
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f"
    "83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b"
    "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510"
    "15728e5a8aacaa68ffffffffffffffff"
)
"""The 2048-bit prime of RFC 3526, section 3: a customer of Interactive Brokers makes its own."""
MOBILE = "+919876543210"


@dataclass(frozen=True, slots=True)
class Customer:
    """``fields`` are the account's credentials as a person would type them in, ``known`` what the broker knows."""

    fields: Mapping[str, str] = field(repr=False)
    known: Mapping[str, Any] = field(repr=False)


def client_id(broker: str, number: int) -> str:
    """Return a customer's name at a broker; it ends in the two digits of ``number``."""
    return f"{_NAMES.get(broker, broker[:5].upper())}{number:02}"


def customer(broker: str, name: str) -> Customer:
    """Return how a customer and its broker know each other."""
    return _MAKERS.get(broker, _by_key)(name)


def bridge_token(name: str) -> str:
    """Return what a terminal's expert advisor shows us."""
    return secret_of(f"bridge:{name}", 32)


def _by_key(name: str) -> Customer:
    keys = {"api_key": f"{name.lower()}key", "api_secret": f"{name.lower()}secret"}
    return Customer(keys, keys)


def _fyers(name: str) -> Customer:
    keys = {"api_key": f"{name.lower()}key-200", "api_secret": f"{name.lower()}secret"}
    return Customer(keys, keys)


def _kotak(name: str) -> Customer:
    seed = b32encode(secret_of(f"totp:{name}", 20).encode()).decode()
    person = {"mobile_number": MOBILE, "totp_secret": seed, "mpin": f"{sum(name.encode()):06d}"}
    key = f"{name.lower()}key"
    return Customer({"consumer_key": key, **person}, {"api_key": key, "api_secret": "unused", "extra": person})


def _ibkr(name: str) -> Customer:
    signature, encryption, shared = _key("signature"), _key("encryption"), secret_of(f"oauth:{name}", 24).encode()
    sealed = encryption.public_key().encrypt(shared, padding.PKCS1v15())
    fields = {
        "consumer_key": f"{name.lower()}key",
        "oauth_token": f"{name.lower()}token",
        "oauth_token_secret": base64.b64encode(sealed).decode(),
        "signature_key": _pem(signature),
        "encryption_key": _pem(encryption),
        "dh_prime": GROUP_14,
    }
    public = signature.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    extra = {"signature_key": public, "token_secret": shared.hex(), "dh_prime": GROUP_14}
    return Customer(fields, {"api_key": fields["consumer_key"], "api_secret": fields["oauth_token"], "extra": extra})


def _mt5(name: str) -> Customer:
    keys = _by_key(name).known
    attached = {"bridge_url": str(settings.BASE_URL).rstrip("/"), "bridge_token": bridge_token(name)}
    return Customer({}, {**keys, "extra": attached})


def _key(purpose: str) -> rsa.RSAPrivateKey:
    """Return the installation's key of that purpose, made the first time."""
    return read_key(Path(settings.STATE_DIR) / f"demo-{purpose}.pem")


@cache
def read_key(path: Path) -> rsa.RSAPrivateKey:
    """Return the key of a file, made if there is none; only its owner may read it."""
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(_pem(made))
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} holds no RSA key; remove it and the demo's account at Interactive Brokers")
    return key


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


_MAKERS: Mapping[str, Callable[[str], Customer]] = {
    "fyers": _fyers,
    "kotak": _kotak,
    "ibkr": _ibkr,
    "mt5": _mt5,
}

_NAMES = {"zerodha": "DEMO", "binance": "700000", "mt5": "500000"}
"""Where numbers are customers' names, and the name the first broker's always had."""
