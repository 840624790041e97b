"""What processes share about themselves: who leads, how those before ended, and who is alive."""

from django.db import models


class Lease(models.Model):
    """Leadership of one long loop. ``epoch`` grows by one on each takeover and never falls."""

    name = models.CharField(max_length=60, primary_key=True)
    epoch = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=120, blank=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} #{self.epoch} {self.holder}"


class Fate(models.TextChoices):
    """How a term of leadership ended."""

    RELEASED = "RELEASED", "Given back"
    DEAD = "DEAD", "Found dead"
    REAPED = "REAPED", "Killed by its successor"
    EXPIRED = "EXPIRED", "Ran out, not proved gone"


class Term(models.Model):
    """One ended term of leadership. After EXPIRED its holder may still be at work somewhere: nothing it may have sent
    is sent again until somebody confirms that it is gone."""

    lease = models.CharField(max_length=60)
    epoch = models.PositiveBigIntegerField()
    holder = models.CharField(max_length=120, blank=True)
    fate = models.CharField(max_length=8, choices=Fate)
    ended_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["lease", "epoch"], name="term_ends_once")]

    def __str__(self) -> str:
        return f"{self.lease} #{self.epoch} {self.fate}"


class Heartbeat(models.Model):
    """The last sign of life of one process."""

    process = models.CharField(max_length=60, primary_key=True)
    holder = models.CharField(max_length=120)
    build = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.process
