"""One-time codes against the test vectors of RFC 6238, appendix B."""

from base64 import b32encode
from datetime import UTC, datetime

import pytest

from domain.totp import totp

SECRET = b32encode(b"12345678901234567890").decode()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_rfc(seconds, code):
    assert totp(SECRET, at=at(seconds), digits=8) == code
    assert totp(SECRET, at=at(seconds)) == code[2:]


def test_a_code_holds_for_its_step():
    assert totp(SECRET, at=at(60)) == totp(SECRET, at=at(89))
    assert totp(SECRET, at=at(60)) != totp(SECRET, at=at(90))


def test_setup_keys_are_read_as_people_copy_them():
    spaced = " ".join(SECRET[start : start + 4] for start in range(0, len(SECRET), 4)).lower()
    assert totp(spaced, at=at(59)) == totp(SECRET, at=at(59))
    assert len(totp("JBSWY3DPEHPK3PXP", at=at(59))) == 6
    assert totp("MFRGG", at=at(59)) == totp("MFRGG===", at=at(59))


@pytest.mark.parametrize("secret", ["", "   ", "not base32!", "01189998", "ä"])
def test_what_is_no_setup_key_is_refused(secret):
    with pytest.raises(ValueError):
        totp(secret, at=at(59))
