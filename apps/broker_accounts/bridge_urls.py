"""Addresses terminals call, under ``/mt5/v1/``."""

from django.urls import path

from apps.broker_accounts import bridge_views

app_name = "bridge"
urlpatterns = [path("<slug:name>", bridge_views.call, name="call")]
