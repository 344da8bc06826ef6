"""Webhooks: who is posted to, what proves it was us, and what an answer means."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from chalicelib.domain.refusal import BadInput
from chalicelib.outbound import webhooks
from chalicelib.outbound.webhooks import Endpoint, Outcome, check_target, deliver, key_of, sign

AT = datetime(2026, 7, 1, 4, 15, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"n" * 32).decode()
OLDER = "whsec_" + base64.b64encode(b"o" * 24).decode()
PAYLOAD = b'{"type":"order.moved"}'
PUBLIC = "198.41.0.4"  # a root server's, which no test reaches: dials are handed in


def signature(secret: str, event_id: str, timestamp: str, payload: bytes) -> str:
    """Check as a subscriber would, from the specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = f"{event_id}.{timestamp}.".encode() + payload
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


# --- signatures


def test_the_specification_s_own_example_is_signed_the_same():
    headers = sign(
        b'{"test": 2432232314}',
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_rotated_each_of_the_two_signs():
    headers = sign(PAYLOAD, event_id="e-1", at=AT, secrets=[SECRET, OLDER])

    moment = str(int(AT.timestamp()))
    assert headers["webhook-signature"].split(" ") == [
        signature(SECRET, "e-1", moment, PAYLOAD),
        signature(OLDER, "e-1", moment, PAYLOAD),
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_not base64",
        "whsec_" + base64.b64encode(b"n" * 23).decode(),
        "whsec_" + base64.b64encode(b"n" * 65).decode(),
        base64.b64encode(b"n" * 32).decode(),
        "whsec_密",
    ],
)
def test_a_secret_is_24_to_64_bytes_and_says_what_it_is(secret):
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)


@pytest.mark.parametrize(("event_id", "secrets"), [("a.b", [SECRET]), ("a", [])])
def test_a_signature_is_of_an_event_and_by_somebody(event_id, secrets):
    with pytest.raises(ValueError, match="event id without dots"):
        sign(PAYLOAD, event_id=event_id, at=AT, secrets=secrets)


def test_an_endpoint_prints_no_secret():
    assert "whsec_" not in repr(Endpoint("https://a.example/", [SECRET]))


# --- targets


def code_of(refusal: pytest.ExceptionInfo[BadInput]) -> str:
    assert refusal.value.errors[0].field == "url"
    return refusal.value.errors[0].code


def test_a_public_https_address_is_accepted_with_the_addresses_that_were_checked(strangers):
    network = strangers.network(hooks_example=(PUBLIC, "2001:500:2::c"))

    target = check_target("https://hooks.example:8443/x?y=1", network=network)

    assert target.addresses == (PUBLIC, "2001:500:2::c")
    assert target.place.target == "/x?y=1"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "url.scheme"),
        ("ftp://hooks.example/", "url.scheme"),
        ("https://user:pw@hooks.example/", "url.userinfo"),
        ("https://hooks.example:22/", "url.port"),
        ("https://hooks.example:80/", "url.port"),
        ("https://hooks.example:0/", "url.port"),
        ("https://ｈooks.example/", "url.malformed"),
        ("https://hooks。example/", "url.malformed"),
        ("https://0x7f000001/", "url.host"),
        ("https://2130706433/", "url.host"),
        ("https://127.1/", "url.host"),
        ("https://localhost/", "url.unresolved"),
        ("https://nowhere.example/", "url.unresolved"),
        ("https://empty.example/", "url.unresolved"),
        ("https://127.0.0.1/", "url.private"),
        ("https://[::1]/", "url.private"),
        ("https://[::ffff:8.8.8.8]/", "url.private"),
        ("https://169.254.169.254/latest/meta-data/", "url.private"),
    ],
)
def test_a_target_with_a_trick_is_refused_with_its_code(strangers, url, code):
    network = strangers.network(hooks_example=(PUBLIC,), empty_example=())

    with pytest.raises(BadInput) as refusal:
        check_target(url, network=network)

    assert code_of(refusal) == code


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - as a target
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
    ],
)
def test_a_name_that_leads_off_the_public_internet_is_refused(strangers, address):
    alone = strangers.network(hooks_example=(address,))
    among = strangers.network(hooks_example=(PUBLIC, address))

    for network in (alone, among):
        with pytest.raises(BadInput) as refusal:
            check_target("https://hooks.example/", network=network)
        assert code_of(refusal) == "url.private"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"]
)
def test_the_neighbours_of_closed_ranges_are_public(strangers, address):
    network = strangers.network(hooks_example=(address,))

    assert check_target("https://hooks.example/", network=network).addresses == (address,)


