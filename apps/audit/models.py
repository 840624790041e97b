"""What happened, in order, unchangeable: rows are only ever added, and sealed into a hash chain."""

from django.db import models

from bus import clock


class AuditEvent(models.Model):
    """One state change or one deed of a person. A database trigger refuses updates and deletes."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey("users.User", on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["object_type", "object_id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_type} {self.object_id}"


class AuditSeal(models.Model):
    """The link of one event in the chain: sha256 over the previous hash and the event's content."""

    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.digest[:12]
