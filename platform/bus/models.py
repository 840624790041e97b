"""The two tables processes share about themselves: who leads, and who is alive."""

from django.db import models


class Lease(models.Model):
    """Leadership of one long loop. ``epoch`` grows by one on each takeover and never falls."""

    name = models.CharField(max_length=60, primary_key=True)
    epoch = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=120, blank=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} #{self.epoch} {self.holder}"


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
