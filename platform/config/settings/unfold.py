"""How the operators' admin looks: data only."""

from typing import Any

_SLATE = {
    "50": "oklch(98.4% .003 247.9)",
    "100": "oklch(96.8% .007 247.9)",
    "200": "oklch(92.9% .013 255.5)",
    "300": "oklch(86.9% .022 252.9)",
    "400": "oklch(70.4% .04 256.8)",
    "500": "oklch(55.4% .046 257.4)",
    "600": "oklch(44.6% .043 257.3)",
    "700": "oklch(37.2% .044 257.3)",
    "800": "oklch(27.9% .041 260)",
    "900": "oklch(20.8% .042 265.8)",
    "950": "oklch(12.9% .042 264.7)",
}
_BLUE = {
    "50": "oklch(97% .014 254.6)",
    "100": "oklch(93.2% .032 255.6)",
    "200": "oklch(88.2% .059 254.1)",
    "300": "oklch(80.9% .105 251.8)",
    "400": "oklch(70.7% .165 254.6)",
    "500": "oklch(62.3% .214 259.8)",
    "600": "oklch(54.6% .245 262.9)",
    "700": "oklch(48.8% .243 264.4)",
    "800": "oklch(42.4% .199 265.6)",
    "900": "oklch(37.9% .146 265.5)",
    "950": "oklch(28.2% .091 267.9)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "config.desk.brand_name",
    "SITE_HEADER": "config.desk.brand_name",
    "SITE_SUBHEADER": "Operator's desk",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.desk.logo"}],
    "SITE_SYMBOL": "monitoring",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {"base": _SLATE, "primary": _BLUE},
    "DASHBOARD_CALLBACK": "config.desk.desk",
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "config.desk.navigation",
    },
}
