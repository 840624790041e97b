"""Clients' accounts at brokers, their sealed credentials, the day's sessions, and bridges to clients' terminals."""

from apps.broker_accounts.models.account import (
    AccountMode,
    BrokerAccount,
    BrokerSession,
    LoginAttempt,
    ModeReason,
)
from apps.broker_accounts.models.bridge import Bridge, BridgeCommand

__all__ = [
    "AccountMode",
    "Bridge",
    "BridgeCommand",
    "BrokerAccount",
    "BrokerSession",
    "LoginAttempt",
    "ModeReason",
]
