"""Flattrade for ``brokers.connect``."""

from brokers.flattrade.login import FlattradeLogin
from brokers.flattrade.member import MEMBER
from brokers.noren.adapter import adapter_of

ADAPTER = adapter_of(MEMBER, login=FlattradeLogin)
