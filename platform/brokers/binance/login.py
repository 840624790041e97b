"""Sign-in by keys: they are the session, and Binance says whose they are."""

from datetime import datetime

from brokers.adapter import Account
from brokers.binance.access import Access
from brokers.binance.futures.portfolio import check_mode
from brokers.binance.portfolio import account_row
from brokers.binance.spec import SPEC
from brokers.rest import RestAccount
from brokers.sign_in import RestLogin, Session
from domain.broker import BrokerError, BrokerToken


class BinanceLogin(RestLogin):
    """Nobody has to be there; the API key is the token, and lives until its owner deletes it."""

    spec = SPEC

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._account = account

    def login_url(self, *, state: str) -> str:
        """There is no page; raises ``BrokerError`` with code ``NO_PAGE``."""
        raise BrokerError("NO_PAGE", f"{SPEC.slug}: {SPEC.name} has no page to sign in on; the account's keys do")

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """There is no code to exchange: the same as ``sign_in``."""
        return await self.sign_in(now=now)

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Return the session of the account's keys; raises ``BrokerError``.

        Its code is ``WRONG_CLIENT`` for another account's keys, ``HEDGE_MODE`` for futures that are not kept net.
        """
        access = Access.of(self._account)
        row = await account_row(self._at(access))
        futures = Access.of_futures(self._account)
        if futures.symbols:
            await check_mode(self._at(futures))
        return self.token(Session(str(row.uid), access.api_key), now=now)

    def _at(self, access: Access) -> RestAccount[Access]:
        return RestAccount(SPEC, self._wire, access, self._account.lot_size_of)
