"""One operator's platform."""

from django.db import models


class Tenant(models.Model):
    """An operator with its own users, strategies and brand. Rows of one tenant are invisible to every other."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    brand = models.SlugField(default="vayda", help_text="The pack under platform/brands that this tenant wears.")
    is_active = models.BooleanField(default=True)
    sealed_data_key = models.BinaryField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
