"""Addresses."""

from django.urls import path

from apps.api.views import accounts, docs, order_requests, orders, signals, square_off, trades

app_name = "api"
urlpatterns = [
    path("accounts/", accounts.AccountList.as_view(), name="accounts"),
    path("accounts/<int:pk>/", accounts.AccountDetail.as_view(), name="account"),
    path("signals/", signals.SignalList.as_view(), name="signals"),
    path("signals/<int:pk>/", signals.SignalDetail.as_view(), name="signal"),
    path("trades/", trades.TradeList.as_view(), name="trades"),
    path("trades/<int:pk>/", trades.TradeDetail.as_view(), name="trade"),
    path("orders/", orders.OrderList.as_view(), name="orders"),
    path("orders/<int:pk>/", orders.OrderDetail.as_view(), name="order"),
    path("orders/<int:pk>/cancel/", order_requests.CancelOrder.as_view(), name="cancel-order"),
    path("orders/<int:pk>/change/", order_requests.ChangeOrder.as_view(), name="change-order"),
    path("order-requests/<int:pk>/", order_requests.RequestDetail.as_view(), name="order-request"),
    path("external-orders/", orders.ExternalOrderList.as_view(), name="external-orders"),
    path("fills/", orders.FillList.as_view(), name="fills"),
    path("positions/", accounts.PositionList.as_view(), name="positions"),
    path("holdings/", accounts.HoldingList.as_view(), name="holdings"),
    path("square-off/", square_off.SquareOff.as_view(), name="square-off"),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.Docs.as_view(), name="docs"),
]
