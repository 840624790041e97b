"""Signatures and the session token: the adapter's side against the exchange's, which were written apart."""

import base64
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as some

from brokers.ibkr import oauth
from simulator.faces.ibkr import oauth as theirs
from tests.brokers.ibkr.cast import access, said

# RFC 2409, group 2: in a group that 2 generates a few elements of, different secrets would be the same.
PRIME = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08"
    "798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637"
    "ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    16,
)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PARAMETERS = {
    "oauth_consumer_key": "TESTCONS",
    "oauth_nonce": "fcbc9c08d69ff269f7f4",
    "oauth_signature_method": "HMAC-SHA256",
    "oauth_timestamp": "1473793701",
    "oauth_token": "e0d75b4c5c1d2c0f2af7",
}
URL = "https://api.ibkr.com/v1/api/portfolio/accounts"


def pem(form: PrivateFormat) -> str:
    return KEY.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def test_a_base_string_is_method_address_and_sorted_parameters_quoted():
    assert oauth.base_string("GET", URL, PARAMETERS) == (
        "GET&https%3A%2F%2Fapi.ibkr.com%2Fv1%2Fapi%2Fportfolio%2Faccounts&oauth_consumer_key%3DTESTCONS%26oauth_nonce"
        "%3Dfcbc9c08d69ff269f7f4%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1473793701%26oauth_token"
        "%3De0d75b4c5c1d2c0f2af7"
    )
    assert oauth.base_string("GET", URL, PARAMETERS, prepend="0a1b").startswith("0a1bGET&")


def test_the_authorization_names_its_parameters_in_order():
    header = oauth.authorization({**PARAMETERS, "oauth_signature": "abc%3D"})
    assert header.startswith('OAuth realm="limited_poa", oauth_consumer_key="TESTCONS", oauth_nonce=')
    assert theirs.parameters_of(header) == {"realm": "limited_poa", **PARAMETERS, "oauth_signature": "abc%3D"}


@given(own=some.integers(2, 1 << 256))
def test_both_sides_come_to_one_session_token(own):
    secret = b"the secret of an access token"
    agreed = theirs.agree(
        challenge=f"{pow(2, own, PRIME):x}", prime=f"{PRIME:x}", secret=secret.hex(), consumer_key="TESTCONS"
    )
    assert agreed is not None
    token = oauth.session_token(secret=secret, shared=pow(int(agreed.response, 16), own, PRIME))
    assert token == agreed.token
    assert oauth.proves(agreed.signature, session_token=token, consumer_key="TESTCONS")
    assert not oauth.proves(agreed.signature, session_token=token, consumer_key="OTHERCONS")


def test_a_shared_secret_is_written_as_java_writes_it():
    assert oauth._octets(0x7F) == b"\x7f"
    assert oauth._octets(0x80) == b"\x00\x80"
    assert oauth._octets(0xFFFF) == b"\x00\xff\xff"


@pytest.mark.parametrize("is_query_signed", [True, False])
def test_the_exchange_takes_a_query_in_the_signature_or_out_of_it(is_query_signed):
    token, query = base64.b64encode(b"session").decode(), {"conids": "1,2", "fields": "31"}
    text = oauth.base_string("GET", URL, {**PARAMETERS, **(query if is_query_signed else {})})
    signed = {**PARAMETERS, "oauth_signature": oauth.hmac_signature(text, token)}
    texts = theirs.base_strings("GET", [URL], signed, query)
    assert theirs.hmac_proves(signed, texts, token)
    assert not theirs.hmac_proves(signed, texts, base64.b64encode(b"another").decode())
    assert not theirs.hmac_proves(signed, theirs.base_strings("POST", [URL], signed, query), token)


def test_the_accounts_own_key_signs_the_first_request():
    text = oauth.base_string("POST", URL, PARAMETERS, prepend="c0ffee")
    signed = {**PARAMETERS, "oauth_signature": oauth.rsa_signature(text, KEY)}
    texts = theirs.base_strings("POST", [URL], signed, {})
    assert theirs.rsa_proves(signed, texts, prepend="c0ffee", public_key=PUBLIC)
    assert not theirs.rsa_proves(signed, texts, prepend="decaf0", public_key=PUBLIC)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("mangle", [str, lambda text: text.replace("\n", "\\n"), lambda text: text.replace("\n", " ")])
def test_a_key_is_read_however_its_lines_were_broken(form, mangle):
    assert oauth.private_key(mangle(pem(form))).private_numbers() == KEY.private_numbers()


def test_what_is_no_key_is_refused():
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for text in ("", "wrongwrong", PUBLIC, curve.decode()):
        with pytest.raises(ValueError, match="key"):
            oauth.private_key(text)


def test_the_token_secret_is_what_was_sealed_to_the_account():
    sealed = base64.b64encode(KEY.public_key().encrypt(b"secret", padding.PKCS1v15())).decode()
    assert oauth.token_secret(sealed, KEY) == b"secret"
    with pytest.raises(ValueError, match="decrypted"):
        oauth.token_secret("not base64!", KEY)


def test_a_prime_is_hex_in_blocks_or_not():
    text = f"{PRIME:x}"
    assert oauth.prime(text) == oauth.prime(":".join(text[at : at + 2] for at in range(0, len(text), 2)).upper())
    for odd in ("", "17", "not hex"):
        with pytest.raises(ValueError, match=r"hex|short"):
            oauth.prime(odd)


def test_a_request_carries_its_signature_and_shows_no_secret():
    prepared = access().request("POST", "/iserver/questions/suppress", json={"price": Decimal("42.10")})
    assert prepared.url == "http://ibkr.test/ibkr/v1/api/iserver/questions/suppress"
    assert prepared.text == '{"price":42.10}'
    parameters = theirs.parameters_of(prepared.headers["Authorization"])
    texts = theirs.base_strings("POST", [prepared.url], parameters, {})
    assert theirs.hmac_proves(parameters, texts, access().session_token)
    assert access().session_token not in repr(prepared) + repr(access())
    assert said(access().request("POST", "/tickle")) == {}
    assert access().request("GET", "/tickle").text is None
