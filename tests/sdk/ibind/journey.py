"""ibind, the client of IBKR's Web API most in use, pointed at the simulated exchange, completes a customer's day.

IBKR has no SDK of its own for it. ibind signs in with the account's OAuth keys, answers questions about orders, and
signs no query parameters. It says ``Host: api.ibkr.com`` wherever it goes.
"""

import os

os.environ |= {"IBIND_LOG_TO_FILE": "false", "IBIND_LOG_TO_CONSOLE": "false"}  # before it sets its logs up

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from Crypto.Cipher import PKCS1_v1_5
from Crypto.PublicKey import RSA
from ibind import ExternalBrokerError, IbkrClient, IbkrWsClient, OrderRequest, QuestionType, QueueSink, events
from ibind.ibkr_ws.ibkr_subscriptions import MarketDataSubscription, OrdersSubscription
from ibind.oauth.oauth1a import OAuth1aConfig
from steps import Control, step

NAME, OTHER = "SDK001", "SDK002"
SECRET = b"what only the two sides know"
TICK = 0.05
PATIENCE = 30.0
KEY = RSA.generate(2048)
PRIME = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
YES = {
    QuestionType.PRICE_PERCENTAGE_CONSTRAINT: True,
    QuestionType.ORDER_VALUE_LIMIT: True,
    QuestionType.STOP_ORDER_RISKS: True,
}
CANNOT = {"order history": "the Web API shows an order as it stands, not the states it went through"}

Row = dict[str, Any]


def config(url: str, name: str, **changes: Any) -> OAuth1aConfig:
    sealed = PKCS1_v1_5.new(KEY.publickey()).encrypt(SECRET)
    given: Row = {
        "oauth_rest_url": f"{url}/ibkr/v1/api/",
        "access_token": f"{name.lower()}token",
        "access_token_secret": base64.b64encode(sealed).decode(),
        "consumer_key": f"{name.lower()}key",
        "dh_prime": PRIME,
        "encryption_key": KEY.export_key().decode(),
        "signature_key": KEY.export_key().decode(),
        "maintain_oauth": False,
        "shutdown_oauth": False,
    }
    return OAuth1aConfig(**(given | changes))


@pytest.fixture(scope="module")
def registered(control: Control) -> None:
    public = KEY.publickey().export_key().decode()
    extra = {"signature_key": public, "token_secret": SECRET.hex(), "dh_prime": PRIME}
    for name in (NAME, OTHER):
        keys = {"api_key": f"{name.lower()}key", "api_secret": f"{name.lower()}token"}
        control("clients", {"clients": [{"client": name, "broker": "ibkr", **keys, "extra": extra}]})


def client_of(url: str, name: str) -> IbkrClient:
    return IbkrClient(account_id=name, use_oauth=True, oauth_config=config(url, name), max_retries=0)


@pytest.fixture(scope="module")
def ib(url: str, registered: None) -> IbkrClient:
    ib = client_of(url, NAME)
    assert ib.check_auth_status()
    assert ib.receive_brokerage_accounts().data["selectedAccount"] == NAME
    assert ib.portfolio_accounts().data[0]["accountId"] == NAME
    return ib


@pytest.fixture(scope="module")
def nifty(ib: IbkrClient) -> Row:
    (found,) = ib.search_contract_by_symbol("NIFTY50", sec_type="IND").data
    return found


@pytest.fixture(scope="module")
def option(ib: IbkrClient, nifty: Row) -> Row:
    """The call nearest to the money of the first expiry, with its rules."""
    months = next(one["months"] for one in nifty["sections"] if one["secType"] == "OPT").split(";")
    spot = float(snapshot(ib, nifty["conid"])["31"].lstrip("C"))
    strikes = ib.search_strikes_by_conid(nifty["conid"], "OPT", months[0]).data["call"]
    strike = min(strikes, key=lambda one: abs(one - spot))
    rows = ib.search_secdef_info_by_conid(nifty["conid"], "OPT", months[0], strike=f"{strike:g}", right="C").data
    row = min(rows, key=lambda one: one["maturityDate"])
    rules = ib.info_and_rules_by_conid(str(row["conid"]), is_buy=True).data["rules"]
    return row | {"lot": int(rules["sizeIncrement"]), "tick": rules["increment"]}


