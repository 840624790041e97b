"""A Kite account: sign-in, and the broker that trades it. https://kite.trade/docs/connect/v3/user/"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from brokers.adapter import credential
from brokers.lots import LotSizeOf
from brokers.tokens import token_expiry
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireAnswer, WireFailure, WireRequest
from brokers.zerodha import orders, portfolio
from brokers.zerodha.access import VERSION_HEADERS, Access
from brokers.zerodha.answers import BROKER, read_data
from brokers.zerodha.spec import ENDPOINT, SPEC
from domain.broker import (
    BasketMargin,
    BrokerError,
    BrokerSpec,
    BrokerToken,
    BrokerUnavailable,
    Credentials,
    Endpoint,
    Holding,
    Outcome,
    SessionLost,
)
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest

_REQUEST_TOKEN_PATH = "/control/zerodha/request-token"  # noqa: S105 -- a path of the simulated exchange

_T = TypeVar("_T")


class ZerodhaBroker:
    """Order entry and books of one Kite account."""

    spec: BrokerSpec = SPEC

    def __init__(self, *, wire: Wire, access: Access, lot_size_of: LotSizeOf) -> None:
        self._wire = wire
        self._access = access
        self._lot_size_of = lot_size_of

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises."""
        return await orders.place(self._wire, self._access, request)

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Modify once; never raises."""
        return await orders.modify(self._wire, self._access, broker_order_id, change)

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        return await orders.cancel(self._wire, self._access, broker_order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Return today's orders; raises ``BrokerError``."""
        return await portfolio.order_book(self._wire, self._access, self._lot_size_of)

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return today's executions; raises ``BrokerError``."""
        return await portfolio.trade_book(self._wire, self._access, self._lot_size_of)

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return net positions; raises ``BrokerError``."""
        return await portfolio.positions(self._wire, self._access, self._lot_size_of)

    async def funds(self) -> Funds:
        """Return the rupees of equity and commodity together; raises ``BrokerError``."""
        return await portfolio.funds(self._wire, self._access)

    async def order_history(self, broker_order_id: str) -> Sequence[BrokerOrder]:
        """Return the states of one order, oldest first; raises ``BrokerError``."""
        return await portfolio.order_history(self._wire, self._access, broker_order_id, self._lot_size_of)

    async def holdings(self) -> Sequence[Holding]:
        """Return delivered securities; raises ``BrokerError``."""
        return await portfolio.holdings(self._wire, self._access)

    async def basket_margin(self, requests: Sequence[OrderRequest]) -> BasketMargin:
        """Return what orders need together, positions considered; raises ``BrokerError``."""
        return await portfolio.basket_margin(self._wire, self._access, requests)

    async def aclose(self) -> None:
        """Close the account's HTTP session."""
        await self._wire.aclose()


class _Session(msgspec.Struct):
    user_id: str
    access_token: str


class _RequestToken(msgspec.Struct):
    request_token: str


class ZerodhaLogin:
    """Kite's browser sign-in; without a person only against the simulated exchange."""

    def __init__(self, *, wire: Wire, credentials: Credentials, endpoint: Endpoint) -> None:
        self._wire = wire
        self._credentials = credentials
        self._endpoint = endpoint
        self._login_url = (endpoint.login_url or ENDPOINT.login_url).rstrip("/")

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Kite hands ``state`` back beside the request token."""
        query = {
            "v": "3",
            "api_key": credential(SPEC, self._credentials, "api_key"),
            "redirect_params": urlencode({"state": state}),
        }
        return f"{self._login_url}/connect/login?{urlencode(query)}"

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """Return the session of a request token; raises ``BrokerError``.

        Its code is ``WRONG_CLIENT`` when somebody else signed in.
        """
        answer = await self._send(self._token_request(request_token))
        session = _decoded(read_data(answer, what="sign-in"), _Session)
        self._check_client(session)
        return BrokerToken(
            access_token=session.access_token, client_id=session.user_id, expires_at=token_expiry(SPEC, now)
        )

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Sign in without a person; the real Kite raises ``BrokerError`` with code ``MANUAL``."""
        if self._needs_person():
            raise BrokerError("MANUAL", "zerodha: a person has to sign in on Kite's page")
        request = WireRequest(
            "POST", f"{self._login_url}{_REQUEST_TOKEN_PATH}", json={"client": self._credentials.client_id}
        )
        answer = await self._send(request)
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", "zerodha: the simulated sign-in was refused")
        token = _decoded(answer.body, _RequestToken).request_token
        return await self.exchange(request_token=token, now=now)

    async def sign_out(self, token: BrokerToken) -> None:
        """Revoke a token at Kite; a dead one is nothing to do. Raises ``BrokerError``."""
        query = (("api_key", credential(SPEC, self._credentials, "api_key")), ("access_token", token.access_token))
        url = f"{self._endpoint.rest_url.rstrip('/')}/session/token"
        answer = await self._send(WireRequest("DELETE", url, headers=VERSION_HEADERS, query=query))
        with suppress(SessionLost):
            read_data(answer, what="sign-out")

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    def _token_request(self, request_token: str) -> WireRequest:
        api_key = credential(SPEC, self._credentials, "api_key")
        secret = credential(SPEC, self._credentials, "api_secret")
        checksum = hashlib.sha256(f"{api_key}{request_token}{secret}".encode()).hexdigest()
        return WireRequest(
            "POST",
            f"{self._endpoint.rest_url.rstrip('/')}/session/token",
            headers=VERSION_HEADERS,
            form={"api_key": api_key, "request_token": request_token, "checksum": checksum},
        )

    def _check_client(self, session: _Session) -> None:
        if not session.access_token or not session.user_id:
            raise BrokerUnavailable("MALFORMED", "zerodha sign-in: no access_token or user_id")
        expected = self._credentials.client_id
        if expected and session.user_id.upper() != expected.upper():
            raise BrokerError("WRONG_CLIENT", f"zerodha: {session.user_id} signed in, not {expected}")

    def _needs_person(self) -> bool:
        host = urlsplit(self._login_url).hostname or ""
        return host == "" or host == "zerodha.com" or host.endswith(".zerodha.com")

    async def _send(self, request: WireRequest) -> WireAnswer:
        try:
            return await self._wire.send(request, limit=ORDER_BODY_LIMIT)
        except WireFailure as failure:
            raise failure.as_unavailable(BROKER) from failure


def _decoded(data: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BrokerUnavailable("MALFORMED", f"zerodha sign-in: {error}") from error
