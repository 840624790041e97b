"""What somebody must be told."""

from django.db import models

from apps.notifications.querysets import NotificationQuerySet
from bus import clock


class Level(models.TextChoices):
    """How loud."""

    INFO = "INFO", "Info"
    WARNING = "WARNING", "Warning"
    PAGE = "PAGE", "Page"


class Notification(models.Model):
    """A message to one person, or to the tenant's operators when ``user`` is empty. ``key`` keeps it from repeating."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, null=True, related_name="notifications")
    user = models.ForeignKey(
        "users.User", on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    code = models.CharField(max_length=40)
    key = models.CharField(max_length=120, unique=True)
    text = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=clock.now)
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "-created_at"]), models.Index(fields=["tenant", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class NotificationRead(models.Model):
    """One person has read one message."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="reads")
    user = models.ForeignKey("users.User", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notification", "user"], name="read_once_per_person")]

    def __str__(self) -> str:
        return f"{self.user} read {self.notification_id}"
