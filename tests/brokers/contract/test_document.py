"""BROKERS.md says what the code says."""

from tests.brokers.contract.case import CASES
from tests.brokers.contract.document import PATH, document
from tests.brokers.contract.table import MEMBERS


def test_the_page_is_up_to_date():
    assert PATH.read_text() == document(), "run: python -m tests.brokers.contract --write"


def test_every_reason_for_not_proving_names_a_case_and_why():
    for member in MEMBERS.values():
        assert set(member.reasons) <= set(CASES)
        assert all(member.reasons.values())


def test_every_broker_under_contract_says_what_nobody_verified():
    assert all(member.spec.not_verified for member in MEMBERS.values())
