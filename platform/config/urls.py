"""Every address the WSGI process serves."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("hooks/", include("apps.strategies.urls")),
    path("hooks/", include("apps.broker_accounts.urls")),
    path("mt5/v1/", include("apps.broker_accounts.bridge_urls")),
    path("api/v1/", include("apps.api.urls")),
    path("", include("apps.dashboard.urls")),
]
