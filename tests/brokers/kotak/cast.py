"""The account, the contracts and the recorded payloads that the tests of Kotak share."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from brokers.catalog import simulated_endpoint
from brokers.kotak.access import Access, Session
from brokers.kotak.spec import ENDPOINT
from brokers.transport import WireAnswer, WireRequest
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest
from tests.brokers.order_cast import limit_order, price_change
from tests.shared import shared_path

V3 = "kotak/sdk_v3_docs"
DOCS = "kotak/docs_marketcalls"
ORDER_ID = "250720000007242"
FIELDS = {"consumer_key": "key1", "mobile_number": "+919876543210", "totp_secret": "JBSWY3DPEHPK3PXP", "mpin": "246810"}
REAL = Session("trade.jwt.1", "sid-1", "https://e43.kotaksecurities.com")
LOTS = {"CRUDEOIL26DECFUT": 100, "GOLD26DECFUT": 1000}


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("kotak", base)


def session(base: str = "http://kotak.test") -> Session:
    return Session("trade.jwt.1", "sid-1", f"{base}/kotak")


def credentials(base: str = "http://kotak.test", **fields: str) -> Credentials:
    return Credentials("XP6M4", {**FIELDS, **fields}, access_token=session(base).packed())


def access(base: str = "http://kotak.test") -> Access:
    return Access.of(credentials(base), endpoint(base))


def real_access(token: str = REAL.packed()) -> Access:
    return Access.of(replace(credentials(), access_token=token), ENDPOINT)


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": "NIFTY26D0124200CE", "token": "nse_fo|54452"} | changes))


def change(**changes: Any) -> OrderChange:
    return price_change(**({"symbol": "NIFTY26D0124200CE"} | changes))


def said(prepared: WireRequest) -> dict[str, str]:
    """The fields of a call, as the server that decodes its form sees them."""
    assert prepared.form is not None
    assert set(prepared.form) == {"jData"}
    fields: dict[str, str] = json.loads(prepared.form["jData"])
    assert all(isinstance(value, str) for value in fields.values())
    return fields


def form_of(body: bytes) -> Mapping[str, object]:
    """The fields of a call as they came over the wire."""
    found: Mapping[str, object] = json.loads(dict(parse_qsl(body.decode()))["jData"])
    return found


def recorded(path: str) -> bytes:
    """The bytes of a documented payload."""
    return shared_path(path).read_bytes()


def rows(path: str) -> bytes:
    """The list a documented answer holds."""
    return json.dumps(json.loads(recorded(path))["data"]).encode()


def answer(body: object, *, status: int = 200) -> WireAnswer:
    return WireAnswer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def jwt(expires_at: datetime) -> str:
    """A token that states when it dies; nobody here verifies its signature."""
    parts = ({"alg": "RS256", "typ": "JWT"}, {"sub": "XP6M4", "exp": int(expires_at.timestamp())})
    encoded = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*encoded, "c2lnbmF0dXJl"))


def order_row(**changes: object) -> dict[str, object]:
    """A row of an order book, with changes; ``None`` leaves a field out."""
    row: dict[str, object] = {
        "nOrdNo": ORDER_ID,
        "ordSt": "open",
        "exSeg": "nse_fo",
        "trdSym": "NIFTY26D0124200CE",
        "sym": "NIFTY",
        "tok": "54452",
        "trnsTp": "B",
        "prcTp": "L",
        "prod": "NRML",
        "vldt": "DAY",
        "qty": 130,
        "fldQty": 0,
        "unFldSz": 130,
        "avgPrc": "0.00",
        "prc": "42.10",
        "trgPrc": "0.00",
        "rejRsn": "--",
        "lotSz": "65",
        "GuiOrdId": "VAYDA000000000000001",
        "ordDtTm": "20-Nov-2026 10:00:00",
        "hsUpTm": "2026/11/20 10:00:01",
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def encoded(*found: dict[str, object]) -> bytes:
    return json.dumps(found).encode()
