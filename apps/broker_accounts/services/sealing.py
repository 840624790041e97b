"""Envelope encryption of credentials: AES-256-GCM, a data key per tenant, the master key outside the database.

What is sealed for one row, column and tenant cannot be opened as another's: the associated data binds them. Keys are
changed by ``key_rotation``; a master key that was replaced still opens what it sealed while the settings name it.
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


def hold_key(tenant: Tenant) -> None:
    """Keep the tenant's data key as it is until the transaction ends: what is sealed with it must open afterwards."""
    held = Tenant.objects.select_for_update(no_key=True).only("sealed_data_key").get(pk=tenant.pk)
    tenant.sealed_data_key = held.sealed_data_key


def new_data_key(tenant: Tenant) -> bytes:
    """Return a fresh data key, wrapped by the master key in force; nothing is stored."""
    return _encrypt(_master_keys()[0], os.urandom(_KEY_BYTES), _key_binding(tenant))


def _master_keys() -> list[bytes]:
    """Return the master key in force, and after it those it replaced."""
    return [_master_key(text) for text in (settings.MASTER_KEY, *settings.MASTER_KEYS_BEFORE)]


def _master_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured("MASTER_KEY is not base64") from error
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured("MASTER_KEY must be 32 bytes in base64")
    return key


def _data_key(tenant: Tenant) -> bytes:
    """Return the tenant's data key, made and wrapped the first time it is needed."""
    if not tenant.sealed_data_key:
        Tenant.objects.filter(pk=tenant.pk, sealed_data_key=b"").update(sealed_data_key=new_data_key(tenant))
        tenant.refresh_from_db(fields=["sealed_data_key"])
    return _unwrapped(bytes(tenant.sealed_data_key), _key_binding(tenant))


def _unwrapped(wrapped: bytes, bound_to: bytes) -> bytes:
    newest, *before = _master_keys()
    for key in (newest, *before):
        try:
            return _decrypt(key, wrapped, bound_to)
        except Unsealable:
            continue
    raise Unsealable("no master key opens the tenant's data key")


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
    except (InvalidTag, ValueError) as error:  # the latter for a value cut short
        raise Unsealable("the sealed value does not belong here") from error
