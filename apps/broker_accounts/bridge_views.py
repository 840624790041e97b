"""The addresses terminals call, under ``/mt5/v1/``: a token, a number, a body, and an answer at once."""

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from apps.broker_accounts.services.bridge import take
from brokers.mt5.protocol import CALLS, Refused, sequence_of, written

log = logging.getLogger(__name__)


@csrf_exempt
def call(request: HttpRequest, name: str) -> HttpResponse:
    """Take one call. The terminal's own words are believed only within what its account may say."""
    try:
        return _json(200, written(_taken(request, name)))
    except Refused as refused:
        log.info("bridge call refused", extra={"call": name[:20], "code": refused.code, "status": refused.status})
        return _refusal(refused)
    except DatabaseError:
        log.exception("a bridge call could not be taken")
        return _refusal(Refused(503, "TRY_AGAIN", "nothing was taken; call again"))


def _taken(request: HttpRequest, name: str) -> object:
    if name not in CALLS:
        raise Refused(404, "NO_CALL", "the bridge has no such call")
    if request.method != "POST":
        raise Refused(405, "METHOD", "calls are POST")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise Refused(401, "UNAUTHORISED", "show the account's bridge token")
    seq = sequence_of(request.headers.get("X-Seq", ""))
    return take(token=token, call=name, body=_body(request, CALLS[name].limit), seq=seq)


def _body(request: HttpRequest, limit: int) -> bytes:
    """Read one byte more than is allowed: half a body is none, whatever its length was said to be."""
    declared = request.headers.get("Content-Length") or "0"
    if not (declared.isascii() and declared.isdecimal() and len(declared) < 12):
        raise Refused(400, "BAD_LENGTH", "Content-Length is not a number")
    if int(declared) > limit:
        raise Refused(413, "TOO_LONG", f"{declared} bytes, at most {limit} are read")
    try:
        body = request.read(limit + 1)
    except UnreadablePostError as error:
        raise Refused(400, "CUT_SHORT", "the body could not be read") from error
    if len(body) != int(declared):
        raise Refused(400, "CUT_SHORT", "the body is not as long as it was said to be")
    return body


def _refusal(refused: Refused) -> HttpResponse:
    body = written({"code": refused.code, "message": refused.message})
    response = _json(refused.status, body)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _json(status: int, body: bytes) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"})
