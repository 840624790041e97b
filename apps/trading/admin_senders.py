"""Ended terms of leadership on the operators' desk, and the one thing only a person can know: the sender is gone."""

from typing import cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import SharedAdmin, desk_action
from apps.trading.services.senders import confirm_gone
from apps.users.models import User
from bus.models import Fate, Term

_TEXT = (
    "Confirm only once that machine is off, or cut off from every broker, for good. Exits it may have sent and that no"
    " order book shows are then sent again after the usual wait: were it still at work, they would go out twice."
)


class GoneForm(ConfirmForm):
    """Nobody says this by accident."""

    word = "GONE"
    wants_reason = True


@admin.register(Term)
class TermAdmin(SharedAdmin):
    """How each term of leadership ended. After one that ran out unproved, unknown exits wait for a person's word."""

    list_display = ("lease", "epoch", "holder", "fate", "ended_at", "is_in_doubt", "confirmed_by", "confirmed_at")
    list_filter = ("fate", "lease")
    search_fields = ("lease", "holder")
    actions_detail = ["sender_is_gone"]

    @admin.display(description="In doubt", boolean=True)
    def is_in_doubt(self, term: Term) -> bool:
        """Whether its holder may still be at work somewhere."""
        return term.fate == Fate.EXPIRED and term.confirmed_at is None

    @desk_action("The sender is gone", path="gone", icon="power_off")
    def sender_is_gone(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Confirm that a term's holder can send nothing any more."""
        term = get_object_or_404(Term, pk=object_id)
        actor = cast(User, request.user)
        return confirmed(
            self,
            request,
            form=ask(request, GoneForm),
            title=f"The sender is gone: {term.holder}",
            text=_TEXT,
            button="It is gone",
            back=reverse("admin:bus_term_changelist"),
            act=lambda data: _confirm(term, actor, data["reason"]),
        )


def _confirm(term: Term, actor: User, reason: str) -> str:
    told = confirm_gone(term=term, actor=actor, reason=reason, wall=timezone.now())
    return "Noted: its unknown exits go on." if told else "Its end was known before."
