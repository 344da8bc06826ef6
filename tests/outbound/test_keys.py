"""Access tokens: which are accepted, which are not and why, and when the issuer is asked."""

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.outbound import keys
from chalicelib.outbound.keys import BadToken, Claims, Issuer, IssuerUnreachable, issuer_from

AT = datetime(2026, 7, 1, 4, 15, tzinfo=UTC)
AUDIENCE = "https://desk.example/api"
CLIENT = "desk"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
EC = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"rsa": RSA, "ec": EC, "ed": ED}
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}


def published(kid: str, key: Any, **more: str) -> dict[str, Any]:
    """Return a key as an issuer publishes it."""
    kinds: list[tuple[type, Any]] = [
        (rsa.RSAPrivateKey, jwt.algorithms.RSAAlgorithm),
        (ec.EllipticCurvePrivateKey, jwt.algorithms.ECAlgorithm),
        (ed25519.Ed25519PrivateKey, jwt.algorithms.OKPAlgorithm),
    ]
    kind = next(algorithm for base, algorithm in kinds if isinstance(key, base))
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid, **more}


@dataclass
class Desk:
    """An issuer on loopback whose every word a test can change, and tokens it would sign."""

    strangers: Any
    jwks: Any = field(
        default_factory=lambda: {"keys": [published(kid, key) for kid, key in KEYS.items()]}
    )
    discovery: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.peer = self.strangers.speaks(self._answer)
        self.url = self.peer.url
        self.discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}

    def _answer(self, line, heard) -> None:
        self.asked.append(heard.target)
        document = self.jwks if heard.target == "/jwks" else self.discovery
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        head = f"HTTP/1.1 {self.status} Said\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)

    def issuer(self, **more: Any) -> Issuer:
        return Issuer(self.url, **(more or {"audience": AUDIENCE}))

    def claims(self, **changes: Any) -> dict[str, Any]:
        said = {
            "iss": self.url,
            "sub": "staff-7",
            "aud": AUDIENCE,
            "client_id": CLIENT,
            "scope": "openid desk",
            "iat": int(AT.timestamp()),
            "exp": int(AT.timestamp()) + 3600,
        } | changes
        return {name: value for name, value in said.items() if value is not ...}

    def token(self, kid: str = "rsa", header: dict[str, Any] | None = None, **changes: Any) -> str:
        head = {"kid": kid, "typ": "at+jwt"} | (header or {})
        return jwt.encode(self.claims(**changes), KEYS[kid], ALGORITHMS[kid], headers=head)


@pytest.fixture
def desk(strangers) -> Desk:
    return Desk(strangers)


