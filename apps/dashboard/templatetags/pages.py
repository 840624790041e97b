"""Small pieces of pages."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return an icon of the sprite; it is decoration, so screen readers skip it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("dist/icons.svg"),
        name,
    )


@register.inclusion_tag("dashboard/parts/mode.html")
def mode_badge(mode: str) -> dict[str, str]:
    """Show an account's mode in words and colour."""
    return {"mode": mode}
