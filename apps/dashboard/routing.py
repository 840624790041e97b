"""Addresses of the sockets."""

from typing import Any, cast

from django.urls import path

from apps.dashboard.consumers import live_socket

websocket_urlpatterns = [path("ws/live/", cast(Any, live_socket))]