def test_the_local_platform_may_post_to_itself_and_only_to_itself(strangers):
    local = strangers.network(localhost=("127.0.0.1",))
    lured = strangers.network(localhost=("127.0.0.1", "10.0.0.1"))

    for url in ("http://localhost:9999/", "http://127.0.0.1:9999/"):
        target = check_target(url, allow_loopback=True, network=local)
        assert target.addresses == ("127.0.0.1",)
    for url, network, code in (
        ("http://localhost:9999/", lured, "url.private"),
        ("http://10.0.0.1/", local, "url.scheme"),
        ("https://10.0.0.1/", local, "url.private"),
        ("http://hooks.example/", local, "url.scheme"),
    ):
        with pytest.raises(BadInput) as refusal:
            check_target(url, allow_loopback=True, network=network)
        assert code_of(refusal) == code


# --- delivery


def post(url: str, network=None, event_id: str = "e-1") -> Outcome:
    return deliver(
        Endpoint(url, [SECRET]),
        event_id=event_id,
        payload=PAYLOAD,
        at=AT,
        allow_loopback=True,
        network=network,
    )


def test_a_delivery_can_be_checked_by_its_receiver(strangers):
    peer = strangers.answers(204)

    assert post(peer.url + "/in") == Outcome("delivered", 204, "delivered")

    heard = peer.heard[0]
    assert (heard.method, heard.target, heard.body) == ("POST", "/in", PAYLOAD)
    assert heard.headers["content-type"] == "application/json"
    expected = signature(SECRET, "e-1", heard.headers["webhook-timestamp"], heard.body)
    assert heard.headers["webhook-signature"] == expected
    assert heard.headers["webhook-id"] == "e-1"
    assert json.loads(heard.body) == {"type": "order.moved"}


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, "delivered", "delivered"),
        (202, "delivered", "delivered"),
        (301, "failed", "http-301"),
        (302, "failed", "http-302"),
        (307, "failed", "http-307"),
        (400, "failed", "http-400"),
        (404, "failed", "http-404"),
        (408, "busy", "http-408"),
        (410, "failed", "gone"),
        (425, "busy", "http-425"),
        (429, "busy", "http-429"),
        (500, "busy", "http-500"),
        (502, "busy", "http-502"),
        (503, "busy", "http-503"),
        (504, "busy", "http-504"),
    ],
)
def test_a_status_means_one_outcome_and_is_asked_for_once(strangers, status, kind, reason):
    elsewhere = strangers.answers(200)
    peer = strangers.answers(status, headers={"Location": elsewhere.url})

    outcome = post(peer.url)

    assert (outcome.kind, outcome.status, outcome.reason) == (kind, status, reason)
    assert len(peer.heard) == 1
    assert elsewhere.heard == []


def test_a_busy_subscriber_says_when_to_come_back(strangers):
    peer = strangers.answers(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "120"})

    assert post(peer.url).retry_after == 120


def test_a_subscriber_s_trouble_is_an_outcome(strangers):
    for url, reason in (
        (strangers.nobody(), "unreachable"),
        (strangers.resets().url, "no-answer"),
        (strangers.says(b"").url, "no-answer"),
        (strangers.says(b"SMTP 220 hello\r\n").url, "no-answer"),
    ):
        assert post(url) == Outcome("busy", None, reason, webhooks.SOON)


def test_a_drip_ends_after_five_seconds_whatever_it_says(strangers):
    assert webhooks.SECONDS == 5
    peer = strangers.drips(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5000)

    assert post(peer.url) == Outcome("busy", None, "no-answer", webhooks.SOON)


def test_a_body_of_a_gigabyte_is_not_read(strangers):
    peer = strangers.answers(200, b"a" * 100, {"Content-Length": "1000000000"})

    assert post(peer.url).kind == "delivered"


def test_a_target_gone_bad_since_its_registration_fails_without_being_asked(strangers):
    network = strangers.network(hooks_example=("10.0.0.1",))

    assert post("https://hooks.example/", network).reason == "url.private"
    assert post("https://hooks.example/", network).kind == "failed"


def test_a_name_that_does_not_resolve_just_now_is_asked_again_later(strangers):
    outcome = post("https://hooks.example/", strangers.network())

    assert (outcome.kind, outcome.reason) == ("busy", "url.unresolved")


def test_the_connection_goes_to_the_checked_address_though_the_name_has_moved_since(strangers):
    """DNS rebinding: the name is asked once, and what was checked is what is dialled."""
    peer = strangers.answers(200, tls="hooks.example")
    real = strangers.network()
    answers = [(PUBLIC,), ("127.0.0.1",)]
    dialled = []

    def dial(address, port, seconds):
        dialled.append((address, port))
        return real.dial("127.0.0.1", peer.port, seconds)

    network = replace(real, resolve=lambda *_: answers.pop(0), dial=dial)

    assert post("https://hooks.example/", network).kind == "delivered"
    assert dialled == [(PUBLIC, 443)]
    assert answers == [("127.0.0.1",)]  # the second answer was never asked for
    assert peer.heard[0].headers["host"] == "hooks.example"
