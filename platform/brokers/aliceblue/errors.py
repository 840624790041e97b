"""Alice Blue's list of proved non-acceptance: the codes of its error table that say what was wrong with the request.

https://v2api.aliceblueonline.com/Error%20Code/. What says that something failed (EC003, EC912, EC913) proves nothing.
"""

import re

from domain.broker_spec import ErrorKind, ErrorRule

_STATUSES = (200, 400)
"""HTTP statuses a refusal comes with; any other is a gateway's and proves nothing."""

_CODE = re.compile(r"\bEC\d{3}\b")
_ADVICE = re.compile(r"please verify the order (details|id) and try again\.?", re.IGNORECASE)

SESSION_EXPIRED = "EC087"
NO_ORDERS, NO_POSITIONS, NO_HOLDINGS, NO_TRADES = "EC916", "EC920", "EC922", "EC926"
"""An empty book, each its own: that there are no positions does not say that there are no orders."""

_OF_FIELDS = (
    *("EC900", "EC901", "EC902", "EC903", "EC904", "EC906", "EC907", "EC908", "EC909", "EC910", "EC911", "EC914"),
    *("EC925", "EC929", "EC930", "EC932", "EC933", "EC934", "EC936", "EC941", "EC942", "EC944", "EC945", "EC946"),
    *("EC947", "EC948", "EC949", "EC950", "EC951", "EC953", "EC954", "EC957", "EC958", "EC959", "EC960", "EC962"),
    *("EC963", "EC964", "EC966", "EC967", "EC968", "EC969", "EC970", "EC971", "EC972", "EC973", "EC974", "EC975"),
    *("EC979", "EC980", "EC981", "EC982", "EC983", "EC984", "EC988", "EC990", "EC991", "EC996"),
    *("EC801", "EC807", "EC813", "EC814", "EC815", "EC819", "EC822", "EC823", "EC824", "EC825", "EC826", "EC827"),
    *("EC828", "EC829", "EC830", "EC831", "EC832", "EC834", "EC837", "EC838", "EC842", "EC843", "EC844", "EC846"),
    *("EC847", "EC848", "EC849", "EC850", "EC851", "EC852", "EC855", "EC856", "EC857", "EC858", "EC865"),
    *("EC082", "EC086", "EC088", "EC089", "EC090", "EC091", "EC092"),
)
"""A field is missing or wrong, or the account, the product or the segment does not take such an order."""

_OF_ORDERS = ("EC992", "EC993", "EC994", "EC997", "EC999")
"""The order named cannot be changed or cancelled: it is not there, or not open any more."""


def code_in(*texts: str | None) -> str:
    """Return the first error code in the texts of an answer, "" for none."""
    found = (_CODE.search(text) for text in texts if text)
    return next((match[0] for match in found if match), "")


def without_advice(text: str) -> str:
    """Return what a refusal says without what it advises: "try again" means another order there, not a doubt."""
    return _ADVICE.sub("", text)


PROVED = (
    *(ErrorRule(ErrorKind.SESSION_LOST, status, SESSION_EXPIRED) for status in (*_STATUSES, 401)),
    # RFC 9110 (15.5.2): a request answered so has not been applied.
    ErrorRule(ErrorKind.SESSION_LOST, 401, ""),
    ErrorRule(ErrorKind.RATE_LIMITED, 429, ""),
    *(ErrorRule(ErrorKind.REJECTED, status, code) for status in _STATUSES for code in (*_OF_FIELDS, *_OF_ORDERS)),
)
