"""The SDK's sockets: singletons with threads that never end, so each is listened to in a process of its own."""

import json
import subprocess
import sys
from typing import Any

DATA_SOCKET = """
import json, os, sys
from fyers_apiv3.FyersWebsocket import data_ws, defines

url, token, lite, kind, symbols = json.loads(sys.argv[1])
defines.INDEX_HSM_MAPPING_API = f"{url}/fyers/sym_details/index_hsm_mapping.json"
made, seen, after = data_ws.SymbolConversion.__init__, {}, {}

def made_here(self, *arguments):
    made(self, *arguments)
    self.symbols_token_api = f"{url}/fyers/data/symbol-token"

def on_message(message):
    name = message.get("symbol")
    if name is None:
        return
    (after if name in seen else seen)[name] = message
    if set(after) == set(symbols):
        print(json.dumps([seen, after]), flush=True)
        os._exit(0)

def on_error(message):
    print(json.dumps({"error": str(message)}), flush=True)
    os._exit(1)

def on_connect():
    socket.subscribe(symbols=symbols, data_type=kind)

data_ws.SymbolConversion.__init__ = made_here
socket = data_ws.FyersDataSocket(
    access_token=token, log_path="", litemode=lite, reconnect=False,
    on_message=on_message, on_error=on_error, on_connect=on_connect,
)
socket._FyersDataSocket__url = url.replace("http", "ws") + "/fyers/hsm/v1-5/prod"
socket.connect()
socket.keep_running()
"""

ORDER_SOCKET = """
import json, os, sys
from fyers_apiv3 import fyersModel
from fyers_apiv3.FyersWebsocket import order_ws

url, app, token, form = json.loads(sys.argv[1])
fyersModel.Config.API = f"{url}/fyers/api/v3"
fyers = fyersModel.FyersModel(client_id=app, token=token, is_async=False, log_path="")
told = {"orders": [], "trades": [], "positions": []}

def on_general(message):
    if message.get("code") == 1605:
        answer = fyers.place_order(data=form)
        if answer["s"] != "ok":
            on_error(answer)

def keep(kind):
    def on_row(message):
        told[kind].append(message[kind])
        if told["trades"] and told["positions"] and any(row["status"] == 2 for row in told["orders"]):
            print(json.dumps(told), flush=True)
            os._exit(0)
    return on_row

def on_error(message):
    print(json.dumps({"error": str(message)}), flush=True)
    os._exit(1)

def on_connect():
    socket.subscribe(data_type="OnOrders,OnTrades,OnPositions,OnGeneral")

socket = order_ws.FyersOrderSocket(
    access_token=f"{app}:{token}", log_path="", reconnect=False, on_connect=on_connect, on_error=on_error,
    on_general=on_general, on_orders=keep("orders"), on_trades=keep("trades"), on_positions=keep("positions"),
)
socket._FyersOrderSocket__url = url.replace("http", "ws") + "/fyers/trade/v3"
socket.connect()
socket.keep_running()
"""


def ran(script: str, *arguments: Any) -> Any:
    """Run a socket until it has seen what it waits for, and return that."""
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(arguments)], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
