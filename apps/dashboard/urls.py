"""Addresses of the pages and of the operations' checks."""

from django.urls import path

from apps.dashboard.views import (
    brand,
    notifications,
    ops,
    order_deeds,
    pages,
    portfolio,
    session,
    square_off,
    watchlist,
)

app_name = "dashboard"
urlpatterns = [
    path("", pages.home, name="home"),
    path("login/", session.SignIn.as_view(), name="login"),
    path("logout/", session.SignOut.as_view(), name="logout"),
    path("risk/acknowledge/", session.acknowledge_risk, name="acknowledge-risk"),
    path("legal/<slug:slug>/", session.legal, name="legal"),
    path("parts/", pages.parts, name="parts"),
    path("trades/", pages.trades, name="trades"),
    path("trades/<int:trade_id>/", pages.trade, name="trade"),
    path("trades/<int:trade_id>/square-off/", square_off.one, name="square-off-trade"),
    path("square-off/", square_off.everything, name="square-off-all"),
    path("square-off/<uuid:key>/", square_off.progress, name="square-off-progress"),
    path("orders/", pages.orders, name="orders"),
    path("orders/<int:order_id>/cancel/", order_deeds.cancel, name="cancel-order"),
    path("orders/<int:order_id>/change/", order_deeds.change, name="change-order"),
    path("orders/requests/<uuid:key>/", order_deeds.progress, name="order-deed"),
    path("positions/", pages.positions, name="positions"),
    path("holdings/", portfolio.holdings, name="holdings"),
    path("funds/", portfolio.funds, name="funds"),
    path("portfolio/refresh/", portfolio.refresh, name="refresh-portfolio"),
    path("notifications/", notifications.listed, name="notifications"),
    path("notifications/read/", notifications.read, name="notifications-read"),
    path("history/", pages.history, name="history"),
    path("settings/", pages.settings_page, name="settings"),
    path("watchlist/search/", watchlist.search, name="watchlist-search"),
    path("watchlist/add/<int:instrument_id>/", watchlist.add, name="watchlist-add"),
    path("watchlist/<int:item_id>/remove/", watchlist.remove, name="watchlist-remove"),
    path("brand/<str:slug>.css", brand.stylesheet, name="brand-css"),
    path("brand/<str:slug>/logo.svg", brand.logo, name="brand-logo"),
    path("healthz", ops.healthz, name="healthz"),
    path("readyz", ops.readyz, name="readyz"),
    path("metrics", ops.metrics, name="metrics"),
]
