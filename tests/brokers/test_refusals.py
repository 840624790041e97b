"""What an error proves is read off the SPEC's allow-list; doubt in the words beats any rule."""

from dataclasses import replace

import pytest

from brokers.paper.spec import SPEC as BASE
from brokers.refusals import error_kind, refused
from domain.broker import Verdict
from domain.broker_spec import ErrorKind, ErrorRule

SPEC = replace(
    BASE,
    errors=(
        ErrorRule(ErrorKind.SESSION_LOST, None, "E1"),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, "E2"),
        ErrorRule(ErrorKind.MARGIN, 400, "E3", r"short of (cash|margin)"),
        ErrorRule(ErrorKind.REJECTED, 400, "E3", "bad"),
        ErrorRule(ErrorKind.REJECTED, 400, "", "no such"),
    ),
)
KNOWN = [
    (200, "E1", "", ErrorKind.SESSION_LOST),
    (403, "E1", "try again", ErrorKind.SESSION_LOST),
    (429, "E2", "retry later", ErrorKind.RATE_LIMITED),
    (400, "E3", "You are Short of MARGIN", ErrorKind.MARGIN),
    (400, "E3", "a bad price", ErrorKind.REJECTED),
    (400, "", "no such contract", ErrorKind.REJECTED),
]
PROVES_NOTHING = [
    (400, "E2", "Too many"),
    (500, "E3", "a bad price"),
    (400, "E3", ""),
    (400, "E3", "something else"),
    (400, "E3", "a bad gateway"),
    (400, "E3", "short of margin, or timed out"),
    (400, "E9", "a bad price"),
    (400, "", "a bad price"),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), KNOWN)
def test_the_first_rule_that_matches_decides(status, code, message, kind):
    assert error_kind(SPEC, status=status, code=code, message=message) is kind


@pytest.mark.parametrize(("status", "code", "message"), PROVES_NOTHING)
def test_what_no_rule_names_or_words_make_doubtful_proves_nothing(status, code, message):
    assert error_kind(SPEC, status=status, code=code, message=message) is None
    assert refused(SPEC, status=status, code=code, message=message).verdict is Verdict.UNKNOWN


def test_a_want_of_money_is_a_refusal_that_says_so():
    outcome = refused(SPEC, status=400, code="E3", message="short of cash")
    assert (outcome.verdict, outcome.is_margin, outcome.code) == (Verdict.REJECTED, True, "E3")


def test_a_broker_without_codes_may_have_one_of_ours_recorded():
    outcome = refused(SPEC, status=400, code="", message="no such contract", shown_code="NOT_OK")
    assert (outcome.verdict, outcome.is_margin, outcome.code) == (Verdict.REJECTED, False, "NOT_OK")


def test_a_text_that_is_documented_whole_is_not_doubted_for_a_word():
    rule = ErrorRule(ErrorKind.REJECTED, 400, "-2011", r"^Unknown order sent\.$")
    for certain, kind in ((False, None), (True, ErrorKind.REJECTED)):
        spec = replace(BASE, errors=(replace(rule, certain=certain),))
        assert error_kind(spec, status=400, code="-2011", message="Unknown order sent.") is kind
        assert error_kind(spec, status=400, code="-2011", message="Unknown trouble.") is None
