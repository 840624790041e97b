"""Addresses brokers and their customers' browsers come to, under ``/hooks/``."""

from django.urls import path

from apps.broker_accounts import views

app_name = "broker_accounts"
urlpatterns = [
    path("<slug:broker>/postback/<str:reference>/", views.postback, name="postback"),
    path("<slug:broker>/connect/<int:account_id>/", views.connect, name="connect"),
    path("<slug:broker>/connect/<int:account_id>/open/", views.open_page, name="open"),
    path("<slug:broker>/connect/<int:account_id>/program/", views.program, name="program"),
    path("<slug:broker>/credentials/<int:account_id>/", views.credentials, name="credentials"),
    path("<slug:broker>/callback/", views.callback, name="callback"),
]
