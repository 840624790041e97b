"""A customer of Interactive Brokers, spoken to the face as the documentation says, without the adapter."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAME = "U1234567"
SECRET = b"what only the two sides know"
PRIME = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08"
    "798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637"
    "ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    16,
)


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class IbkrClient:
    """One customer; ``site`` is the simulator under test, ``token`` the live session token once there is one."""

    site: Any
    name: str = NAME
    token: str = ""
    signs_query: bool = False
    orders: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return f"{self.site.url}/ibkr/v1/api"

    def agree(self, *, secret: bytes = SECRET) -> requests.Response:
        """Ask for a live session token; the session is kept where one comes."""
        own, url = secrets.randbits(256), f"{self.root}/oauth/live_session_token"
        given = {**self._parameters("RSA-SHA256"), "diffie_hellman_challenge": f"{pow(2, own, PRIME):x}"}
        text = f"{secret.hex()}{base_string('POST', url, given)}"
        signature = key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        answer = requests.post(url, headers=header(given, signature), timeout=10)
        if answer.status_code == 200:
            shared = pow(int(answer.json()["diffie_hellman_response"], 16), own, PRIME)
            octets = shared.to_bytes(shared.bit_length() // 8 + 1, "big")
            self.token = base64.b64encode(hmac.digest(octets, secret, hashlib.sha1)).decode()
        return answer

    def begin(self) -> "IbkrClient":
        """Sign in, open the brokerage session and ask for what has to be asked for."""
        assert self.agree().status_code == 200
        assert self.post("/iserver/auth/ssodh/init", {"publish": True, "compete": True})["authenticated"]
        self.get("/iserver/accounts")
        self.get("/portfolio/accounts")
        return self

    def call(self, method: str, path: str, *, body: Any = None, **query: str) -> requests.Response:
        url, given = f"{self.root}{path}", self._parameters("HMAC-SHA256")
        text = base_string(method, url, {**given, **(query if self.signs_query else {})})
        signature = hmac.digest(base64.b64decode(self.token), text.encode(), hashlib.sha256)
        headers = header(given, signature)
        return requests.request(method, url, headers=headers, params=query, json=body, timeout=10)

    def get(self, path: str, **query: str) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("POST", path, body=body))

    def place(self, **ticket: Any) -> Any:
        """Return what an order is answered with, whatever that is."""
        body = {"orders": [{"acctId": self.name, "tif": "DAY", "orderType": "LMT", "side": "BUY", **ticket}]}
        return self.call("POST", f"/iserver/account/{self.name}/orders", body=body).json()

    def reply(self, question: str, *, confirmed: bool = True) -> requests.Response:
        return self.call("POST", f"/iserver/reply/{question}", body={"confirmed": confirmed})

    def option(self) -> dict[str, Any]:
        """A NIFTY call with its lot and its price."""
        (found,) = self.get("/iserver/secdef/search", symbol="NIFTY50")
        months = next(one["months"] for one in found["sections"] if one["secType"] == "OPT").split(";")
        asked = {"conid": found["conid"], "sectype": "OPT", "month": months[0]}
        strikes = self.get("/iserver/secdef/strikes", **asked)["call"]
        middle = strikes[len(strikes) // 2]
        row = self.get("/iserver/secdef/info", **asked, strike=f"{middle:g}", right="C")[0]
        rules = self.get(f"/iserver/contract/{row['conid']}/info-and-rules", isBuy="true")["rules"]
        last = self.last(row["conid"])
        return {"conid": row["conid"], "lot": int(rules["sizeIncrement"]), "last": last}

    def last(self, conid: int) -> float:
        for _ in range(3):
            (row,) = self.get("/iserver/marketdata/snapshot", conids=str(conid), fields="31")
            if "31" in row:
                return float(row["31"].lstrip("C"))
        raise AssertionError("no price")

    def _parameters(self, method: str) -> dict[str, str]:
        return {
            "oauth_consumer_key": f"{self.name.lower()}key",
            "oauth_nonce": secrets.token_hex(8),
            "oauth_signature_method": method,
            "oauth_timestamp": str(int(time.time())),
            "oauth_token": f"{self.name.lower()}token",
        }

    def _ok(self, answer: requests.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def base_string(method: str, url: str, parameters: dict[str, str]) -> str:
    pairs = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return f"{method}&{quote_plus(url)}&{quote_plus(pairs)}"


def header(parameters: dict[str, str], signature: bytes) -> dict[str, str]:
    signed = {**parameters, "oauth_signature": quote_plus(base64.b64encode(signature))}
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(signed.items()))
    return {"Authorization": f'OAuth realm="limited_poa", {pairs}'}


def register(site: Any, name: str = NAME, **extra: str) -> IbkrClient:
    """Make a customer of the broker."""
    public = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    given = {"signature_key": public, "token_secret": SECRET.hex(), "dh_prime": f"{PRIME:x}", **extra}
    low = name.lower()
    client = {"client": name, "api_key": f"{low}key", "api_secret": f"{low}token", "broker": "ibkr", "extra": given}
    site.control("POST", "clients", {"clients": [client]})
    return IbkrClient(site, name)
