"""The watchlist: search, add, remove, bring back."""

import pytest

from apps.dashboard.services import watchlist
from apps.markets.models import Instrument, WatchlistItem
from tests.apps.dashboard.conftest import Scene, client_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nifty 26000 ce", ["NIFTY23NOV2626000CE"]),
        ("26000", ["NIFTY23NOV2626000CE", "NIFTY23NOV2626000PE"]),
        ("NIFTY PE", ["NIFTY23NOV2626000PE"]),
        ("BANKNIFTY", []),
        ("", []),
        ("%_", []),
    ],
)
def test_every_word_must_match(scene: Scene, text: str, found: list[str]) -> None:
    assert [instrument.symbol for instrument in watchlist.search(text)] == found


def test_the_underlying_itself_comes_first(scene: Scene) -> None:
    for exchange, underlying in (("NSE_INDEX", "BANKNIFTY"), ("NSE_INDEX", "NIFTYNXT50")):
        Instrument.objects.create(exchange=exchange, underlying=underlying, kind="INDEX", symbol=underlying)
    found = [instrument.symbol for instrument in watchlist.search("nifty")]
    assert found[0] == "NIFTY"
    assert set(found[1:3]) == {"NIFTY23NOV2626000CE", "NIFTY23NOV2626000PE"}


def test_what_has_expired_is_not_found(scene: Scene) -> None:
    Instrument.objects.filter(pk=scene.cast.call.pk).update(expiry="2026-11-13")
    assert [instrument.symbol for instrument in watchlist.search("26000")] == ["NIFTY23NOV2626000PE"]


def test_the_search_shows_what_was_typed_as_text(scene: Scene) -> None:
    shown = client_of(scene.cast.trader).get("/watchlist/search/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_an_item_is_added_once_and_shown_with_its_price(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    for _ in range(2):
        shown = client.post(f"/watchlist/add/{scene.cast.call.pk}/").content.decode()
    assert WatchlistItem.objects.filter(user=scene.cast.trader).count() == 1
    assert "NIFTY 26000 CE" in shown
    assert "39.85" in shown


def test_a_removed_item_offers_its_way_back(scene: Scene) -> None:
    item = WatchlistItem.objects.create(user=scene.cast.trader, instrument=scene.cast.call)
    client = client_of(scene.cast.trader)
    shown = client.post(f"/watchlist/{item.pk}/remove/").content.decode()
    assert f'data-undo="/watchlist/add/{scene.cast.call.pk}/"' in shown
    assert not WatchlistItem.objects.exists()
    assert client.post(f"/watchlist/{item.pk}/remove/").status_code == 404


def test_a_full_list_says_so_and_keeps_what_it_has(scene: Scene) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.dashboard.services.watchlist.MOST_ITEMS", 1)
        client = client_of(scene.cast.trader)
        client.post(f"/watchlist/add/{scene.cast.call.pk}/")
        shown = client.post(f"/watchlist/add/{scene.cast.put.pk}/").content.decode()
    assert "1 instruments at most" in shown
    assert [item.instrument for item in WatchlistItem.objects.all()] == [scene.cast.call]


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("post", 404)])
def test_odd_requests_change_nothing(scene: Scene, method: str, status: int) -> None:
    assert getattr(client_of(scene.cast.trader), method)("/watchlist/add/999999/").status_code == status
    assert not WatchlistItem.objects.exists()
