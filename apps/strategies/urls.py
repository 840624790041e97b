"""Addresses."""

from django.urls import re_path

from apps.strategies import views

app_name = "strategies"
urlpatterns = [
    # With or without the last slash: a redirect would lose the body of whoever left it out.
    re_path(r"^tradingview/(?P<token>[A-Za-z0-9_-]{1,64})/?$", views.tradingview, name="tradingview"),
    # Whatever else is asked for under a token is answered here, so that no log line of a 404 carries the token.
    re_path(r"^tradingview/", views.nowhere, name="nowhere"),
]
