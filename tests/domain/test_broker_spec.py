"""A SPEC answers what may be asked of a broker."""

from dataclasses import replace

import pytest

from brokers.catalog import SPECS, spec_of
from domain.broker_spec import CredentialField, QuantityUnit, SignIn, SignInDenied, SignInKind
from domain.orders import OrderType, Product, Validity

ZERODHA = spec_of("zerodha")


def test_words_go_to_the_segments_that_take_them():
    assert ZERODHA.takes("NFO", Product.NRML, OrderType.SL, Validity.IOC)
    assert not ZERODHA.takes("MCX", Validity.IOC)
    assert not ZERODHA.takes("NFO", Product.CNC, OrderType.LIMIT)
    assert not ZERODHA.takes("XNAS", Product.NRML)


def test_what_a_broker_has_no_intraday_product_for_is_carried():
    ibkr = SPECS["ibkr"]
    assert ZERODHA.product_for("NFO", Product.MIS) is Product.MIS
    assert ibkr.product_for("NFO", Product.MIS) is Product.NRML
    assert ibkr.product_for("NSE", Product.MIS) is Product.CNC
    assert ibkr.product_for("NFO", Product.CNC) is None
    assert ibkr.product_for("MCX", Product.MIS) is None


def test_quantities_have_a_unit_per_segment():
    assert ZERODHA.quantity_unit("MCX") is QuantityUnit.LOTS
    assert ZERODHA.quantity_unit("NFO") is QuantityUnit.UNITS


@pytest.mark.parametrize("tag", ["", "x" * 21, "a-b", "a b", "٣", "ß", "a\n"])
def test_what_a_broker_would_mangle_is_no_tag(tag):
    assert not ZERODHA.is_tag(tag)


def test_a_broker_may_take_digits_only():
    digits = replace(ZERODHA, tag_digits_only=True, tag_length=18)
    assert digits.is_tag("9" * 18)
    assert not digits.is_tag("9" * 19)
    assert not digits.is_tag("VAYDA1")
    assert not digits.is_tag("01")


def test_only_required_credentials_are_insisted_on():
    sign_in = SignIn(SignInKind.KEYS, (CredentialField("key", "Key"), CredentialField("totp", "TOTP", required=False)))
    assert replace(ZERODHA, sign_in=sign_in).credential_fields == ("key",)


CALLBACK = SignIn(SignInKind.OAUTH, code_names=("code", "request_code"), success=("s", "ok"))


@pytest.mark.parametrize(
    ("query", "code"),
    [({"s": "ok", "code": "abc"}, "abc"), ({"s": "ok", "code": "", "request_code": "x.y-z"}, "x.y-z")],
)
def test_a_code_is_found_under_any_of_its_names(query, code):
    assert CALLBACK.code_of(query) == code


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"s": "ok"},
        {"s": "error", "code": "abc"},
        {"code": "abc"},
        {"s": "ok", "code": "a b"},
        {"s": "ok", "code": "a\n"},
        {"s": "ok", "code": "x" * 2001},
        {"s": "ok", "code": "é"},
    ],
)
def test_a_callback_without_a_usable_code_is_a_denial(query):
    with pytest.raises(SignInDenied):
        CALLBACK.code_of(query)


NAMED = replace(CALLBACK, client_name="user")


def test_a_code_is_handed_on_with_its_client_where_the_exchange_needs_it():
    assert NAMED.code_of({"s": "ok", "code": "a:b", "user": "AB-01_x"}) == "AB-01_x:a:b"
    for user in ("", "a:b", "a b", "é", "x" * 65):
        with pytest.raises(SignInDenied):
            NAMED.code_of({"s": "ok", "code": "abc", "user": user})


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_a_spec_refuses_only_what_it_otherwise_takes(spec):
    words = spec.products | spec.order_types | spec.validities
    assert all(exchange in spec.exchanges and word in words for exchange, word in spec.refuses)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_lots_are_counted_where_the_broker_takes_orders_or_says_why_it_only_shows(spec):
    """Upstox shows commodities, counted in lots, and takes no orders for them through the API."""
    only_shown = {"upstox": {"MCX"}}.get(spec.slug, set())
    assert spec.quantity_in_lots <= spec.exchanges | only_shown
    assert not only_shown & spec.exchanges
