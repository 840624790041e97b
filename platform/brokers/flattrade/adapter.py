"""Flattrade for ``brokers.connect``."""

from brokers.adapter import Account
from brokers.flattrade.login import FlattradeLogin
from brokers.flattrade.member import MEMBER
from brokers.noren.adapter import adapter_of
from domain.broker import Login


def _login(account: Account) -> Login:
    return FlattradeLogin(wire=account.wire(), credentials=account.credentials, endpoint=account.endpoint)


ADAPTER = adapter_of(MEMBER, login=_login)
