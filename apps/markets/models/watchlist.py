"""What a trader keeps an eye on."""

from django.db import models


class WatchlistItem(models.Model):
    """One instrument on one person's watchlist."""

    user = models.ForeignKey("users.User", on_delete=models.CASCADE, related_name="watchlist")
    instrument = models.ForeignKey("markets.Instrument", on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "instrument"], name="watched_once")]

    def __str__(self) -> str:
        return str(self.instrument)
