"""Kite's postbacks: JSON, proved by a checksum that takes the application's secret."""

import hashlib

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.postbacks import Body, Postbacks
from simulator.faces.zerodha.mapping import POSTBACK_STATES, order_row
from simulator.faces.zerodha.wire import dumps

APP_ID = 1234


class KitePostbacks(Postbacks):
    """The postbacks of the face."""

    def body(self, order: ClientOrder, client: Client) -> Body:
        """Return the documented body; its checksum is sha256(order_id + order_timestamp + api_secret)."""
        row = order_row(order)
        status = row["status"] if order.state in POSTBACK_STATES else "UPDATE"
        text = f"{row['order_id']}{row['order_timestamp']}{client.api_secret}"
        return {
            "user_id": client.client,
            "unfilled_quantity": row["pending_quantity"],
            "app_id": APP_ID,
            "checksum": hashlib.sha256(text.encode()).hexdigest(),
            **row,
            "status": status,
        }

    def forged(self, body: Body) -> Body:
        """Return a claim with a checksum that does not fit."""
        claim = "REJECTED" if body["status"] == "COMPLETE" else "COMPLETE"
        return {**body, "status": claim, "checksum": hashlib.sha256(b"forged").hexdigest()}

    def encoded(self, body: Body) -> bytes:
        """Return the JSON, with Decimals as numbers."""
        return dumps(body)
