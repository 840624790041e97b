"""Who is believed to have sent a request, and whom an allow-list lets in."""

import pytest
from django.test.utils import override_settings

from apps.strategies.models import Signal
from apps.strategies.services.sources import is_allowed, parse_address, source_address
from tests.apps.strategies.conftest import Hook
from tests.cast import Cast

PROXY, CALLER = "10.0.0.1", "52.89.214.238"


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "caller"),
    [
        (CALLER, "", CALLER),
        ("203.0.113.9", CALLER, "203.0.113.9"),  # not our proxy: its header is ignored
        (PROXY, CALLER, CALLER),
        (PROXY, f"1.2.3.4, {CALLER}", CALLER),  # what the caller wrote stands left of what our proxy saw
        (PROXY, f"{CALLER}, 10.0.0.2", CALLER),  # two proxies of ours
        (PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (PROXY, "", PROXY),
        (PROXY, "  ,  ", PROXY),
        (PROXY, f"{CALLER}, garbage", None),
        (f"::ffff:{PROXY}", CALLER, CALLER),
        (PROXY, f"::ffff:{CALLER}", CALLER),
        ("", CALLER, None),
    ],
)
def test_the_caller_is_the_first_hop_from_the_right_that_is_not_ours(
    remote: str, forwarded_for: str, caller: str | None
) -> None:
    found = source_address(remote=remote, forwarded_for=forwarded_for, trusted=["10.0.0.0/24"])
    assert (None if found is None else str(found)) == caller


@pytest.mark.parametrize(
    ("allowed", "caller", "is_in"),
    [
        ([], CALLER, True),
        ([], None, True),
        ([CALLER], CALLER, True),
        ([CALLER], "52.89.214.239", False),
        (["52.89.214.0/24"], CALLER, True),
        ([CALLER], None, False),
        (["no address"], CALLER, False),
    ],
)
def test_an_allow_list_fails_closed(allowed: list[str], caller: str | None, is_in: bool) -> None:
    assert is_allowed(None if caller is None else parse_address(caller), allowed) is is_in


@pytest.fixture
def fenced(hook: Hook, cast: Cast) -> Hook:
    cast.strategy.allowed_ips = [CALLER]
    cast.strategy.save()
    return hook


def test_a_listed_address_is_let_in(fenced: Hook) -> None:
    response = fenced.client.post(fenced.url, "buy", content_type="text/plain", REMOTE_ADDR=CALLER)
    assert response.status_code == 202
    assert Signal.objects.get().source_ip == CALLER


@pytest.mark.parametrize("header", [CALLER, f"{CALLER}, 127.0.0.1", f"127.0.0.1, {CALLER}"])
def test_a_spoofed_forwarding_header_lets_nobody_in(fenced: Hook, header: str) -> None:
    response = fenced.post({"action": "buy"}, **{"X-Forwarded-For": header})

    assert (response.status_code, response.json()["code"]) == (403, "SOURCE_NOT_ALLOWED")
    assert not Signal.objects.exists()
    assert fenced.wakes == []


@override_settings(TRUSTED_PROXIES=["127.0.0.1"])
def test_behind_a_trusted_proxy_the_last_hop_counts(fenced: Hook) -> None:
    spoofed = fenced.post({"action": "buy"}, **{"X-Forwarded-For": f"{CALLER}, 203.0.113.9"})
    honest = fenced.post({"action": "buy"}, **{"X-Forwarded-For": f"203.0.113.9, {CALLER}"})

    assert (spoofed.status_code, honest.status_code) == (403, 202)
    assert Signal.objects.get().source_ip == CALLER
