"""Order updates a broker posts to us: verified by the worker that may unseal the secret, and then only a hint."""

import json
from collections.abc import Callable

from apps.broker_accounts.models import BrokerAccount
from brokers.catalog import UnknownBroker
from brokers.postbacks import BODY_LIMIT, postback_order
from bus import commands
from domain.broker import Credentials

LotSizes = Callable[[str, str], int]


class Malformed(ValueError):
    """The body cannot be a postback of anybody."""


class Forged(ValueError):
    """The body's checksum does not hold for this account, or it is no order."""


def read_body(body: bytes) -> str:
    """Return the body as text after the checks that need no secret; raises ``Malformed``."""
    if len(body) > BODY_LIMIT:
        raise Malformed(f"a postback of {len(body)} bytes is too long")
    try:
        text = body.decode()
        said = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    if not isinstance(said, dict):
        raise Malformed("the body is not a JSON object")
    return text


def check(*, account: BrokerAccount, body: str, credentials: Credentials, lot_size_of: LotSizes) -> None:
    """Ask the account's shard to read its books if the postback is genuine; nothing else it says is believed.

    Raises ``Forged``. Safe to repeat: a duplicate only makes the books be read again.
    """
    secret = credentials.fields.get("api_secret", "")
    try:
        postback_order(account.broker, body.encode(), {}, secret, lot_size_of=lot_size_of)
    except (ValueError, UnknownBroker) as error:
        raise Forged(str(error)) from error
    commands.reconcile_account(account.pk, shard=account.shard)
