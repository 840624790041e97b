"""Envelope encryption of credentials: AES-256-GCM, a data key per tenant, the master key outside the database.

What is sealed for one row, column and tenant cannot be opened as another's: the associated data binds them.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.tenants.models import Tenant

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class Unsealable(ValueError):
    """The sealed value was made with another key, or for another row, or was damaged."""


def seal(tenant: Tenant, plain: bytes, *, table: str, pk: int, column: str) -> bytes:
    """Return the sealed form of a value that lives in one column of one row."""
    return _encrypt(_data_key(tenant), plain, _bound_to(tenant, table, pk, column))


def unseal(tenant: Tenant, sealed: bytes | memoryview, *, table: str, pk: int, column: str) -> bytes:
    """Return the value; raises ``Unsealable``. Only workers call this."""
    return _decrypt(_data_key(tenant), bytes(sealed), _bound_to(tenant, table, pk, column))


def _bound_to(tenant: Tenant, table: str, pk: int, column: str) -> bytes:
    return f"{tenant.pk}|{table}|{pk}|{column}".encode()


def _master_key() -> bytes:
    try:
        key = base64.b64decode(settings.MASTER_KEY, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured("MASTER_KEY is not base64") from error
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured("MASTER_KEY must be 32 bytes in base64")
    return key


def _data_key(tenant: Tenant) -> bytes:
    """Return the tenant's data key, made and wrapped the first time it is needed."""
    if not tenant.sealed_data_key:
        wrapped = _encrypt(_master_key(), os.urandom(_KEY_BYTES), _key_binding(tenant))
        Tenant.objects.filter(pk=tenant.pk, sealed_data_key=b"").update(sealed_data_key=wrapped)
        tenant.refresh_from_db(fields=["sealed_data_key"])
    return _decrypt(_master_key(), bytes(tenant.sealed_data_key), _key_binding(tenant))


def _key_binding(tenant: Tenant) -> bytes:
    return f"{tenant.pk}|data-key".encode()


def _encrypt(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def _decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    if sealed[:1] != _VERSION:
        raise Unsealable("unknown sealing version")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, bound_to)
    except InvalidTag as error:
        raise Unsealable("the sealed value does not belong here") from error