def snapshot(ib: IbkrClient, conid: object) -> Row:
    """The first look at a contract opens its stream, a later one shows it."""
    for _ in range(5):
        (row,) = ib.live_marketdata_snapshot([str(conid)], ["31", "84", "86", "7762"]).data
        if "31" in row:
            return row
    raise AssertionError("no price")


def priced(ib: IbkrClient, option: Row, factor: float) -> float:
    last = float(snapshot(ib, option["conid"])["31"].lstrip("C"))
    return max(TICK, round(round(last * factor / TICK) * TICK, 2))


def ticket(ib: IbkrClient, option: Row, tag: str, **changes: Any) -> OrderRequest:
    given: Row = {
        "conid": option["conid"],
        "side": "BUY",
        "quantity": option["lot"],
        "order_type": "LMT",
        "acct_id": NAME,
        "price": priced(ib, option, 1.15),
        "coid": tag,
        "tif": "DAY",
    }
    return OrderRequest(**(given | changes))


def booked(ib: IbkrClient, tag: str, status: str = "") -> Row:
    """The book's first answer is empty; the order's row is read until it stands so."""
    for _ in range(200):
        book = ib.live_orders(account_id=NAME).data
        rows = [row for row in book["orders"] if row.get("order_ref") == tag]
        if book["snapshot"] and rows and status in ("", rows[0]["status"]):
            return rows[0]
    raise AssertionError(f"{tag} is not {status or 'there'}")


@step("sign in")
def test_another_secret_is_refused(url, registered):
    wrong = base64.b64encode(PKCS1_v1_5.new(KEY.publickey()).encrypt(b"a guess")).decode()
    with pytest.raises(ExternalBrokerError):
        IbkrClient(use_oauth=True, oauth_config=config(url, OTHER, access_token_secret=wrong), max_retries=0)


@step("sign in")
def test_nothing_is_traded_before_the_brokerage_session(url, registered):
    early = config(url, OTHER, init_brokerage_session=False)
    ib = IbkrClient(account_id=OTHER, use_oauth=True, oauth_config=early, max_retries=0)
    with pytest.raises(ExternalBrokerError, match="no bridge"):
        ib.receive_brokerage_accounts()
    assert ib.initialize_brokerage_session().data["authenticated"]
    assert ib.receive_brokerage_accounts().data["accounts"] == [OTHER]
    assert ib.logout().data == {"status": True}
    with pytest.raises(ExternalBrokerError, match="401"):
        ib.receive_brokerage_accounts()


@step("sign in")
def test_a_user_name_has_one_brokerage_session(url, registered):
    first, second = client_of(url, OTHER), client_of(url, OTHER)
    assert second.check_health()
    assert not first.check_health()
    assert first.authentication_status().data["competing"]


@step("instruments")
def test_contracts_are_found_step_by_step(ib, nifty, option):
    assert nifty["description"] == "NSE"
    assert option["lot"] > 1
    futures = ib.security_future_by_symbol(["NIFTY50"]).data["NIFTY50"]
    assert {row["underlyingConid"] for row in futures} == {int(nifty["conid"])}
    assert ib.stock_conid_by_symbol("RELIANCE", default_filtering=False).data["RELIANCE"]
    (definition,) = ib.security_definition_by_conid([str(option["conid"])]).data["secdef"]
    assert (definition["assetClass"], definition["expiry"]) == ("OPT", option["maturityDate"])
    assert ib.search_contract_by_symbol("NOSUCHTHING").data == []


