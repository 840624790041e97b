"""The paper broker for ``brokers.connect``: a book and nothing else."""

from brokers.adapter import Account, Adapter
from brokers.paper.client import PaperBroker, PaperDesk
from brokers.paper.spec import ENDPOINT, SPEC
from domain.broker import Broker, BrokerError


def _broker(account: Account) -> Broker:
    if not isinstance(account.desk, PaperDesk):
        raise BrokerError("DESK", "paper: an account needs its desk (book, prices, clock)")
    return PaperBroker(account.desk)


ADAPTER = Adapter(spec=SPEC, endpoint=ENDPOINT, broker=_broker)
