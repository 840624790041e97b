import pytest

from brokers.catalog import SPECS
from domain.tags import ENTROPY_BYTES, is_our_tag, tag_of

LEAST, MOST = bytes(ENTROPY_BYTES), b"\xff" * ENTROPY_BYTES


@pytest.mark.parametrize("entropy", [LEAST, MOST, bytes(range(ENTROPY_BYTES))])
@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_every_broker_takes_our_tags(spec, entropy):
    tag = tag_of(entropy, digits_only=spec.tag_digits_only)
    assert spec.is_tag(tag)
    assert is_our_tag(tag)


def test_a_tag_is_base32_of_all_its_chance():
    assert tag_of(LEAST) == "A" * 20
    assert tag_of(MOST) == "7" * 19 + "Q"


def test_a_number_has_eighteen_digits_from_the_first():
    assert tag_of(LEAST, digits_only=True) == "1" + "0" * 17
    assert tag_of(MOST, digits_only=True) == "564337593543950335"


@pytest.mark.parametrize("tag", ["", "VAYDA1", "A" * 19, "A" * 21, "a" * 20, "1" * 17, "0" + "1" * 17, "A" * 20 + "\n"])
def test_what_is_of_another_form_came_from_elsewhere(tag):
    assert not is_our_tag(tag)