@step("funds")
def test_funds_are_numbers_and_texts(ib):
    summary = ib.portfolio_summary(NAME).data
    assert summary["availablefunds"]["currency"] == "INR"
    assert summary["availablefunds"]["amount"] == pytest.approx(10_000_000, rel=0.5)
    assert ib.get_ledger(NAME).data["BASE"]["cashbalance"] > 0
    assert ib.account_summary(NAME).data["availableFunds"] == pytest.approx(
        summary["availablefunds"]["amount"], rel=0.1
    )


@step("quotes")
def test_a_snapshot_shows_nothing_the_first_time(ib, nifty):
    (future, *_) = ib.security_future_by_symbol(["NIFTY50"]).data["NIFTY50"]
    (first,) = ib.live_marketdata_snapshot([str(future["conid"])], ["31", "84", "86"]).data
    assert set(first) == {"conid", "conidEx"}
    row = snapshot(ib, future["conid"])
    assert float(row["84"]) <= float(row["86"])
    assert row["6509"].startswith("R")


@step("candles")
def test_history_is_bars_oldest_first(ib, nifty):
    bars = ib.marketdata_history_by_conid(nifty["conid"], bar="30min", period="5d").data["data"]
    times = [bar["t"] for bar in bars]
    assert bars
    assert times == sorted(times)
    assert all(bar["l"] <= min(bar["o"], bar["c"]) <= max(bar["o"], bar["c"]) <= bar["h"] for bar in bars)


@step("place", "order book", "trades", "positions")
def test_an_order_is_asked_back_placed_filled_and_booked(ib, option):
    placed = ib.place_order(ticket(ib, option, "journey1"), YES).data
    assert placed["local_order_id"] == "journey1"
    row = booked(ib, "journey1", "Filled")
    assert (str(row["orderId"]), row["filledQuantity"]) == (placed["order_id"], option["lot"])
    assert ib.order_status(placed["order_id"]).data["order_status"] == "Filled"
    ib.trades(account_id=NAME)  # the first answer is empty
    (trade,) = [one for one in ib.trades(account_id=NAME).data if one["order_ref"] == "journey1"]
    assert (trade["side"], trade["size"], trade["conid"]) == ("B", option["lot"], option["conid"])
    ib.invalidate_backend_portfolio_cache(NAME)
    held = [one for one in ib.positions(NAME).data if one["conid"] == option["conid"]]
    assert [one["position"] for one in held] == [option["lot"]]


@step("positions")
def test_positions_come_from_a_cache(ib, option):
    ib.invalidate_backend_portfolio_cache(NAME)
    (before,) = [one for one in ib.positions(NAME).data if one["conid"] == option["conid"]]
    ib.place_order(ticket(ib, option, "journey2"), YES)
    booked(ib, "journey2", "Filled")
    (cached,) = [one for one in ib.positions(NAME).data if one["conid"] == option["conid"]]
    assert cached["position"] == before["position"]
    ib.invalidate_backend_portfolio_cache(NAME)
    (fresh,) = [one for one in ib.positions(NAME).data if one["conid"] == option["conid"]]
    assert fresh["position"] == before["position"] + option["lot"]


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(ib, option):
    low = priced(ib, option, 0.7)
    order = ticket(ib, option, "journey3", price=low)
    placed = ib.place_order(order, YES).data
    assert booked(ib, "journey3")["status"] == "Submitted"
    changed = ticket(ib, option, "journey3", price=round(low + TICK, 2))
    assert ib.modify_order(placed["order_id"], changed, YES).data["order_id"] == placed["order_id"]
    assert float(booked(ib, "journey3")["price"]) == pytest.approx(low + TICK)
    asked = ib.cancel_order(placed["order_id"]).data
    assert (asked["msg"], asked["order_id"]) == ("Request was submitted", int(placed["order_id"]))
    booked(ib, "journey3", "Cancelled")
    with pytest.raises(ExternalBrokerError):
        ib.cancel_order(placed["order_id"])


