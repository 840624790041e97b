"""The room between an account and a terminal that calls us: what ``brokers.mt5.counter`` and ``room`` keep there.

Bodies are JSON as it came. All times are the database's, so that no two machines can disagree about them.
"""

from django.db import models
from django.db.models import F, Q


class Bridge(models.Model):
    """One account's terminal. Of its token only the hash is kept; ``revision`` counts the calls that were taken."""

    account = models.OneToOneField("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="bridge")
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    token_set_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveBigIntegerField(default=0)
    instance = models.CharField(max_length=40, blank=True)
    session = models.CharField(max_length=40, blank=True, editable=False)
    seq = models.PositiveBigIntegerField(default=0)
    seen_at = models.DateTimeField(null=True, blank=True)
    as_of = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    orders_hash = models.CharField(max_length=64, blank=True)
    positions_hash = models.CharField(max_length=64, blank=True)
    refusal_code = models.CharField(max_length=40, blank=True)
    refusal = models.CharField(max_length=200, blank=True)
    wanted = models.JSONField(default=list)
    asked = models.JSONField(default=dict)
    hello = models.TextField(blank=True)
    sums = models.TextField(blank=True)
    ticks = models.TextField(blank=True)
    sync = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], condition=~Q(token_hash=""), name="bridge_token_once")
        ]

    def __str__(self) -> str:
        return f"bridge of {self.account}"

    @property
    def link(self) -> str:
        """The name of the token in force, which says nothing of the token itself ("": none)."""
        return self.token_hash[:32]


class BridgeCommand(models.Model):
    """Something for the terminal to do once, and what it answered.

    One that was ``withdrawn_at`` some time was never handed out; one that was handed out is never withdrawn.
    """

    bridge = models.ForeignKey(Bridge, on_delete=models.CASCADE, related_name="commands")
    cmd_id = models.CharField(max_length=40)
    kind = models.CharField(max_length=20)
    request = models.TextField()
    posted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    handed_to = models.CharField(max_length=40, blank=True)
    handed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bridge", "cmd_id"], name="bridge_command_once"),
            models.CheckConstraint(
                name="withdrawn_means_never_handed_out", condition=Q(withdrawn_at__isnull=True) | Q(handed_to="")
            ),
            models.CheckConstraint(name="command_lives_for_a_while", condition=Q(expires_at__gt=F("posted_at"))),
        ]
        indexes = [
            models.Index(
                fields=["bridge"],
                condition=Q(answered_at__isnull=True, withdrawn_at__isnull=True),
                name="bridge_command_waiting",
            ),
            models.Index(fields=["posted_at"], name="bridge_command_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cmd_id}"