def raw(header: dict[str, Any], payload: Any, signature: bytes = b"") -> str:
    """Return a token put together by hand."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def reason(issuer: Issuer, token: str, at: datetime = AT) -> str:
    with pytest.raises(BadToken) as caught:
        issuer.verify(token, at=at)
    return caught.value.reason


# --- accepted


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
def test_a_token_signed_by_the_issuer_for_us_says_who_it_is(desk, kid):
    claims = desk.issuer().verify(desk.token(kid), at=AT)

    assert claims == Claims(
        subject="staff-7",
        client_id=CLIENT,
        scopes=frozenset({"openid", "desk"}),
        expires_at=AT + timedelta(hours=1),
    )


def test_one_of_several_audiences_is_enough(desk):
    assert desk.issuer().verify(desk.token(aud=["other", AUDIENCE]), at=AT)


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "application/at+jwt"}, {"typ": ""}])
def test_issuers_differ_in_how_they_call_an_access_token(desk, header):
    assert desk.issuer().verify(desk.token(header=header), at=AT)


def test_cognito_s_token_is_known_by_its_use_and_client(desk):
    token = desk.token(aud=..., token_use="access", nbf=int(AT.timestamp()))

    assert desk.issuer(client_id=CLIENT).verify(token, at=AT).subject == "staff-7"


# --- refused


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": ...}, "issuer"),
        ({"aud": "someone-else"}, "audience"),
        ({"aud": [CLIENT]}, "audience"),
        ({"aud": ...}, "audience"),
        ({"aud": [["https://desk.example/api"]]}, "audience"),
        ({"aud": {AUDIENCE: 1}}, "audience"),
        ({"exp": ...}, "no-exp"),
        ({"exp": "1"}, "no-exp"),
        ({"exp": True}, "no-exp"),
        ({"exp": 1e300}, "no-exp"),
        ({"exp": -(10**30)}, "no-exp"),
        ({"exp": int(AT.timestamp()) - 30}, "expired"),
        ({"nbf": int(AT.timestamp()) + 31}, "early"),
        ({"iat": int(AT.timestamp()) + 31}, "early"),
        ({"nbf": "soon"}, "no-nbf"),
        ({"sub": ...}, "no-sub"),
        ({"sub": ""}, "no-sub"),
        ({"sub": 7}, "no-sub"),
        ({"sub": "s" * 256}, "no-sub"),
    ],
)
def test_a_token_that_is_not_for_us_or_not_now_is_refused(desk, changes, why):
    token = jwt.api_jws.encode(
        json.dumps(desk.claims(**changes)).encode(), RSA, "RS256", {"kid": "rsa"}
    )

    assert reason(desk.issuer(), token) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"token_use": "id"}, "token-use"),
        ({"token_use": ...}, "token-use"),
        ({"token_use": "access", "client_id": "other"}, "client"),
        ({"token_use": "access", "client_id": ...}, "client"),
    ],
)
def test_a_cognito_token_for_another_use_or_client_is_refused(desk, changes, why):
    assert reason(desk.issuer(client_id=CLIENT), desk.token(aud=CLIENT, **changes)) == why


def test_the_leeway_is_half_a_minute_and_no_more(desk):
    issuer = desk.issuer()
    ends = int(AT.timestamp()) - 29

    assert issuer.verify(desk.token(exp=ends), at=AT)
    assert reason(issuer, desk.token(exp=ends), at=AT + timedelta(seconds=1)) == "expired"
    assert issuer.verify(desk.token(nbf=int(AT.timestamp()) + 30), at=AT)


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "HS256", "HS512", "RS512", "PS256", "ES384"]
)
def test_an_algorithm_that_we_do_not_use_is_refused_before_any_key_is_asked_for(desk, alg):
    token = raw({"alg": alg, "kid": "rsa"}, desk.claims())

    assert reason(desk.issuer(), token) == "algorithm"
    assert desk.asked == []


def test_a_public_key_used_as_a_shared_secret_is_refused(desk):
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = raw({"alg": "HS256", "kid": "rsa"}, desk.claims()).rpartition(".")[0]
    mac = hmac.new(pem, unsigned.encode(), hashlib.sha256).digest()
    token = unsigned + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    assert reason(desk.issuer(), token) == "algorithm"


@pytest.mark.parametrize(("kid", "alg"), [("rsa", "ES256"), ("ec", "RS256"), ("ed", "RS256")])
def test_a_key_signs_with_its_own_algorithm_only(desk, kid, alg):
    assert reason(desk.issuer(), raw({"alg": alg, "kid": kid}, desk.claims())) == "algorithm"


@pytest.mark.parametrize(
    "key",
    [
        published("rsa", RSA, use="enc"),
        published("rsa", RSA, alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"},
        {"kid": "rsa"},
    ],
    ids=["encryption", "other-algorithm", "shared", "empty"],
)
def test_a_key_meant_for_something_else_verifies_nothing(desk, key):
    desk.jwks = {"keys": [key]}

    assert reason(desk.issuer(), desk.token()) == "algorithm"


def test_a_curve_that_es256_does_not_mean_is_refused(desk):
    desk.jwks = {"keys": [published("ec", P384)]}

    assert reason(desk.issuer(), desk.token("ec")) == "algorithm"


def test_a_weak_key_verifies_nothing(desk):
    desk.jwks = {"keys": [published("rsa", WEAK)]}

    assert reason(desk.issuer(), desk.token()) == "weak-key"


def test_a_key_that_is_no_key_verifies_nothing(desk):
    desk.jwks = {"keys": [{"kty": "RSA", "kid": "rsa", "n": "!", "e": []}]}

    assert reason(desk.issuer(), desk.token()) == "malformed"


def test_another_s_signature_is_refused(desk):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(desk.claims(), other, "RS256", headers={"kid": "rsa"})

    assert reason(desk.issuer(), token) == "signature"


def test_a_changed_claim_breaks_the_signature(desk):
    head, _, signature = desk.token().split(".")
    payload = json.dumps(desk.claims(sub="boss")).encode()
    changed = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()

    assert reason(desk.issuer(), f"{head}.{changed}.{signature}") == "signature"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"kid": ...}, "no-key-id"),
        ({"kid": 7}, "malformed"),
        ({"crit": ["exp"], "exp": 1}, "malformed"),
        ({"crit": ["b64"], "b64": False}, "malformed"),
        ({"typ": "logout+jwt"}, "type"),
        ({"typ": ["at+jwt"]}, "type"),
        ({"alg": ["RS256"]}, "algorithm"),
        ({"alg": ...}, "algorithm"),
    ],
)
def test_a_header_that_asks_for_something_odd_is_refused(desk, header, why):
    merged: dict[str, Any] = {"alg": "RS256", "kid": "rsa"} | header
    odd = {name: value for name, value in merged.items() if value is not ...}

    assert reason(desk.issuer(), raw(odd, desk.claims())) == why


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "密.b.c",
        "\ud800.b.c",
        "e30.e30.",
        "bnVsbA.bnVsbA.",
        "WzFd.WzFd.",
        "a" * 9000,
        base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.",
    ],
)
def test_anything_that_is_no_token_is_refused(desk, token):
    assert reason(desk.issuer(), token) in ("malformed", "algorithm")
    assert desk.asked == []


@pytest.mark.parametrize("payload", [b"[]", b"null", b"not json", b'{"exp": NaN}', b"[" * 4000])
def test_a_signed_payload_that_is_no_object_is_refused(desk, payload):
    token = jwt.api_jws.encode(payload, RSA, "RS256", {"kid": "rsa"})

    assert reason(desk.issuer(), token) == "malformed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_token_that_was_tampered_with_is_accepted(desk, data):
    token = desk.token("ed")
    # all but the very last character, some bits of which base64 does not use
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[place]))

    with pytest.raises(BadToken):
        desk.issuer().verify(token[:place] + other + token[place + 1 :], at=AT)


def test_a_refusal_carries_no_part_of_the_token(desk):
    with pytest.raises(BadToken) as caught:
        desk.issuer().verify(desk.token(sub=""), at=AT)

    assert caught.value.facts == {"reason": "no-sub"}


# --- when the issuer is asked


def test_keys_are_asked_for_once_and_kept(desk):
    issuer = desk.issuer()

    for minutes in (0, 5, 10):
        issuer.verify(
            desk.token(exp=int(AT.timestamp()) + 9999), at=AT + timedelta(minutes=minutes)
        )

    assert desk.asked == ["/.well-known/openid-configuration", "/jwks"]


def test_old_keys_are_asked_for_again(desk):
    issuer = desk.issuer()
    issuer.verify(desk.token(), at=AT)

    issuer.verify(desk.token(), at=AT + keys.FRESH + timedelta(seconds=1))

    assert desk.asked.count("/jwks") == 2


def test_a_withdrawn_key_stops_serving_when_the_keys_are_asked_for_again(desk):
    issuer = desk.issuer()
    issuer.verify(desk.token(), at=AT)
    desk.jwks = {"keys": [published("ec", EC)]}
    later = AT + keys.FRESH + timedelta(seconds=1)

    assert reason(issuer, desk.token(), at=later) == "unknown-key"


def test_a_new_key_is_found_by_asking_once_more(desk):
    desk.jwks = {"keys": [published("ec", EC)]}
    issuer = desk.issuer()
    issuer.verify(desk.token("ec"), at=AT)
    desk.jwks = {"keys": [published("rsa", RSA)]}

    assert issuer.verify(desk.token("rsa"), at=AT + keys.PAUSE)


def test_made_up_key_ids_do_not_make_us_ask_each_time(desk):
    issuer = desk.issuer()
    issuer.verify(desk.token(), at=AT)

    for number in range(100):
        token = raw({"alg": "RS256", "kid": f"made-up-{number}"}, desk.claims())
        assert reason(issuer, token, at=AT + timedelta(seconds=number / 10)) == "unknown-key"

    assert desk.asked.count("/jwks") == 1  # ten seconds are not over
    reason(issuer, raw({"alg": "RS256", "kid": "x"}, desk.claims()), at=AT + keys.PAUSE)
    assert desk.asked.count("/jwks") == 2


def test_of_two_keys_with_one_id_the_first_counts(desk):
    desk.jwks = {"keys": [published("rsa", RSA), published("rsa", WEAK)]}

    assert desk.issuer().verify(desk.token(), at=AT)


def test_many_at_once_ask_once(desk):
    issuer = desk.issuer()
    token = desk.token()
    threads = [
        threading.Thread(target=issuer.verify, args=(token,), kwargs={"at": AT}) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert desk.asked.count("/jwks") == 1


def test_while_the_issuer_is_down_known_keys_serve_for_a_day(desk):
    issuer = desk.issuer()
    far = int(AT.timestamp()) + 10 * 86400
    issuer.verify(desk.token(exp=far), at=AT)
    desk.status = 500

    assert issuer.verify(desk.token(exp=far), at=AT + timedelta(hours=23))
    assert issuer.verify(desk.token(exp=far), at=AT + timedelta(hours=23, seconds=50))
    assert len(desk.asked) == 3  # once more in vain, and not again within the minute
    with pytest.raises(IssuerUnreachable) as caught:
        issuer.verify(desk.token(exp=far), at=AT + timedelta(hours=25))
    assert caught.value.facts == {"reason": "http-500"}


def test_while_the_issuer_is_down_an_unknown_key_is_still_unknown(desk):
    issuer = desk.issuer()
    issuer.verify(desk.token(), at=AT)
    desk.status = 500
    token = raw({"alg": "RS256", "kid": "x"}, desk.claims())

    assert reason(issuer, token, at=AT + timedelta(minutes=30)) == "unknown-key"


def test_an_issuer_that_was_down_is_asked_again_soon(desk):
    issuer = desk.issuer()
    desk.status = 503
    with pytest.raises(IssuerUnreachable):
        issuer.verify(desk.token(), at=AT)
    desk.status = 200
    with pytest.raises(IssuerUnreachable) as caught:
        issuer.verify(desk.token(), at=AT + timedelta(seconds=9))

    assert caught.value.facts == {"reason": "asked-a-moment-ago"}
    assert issuer.verify(desk.token(), at=AT + keys.PAUSE)


@pytest.mark.parametrize(
    ("discovery", "jwks", "why"),
    [
        ({"issuer": "https://evil.example"}, None, "discovery-issuer"),
        ({"issuer": None}, None, "discovery-issuer"),
        ({"jwks_uri": None}, None, "discovery-jwks-uri"),
        ({"jwks_uri": ["x"]}, None, "discovery-jwks-uri"),
        ({"jwks_uri": "http://keys.example/"}, None, "url"),
        ({"jwks_uri": "file:///etc/passwd"}, None, "url"),
        ({"jwks_uri": "https://u@keys.example/"}, None, "url"),
        ({}, b"not json", "unreadable"),
        ({}, b"[]", "unreadable"),
        ({}, b"[" * 100_000, "unreadable"),
        ({}, {"keys": None}, "keys"),
        ({}, {"keys": [{}] * 65}, "keys"),
        ({}, b" " * 300_000, "no-answer"),
    ],
)
def test_an_issuer_that_says_something_unusable_is_unreachable(desk, discovery, jwks, why):
    desk.discovery |= discovery
    desk.jwks = desk.jwks if jwks is None else jwks

    with pytest.raises(IssuerUnreachable) as caught:
        desk.issuer().verify(desk.token(), at=AT)

    assert caught.value.facts == {"reason": why}


@pytest.mark.parametrize("keys_", [["x", None, {"kid": 7}, {"kty": "RSA"}], []])
def test_keys_that_are_none_are_passed_over(desk, keys_):
    desk.jwks = {"keys": keys_}

    assert reason(desk.issuer(), desk.token()) == "unknown-key"


def test_an_issuer_that_cannot_be_reached_or_hangs_up_is_unreachable(strangers, desk):
    for url, why in (
        (strangers.nobody(), "unreachable"),
        (strangers.resets().url, "no-answer"),
        (strangers.says(b"").url, "no-answer"),
        (strangers.answers(302, headers={"Location": desk.url}).url, "http-302"),
    ):
        with pytest.raises(IssuerUnreachable) as caught:
            Issuer(url, audience=AUDIENCE).verify(desk.token(), at=AT)
        assert caught.value.facts == {"reason": why}


# --- settings


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://issuer.example", {"audience": AUDIENCE}),
        ("issuer.example", {"audience": AUDIENCE}),
        ("https://issuer.example", {}),
        ("https://issuer.example", {"audience": CLIENT, "client_id": CLIENT}),
    ],
)
def test_settings_that_would_let_anybody_in_stop_the_start(url, more):
    with pytest.raises(ValueError, match=r"."):
        Issuer(url, **more)


def test_an_issuer_is_made_once():
    first = issuer_from("https://issuer.example", audience=AUDIENCE)

    assert issuer_from("https://issuer.example", audience=AUDIENCE) is first
