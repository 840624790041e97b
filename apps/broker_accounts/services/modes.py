"""Which mode an account trades in, and why."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, ModeReason
from apps.users.models import User
from brokers.catalog import spec_of


class PaperOnly(ValueError):
    """The account's broker is the paper broker: there is nothing live to choose."""


class FeedOnly(ValueError):
    """The account lends its session's only socket to the market feed: it cannot trade live as well."""


def is_torn(*, broker: str, wanted: str, is_feed: bool) -> bool:
    """Say whether an account would need its session's only socket twice: for the market feed and for its orders."""
    return is_feed and wanted == AccountMode.LIVE and spec_of(broker).one_socket


def choose_mode(*, account: BrokerAccount, wanted: AccountMode, actor: User) -> None:
    """Write down what the client wants, and bring it into force as far as the broker's session allows.

    Raises ``PaperOnly`` and ``FeedOnly``.
    """
    if account.broker == "paper" and wanted == AccountMode.LIVE:
        raise PaperOnly("an account at the paper broker cannot trade live")
    if is_torn(broker=account.broker, wanted=wanted, is_feed=account.is_feed):
        raise FeedOnly("an account that lends its only socket to the market feed cannot trade live")
    with transaction.atomic():
        changed = BrokerAccount.objects.filter(pk=account.pk).exclude(wanted_mode=wanted).update(wanted_mode=wanted)
        account.wanted_mode = wanted
        if changed:
            record("mode_chosen", account, tenant_id=account.tenant_id, actor=actor, wanted=wanted)
        if wanted == AccountMode.PAPER:
            force_paper(account=account, reason=ModeReason.CHOSEN, actor=actor)
        else:
            restore_mode(account=account)


def force_paper(*, account: BrokerAccount, reason: ModeReason, actor: User | None = None) -> bool:
    """Send an account's new entries to paper; live trades stay live. ``False`` when it was on paper already."""
    with transaction.atomic():
        changed = BrokerAccount.objects.filter(pk=account.pk, mode=AccountMode.LIVE).update(
            mode=AccountMode.PAPER, mode_reason=reason
        )
        if changed:
            record("mode_forced_to_paper", account, tenant_id=account.tenant_id, actor=actor, reason=reason)
    return bool(changed)


def hold_on_paper(*, account: BrokerAccount, actor: User) -> bool:
    """Keep an account on paper by the operator's word, also after its next sign-in; ``False`` when it was held."""
    with transaction.atomic():
        changed = (
            BrokerAccount.objects.filter(pk=account.pk)
            .exclude(mode=AccountMode.PAPER, mode_reason=ModeReason.OPERATOR)
            .update(mode=AccountMode.PAPER, mode_reason=ModeReason.OPERATOR)
        )
        if changed:
            record("mode_held_on_paper", account, tenant_id=account.tenant_id, actor=actor)
    return bool(changed)


def end_hold(*, account: BrokerAccount, actor: User) -> bool:
    """Take the operator's hold back and give the account the mode its client chose; ``False`` without a hold."""
    with transaction.atomic():
        held = BrokerAccount.objects.filter(pk=account.pk, mode_reason=ModeReason.OPERATOR)
        changed = held.update(mode_reason=ModeReason.NO_SESSION if account.wanted_mode == "LIVE" else ModeReason.CHOSEN)
        if changed:
            record("mode_hold_ended", account, tenant_id=account.tenant_id, actor=actor)
            restore_mode(account=account)
    return bool(changed)


def restore_mode(*, account: BrokerAccount) -> bool:
    """Give a signed-in account the mode its client chose; ``False`` when nothing changed."""
    if account.wanted_mode != AccountMode.LIVE or not BrokerSession.objects.usable().filter(account=account).exists():
        return False
    with transaction.atomic():
        changed = (
            BrokerAccount.objects.filter(pk=account.pk, mode=AccountMode.PAPER)
            .exclude(mode_reason=ModeReason.OPERATOR)
            .exclude(broker="paper")
            .update(mode=AccountMode.LIVE, mode_reason=ModeReason.CHOSEN)
        )
        if changed:
            record("mode_live", account, tenant_id=account.tenant_id)
    return bool(changed)


def force_sessionless_to_paper(*, now: datetime, brokers: Collection[str] | None = None) -> list[BrokerAccount]:
    """Force every live account without a usable session to paper; returns those that were not on paper before.

    ``brokers`` limits it to accounts at these.
    """
    signed_in = BrokerSession.objects.filter(lost_at__isnull=True, expires_at__gt=now).values("account_id")
    accounts = BrokerAccount.objects.active().filter(mode=AccountMode.LIVE).exclude(pk__in=signed_in)
    if brokers is not None:
        accounts = accounts.filter(broker__in=brokers)
    return [account for account in accounts if force_paper(account=account, reason=ModeReason.NO_SESSION)]