@step("place")
def test_a_question_left_unanswered_places_nothing(ib, option, control):
    with pytest.raises(RuntimeError, match="not given a positive reply"):
        ib.place_order(ticket(ib, option, "journey4", price=priced(ib, option, 0.7)), dict.fromkeys(YES, False))
    events_of = [line["event"] for line in control("ledger?tag=journey4")["entries"]]
    assert events_of == ["REQUEST", "REJECTED"]
    assert not [row for row in ib.live_orders(account_id=NAME).data["orders"] if row.get("order_ref") == "journey4"]


@step("place")
def test_a_question_that_is_suppressed_is_not_asked(ib, option):
    assert ib.suppress_messages(["o163", "o451", "o10331"]).data == {"status": "submitted"}
    placed = ib.place_order(ticket(ib, option, "journey5", price=priced(ib, option, 0.7)), {}).data
    ib.cancel_order(placed["order_id"])
    assert ib.reset_suppressed_messages().data == {"status": "submitted"}


@step("place")
def test_a_tag_works_once(ib, option):
    with pytest.raises(ExternalBrokerError, match="already registered"):
        ib.place_order(ticket(ib, option, "journey3"), YES)


@step("place")
def test_a_stop_waits_and_an_odd_price_is_refused(ib, option):
    above = priced(ib, option, 1.1)
    stop = ticket(ib, option, "journey6", order_type="STOP_LIMIT", price=above, aux_price=above)
    placed = ib.place_order(stop, YES).data
    assert booked(ib, "journey6", "PreSubmitted")["orderType"] == "Stop Limit"
    ib.cancel_order(placed["order_id"])
    with pytest.raises(ExternalBrokerError, match="minimum price variation"):
        ib.place_order(ticket(ib, option, "journey7", price=priced(ib, option, 1.0) + TICK / 2), YES)


@pytest.fixture
def socket(ib: IbkrClient, url: str) -> Iterator[tuple[IbkrWsClient, QueueSink]]:
    sink = QueueSink()
    address = f"{url.replace('http', 'ws', 1)}/ibkr/v1/api/ws"
    token = f"{NAME.lower()}token"
    client = IbkrWsClient(account_id=NAME, url=address, ibkr_client=ib, use_oauth=True, access_token=token, sink=sink)
    assert client.start()
    try:
        yield client, sink
    finally:
        client.shutdown()


@step("market socket")
def test_prices_are_pushed(socket, option, nifty):
    client, sink = socket
    accessor = sink.new_queue_accessor(events.MarketData)
    for conid in (option["conid"], nifty["conid"]):
        handle = client.subscribe(MarketDataSubscription(conid=str(conid), fields=["31", "84", "86"]))
        assert handle.wait(PATIENCE)
    seen: dict[str, Row] = {}
    while {str(option["conid"]), str(nifty["conid"])} - seen.keys():
        event = accessor.get(block=True, timeout=PATIENCE)
        assert event is not None, "nothing was pushed"
        seen.setdefault(event.conid, {}).update(event.data)
    assert float(seen[str(option["conid"])]["bid_price"]) <= float(seen[str(option["conid"])]["ask_price"])
    assert client.tic() is not None


@step("order socket")
def test_orders_are_pushed(socket, ib, option):
    client, sink = socket
    accessor = sink.new_queue_accessor(events.Orders)
    assert client.subscribe(OrdersSubscription()).wait(PATIENCE)
    ib.place_order(ticket(ib, option, "journey8"), YES)
    states: list[str] = []
    while "Filled" not in states:
        event = accessor.get(block=True, timeout=PATIENCE)
        assert event is not None, f"nothing was pushed after {states}"
        states += [row["status"] for row in event.data["args"] if row.get("order_ref") == "journey8"]


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(ib, option, control):
    lines = control("ledger?tag=journey1")["entries"]
    # The first request is asked back, the reply is another one.
    assert [line["event"] for line in lines][:2] == ["REQUEST", "REJECTED"]
    assert [line["event"] for line in lines][-3:] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["quantity"] for line in lines} == {option["lot"]}
