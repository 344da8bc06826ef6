"""Texts: what each gateway is told, and what each of its troubles means for sending again."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.sns.models import sns_backends

from chalicelib.domain.contact import Phone
from chalicelib.outbound import aws, sms
from chalicelib.outbound.sms import (
    Dialect,
    GatewayBusy,
    GatewayRefused,
    HttpGateway,
    Kept,
    NumberRejected,
    Receipt,
    Relay,
    ReplyLost,
    Sns,
    Text,
    gateway_from,
    parts_of,
    rate_of,
)

AT = datetime(2026, 7, 1, 4, 15, tzinfo=UTC)
BODY = (
    "【清河供电】河尾村3号公变台区已于15:42恢复供电。若您家中仍无电,请拨95598或回复1,我们立即核查。"
)
TEXT = Text(
    effect_id="order/42#7:text",
    to=Phone("+8613800138000"),
    template="restored",
    params={"area": "河尾村3号公变", "time": "15:42"},
    body=BODY,
)


def a_gateway(url: str, dialect: Dialect | None = None, seconds: float = 0.4) -> HttpGateway:
    return HttpGateway(
        url,
        key="ak-1",
        secret="s3cret",
        signature="清河供电",
        dialect=dialect,
        templates={"restored": "SMS_1001"},
        seconds=seconds,
    )


# --- what a text weighs


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("", 1),
        ("电" * 70, 1),
        ("电" * 71, 2),
        ("电" * 134, 2),
        ("电" * 135, 3),
        ("电" * 150, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("电" * 66 + "😀" + "电" * 66, 3),  # 66; then the face whole and 65; then one more
        (BODY, 1),
    ],
)
def test_seventy_units_are_one_part_or_sixty_seven_each(body, parts):
    assert parts_of(body) == parts


@given(st.text(alphabet="a电😀", max_size=300))
def test_a_character_of_two_units_is_never_cut(body):
    units = len(body.encode("utf-16-le")) // 2

    parts = parts_of(body)

    assert parts >= (1 if units <= 70 else -(-units // 67))
    assert parts <= max(1, -(-units // 66))


# --- a generic gateway


def test_the_request_carries_template_params_signature_name_and_our_reference(strangers):
    peer = strangers.answers(200, {"code": "OK", "message_id": "m-1"})

    receipt = a_gateway(peer.url + "/send?v=1").send(TEXT, at=AT)

    assert (receipt.gateway, receipt.message_id, receipt.parts) == ("http", "m-1", 1)
    heard = peer.heard[0]
    assert (heard.method, heard.target) == ("POST", "/send?v=1")
    assert json.loads(heard.body) == {
        "phone": "+8613800138000",
        "sign_name": "清河供电",
        "template_code": "SMS_1001",
        "template_params": {"area": "河尾村3号公变", "time": "15:42"},
        "out_id": "order/42#7:text",
    }


def test_the_signature_is_hmac_sha256_over_the_canonical_lines(strangers):
    peer = strangers.answers(200, {"code": "OK"})
    a_gateway(peer.url + "/send?v=1").send(TEXT, at=AT)
    heard = peer.heard[0]

    lines = ["POST", "/send?v=1", str(int(AT.timestamp())), heard.headers["x-nonce"]]
    lines.append(hashlib.sha256(heard.body).hexdigest())
    expected = hmac.new(b"s3cret", "\n".join(lines).encode(), hashlib.sha256).digest()
    assert base64.b64decode(heard.headers["x-signature"]) == expected
    assert heard.headers["x-timestamp"] == lines[2]
    assert heard.headers["x-key"] == "ak-1"


def test_a_nonce_is_another_one_for_another_attempt_or_text(strangers):
    peer = strangers.answers(200, {"code": "OK"})
    gateway = a_gateway(peer.url)

    gateway.send(TEXT, at=AT)
    gateway.send(TEXT, at=AT + timedelta(milliseconds=1))
    other = Text("order/42#8:text", TEXT.to, TEXT.template, TEXT.params, TEXT.body)
    gateway.send(other, at=AT)

    nonces = {heard.headers["x-nonce"] for heard in peer.heard}
    assert len(nonces) == 3
    assert all(len(nonce) == 32 for nonce in nonces)


def test_the_instant_is_the_same_in_whatever_zone_it_is_given(strangers):
    peer = strangers.answers(200, {"code": "OK"})
    gateway = a_gateway(peer.url)

    gateway.send(TEXT, at=AT)
    gateway.send(TEXT, at=AT.astimezone(timezone(timedelta(hours=8))))

    first, second = (heard.headers for heard in peer.heard)
    assert first == second


def test_every_name_can_be_set_for_another_gateway(strangers):
    peer = strangers.answers(200, {"result": {"state": 0, "sid": 77}})
    dialect = Dialect(
        phone="mobile",
        template="tpl",
        params="vars",
        signature="sign",
        reference="uid",
        code="result.state",
        message_id="result.sid",
        hmac_header="Authorization",
        numbers="national",
    )

    receipt = a_gateway(peer.url, dialect).send(TEXT, at=AT)

    assert receipt.message_id == "77"
    heard = peer.heard[0]
    assert set(json.loads(heard.body)) == {"mobile", "tpl", "vars", "sign", "uid"}
    assert json.loads(heard.body)["mobile"] == "13800138000"
    assert "authorization" in heard.headers


# each trouble, and what it means

BUSY, LOST, REFUSED, REJECTED = GatewayBusy, ReplyLost, GatewayRefused, NumberRejected


@pytest.mark.parametrize(
    ("status", "said", "meaning", "code"),
    [
        (200, {"code": "MOBILE_NUMBER_ILLEGAL"}, REJECTED, "MOBILE_NUMBER_ILLEGAL"),
        (200, {"code": "BLACK_LIST"}, REJECTED, "BLACK_LIST"),
        (200, {"code": "BUSINESS_LIMIT_CONTROL"}, BUSY, "BUSINESS_LIMIT_CONTROL"),
        (200, {"code": "SIGN_NAME_ILLEGAL"}, REFUSED, "SIGN_NAME_ILLEGAL"),
        (200, {"code": "something-new"}, REFUSED, "something-new"),
        (200, {}, LOST, "no-code"),
        (200, {"code": None}, LOST, "no-code"),
        (200, {"code": True}, LOST, "no-code"),
        (200, {"code": {"code": "OK"}}, LOST, "no-code"),
        (200, [], LOST, "no-code"),
        (200, b"", LOST, "unreadable"),
        (200, b'{"code":"OK"', LOST, "unreadable"),
        (200, b"<html>OK</html>", LOST, "unreadable"),
        (200, b"\xff\xfe", LOST, "unreadable"),
        (200, b"[" * 60_000, LOST, "unreadable"),
        (204, b"", LOST, "unreadable"),
        (302, b"", REFUSED, "http-302"),
        (400, {"code": "MOBILE_NUMBER_ILLEGAL"}, REJECTED, "MOBILE_NUMBER_ILLEGAL"),
        (400, {"code": "OK"}, REFUSED, "OK"),
        (400, b"", REFUSED, "http-400"),
        (401, b"", REFUSED, "http-401"),
        (403, {"code": "SIGNATURE_MISMATCH"}, REFUSED, "SIGNATURE_MISMATCH"),
        (404, b"not found", REFUSED, "http-404"),
        (429, b"", BUSY, "http-429"),
        (500, b"", LOST, "http-500"),
        (500, {"code": "OK"}, LOST, "http-500"),
        (502, b"", LOST, "http-502"),
        (503, b"", BUSY, "http-503"),
        (504, b"", LOST, "http-504"),
    ],
)
def test_an_answer_means_one_failure_and_no_other(strangers, status, said, meaning, code):
    peer = strangers.answers(status, said)

    with pytest.raises(sms.TextFailed) as caught:
        a_gateway(peer.url).send(TEXT, at=AT)

    assert type(caught.value) is meaning
    assert (caught.value.code, caught.value.gateway) == (code, "http")
    assert len(peer.heard) == 1  # asked once, whatever it said


def test_a_busy_gateway_says_when_to_come_back(strangers):
    peer = strangers.answers(429, headers={"Retry-After": "7"})

    with pytest.raises(GatewayBusy) as caught:
        a_gateway(peer.url).send(TEXT, at=AT)

    assert caught.value.retry_after == 7


def test_a_refusal_of_us_all_waits_longer_and_is_still_busy_to_whoever_only_knows_busy(strangers):
    with pytest.raises(GatewayBusy) as caught:
        a_gateway(strangers.answers(401).url).send(TEXT, at=AT)

    assert caught.value.retry_after == sms.LATER


def test_nobody_listening_means_that_nothing_was_sent(strangers):
    with pytest.raises(GatewayBusy):
        a_gateway(strangers.nobody()).send(TEXT, at=AT)


def test_a_gateway_that_cannot_prove_its_name_is_told_nothing(strangers):
    peer = strangers.answers(200, {"code": "OK"}, tls="127.0.0.1")

    with pytest.raises(GatewayBusy):
        a_gateway(peer.url).send(TEXT, at=AT)
    assert peer.heard == []


def test_a_timeout_means_that_nobody_knows(strangers):
    with pytest.raises(ReplyLost):
        a_gateway(strangers.hangs().url).send(TEXT, at=AT)


def test_a_reset_means_that_nobody_knows(strangers):
    with pytest.raises(ReplyLost):
        a_gateway(strangers.resets().url).send(TEXT, at=AT)


def test_a_slow_drip_means_that_nobody_knows(strangers):
    peer = strangers.drips(b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"code":"OK"' + b" " * 90)

    with pytest.raises(ReplyLost):
        a_gateway(peer.url).send(TEXT, at=AT)


def test_an_endless_answer_means_that_nobody_knows(strangers):
    peer = strangers.answers(200, b'{"code":"OK"}' + b" " * 70_000)

    with pytest.raises(ReplyLost):
        a_gateway(peer.url, seconds=2).send(TEXT, at=AT)


def test_a_failure_names_no_number_or_word(strangers):
    with pytest.raises(ReplyLost) as caught:
        a_gateway(strangers.answers(500, BODY.encode()).url).send(TEXT, at=AT)

    assert "8000" not in repr(caught.value)
    assert "河尾村" not in str(caught.value)


def test_a_text_prints_neither_number_nor_words():
    assert "13800138000" not in repr(TEXT)
    assert "河尾村" not in repr(TEXT)


@pytest.mark.parametrize(
    "url", ["http://sms.example/", "ftp://127.0.0.1/", "https://u@sms.example/", "https://1.1/"]
)
def test_a_gateway_is_spoken_to_over_tls_or_on_loopback(url):
    with pytest.raises(ValueError, match=r"."):
        a_gateway(url)


def test_a_gateway_without_key_secret_or_signature_is_refused():
    with pytest.raises(ValueError, match="key, a secret and a filed signature"):
        HttpGateway("https://sms.example/", key="k", secret="", signature="清河供电")


# --- Amazon SNS


def sns_at(url: str) -> Sns:
    """The adapter on a client like its own, but impatient and talking to a stranger."""
    own = aws.client("sns", attempts=1, endpoint=url)
    quick = own.meta.config.merge(Config(read_timeout=0.4, connect_timeout=0.4))
    client = aws._session().create_client("sns", endpoint_url=url, config=quick)
    return Sns(client=client)


def xml_error(code: str, message: str = "") -> bytes:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    ).encode()


def test_sns_publishes_a_transactional_text_with_its_sender():
    with mock_aws():
        receipt = Sns(sender="QHPower", client=aws.client("sns", attempts=1)).send(TEXT, at=AT)

        sent = sns_backends["123456789012"]["cn-north-1"].sms_messages
        assert sent[receipt.message_id][:2] == ("+8613800138000", BODY)
    assert (receipt.gateway, receipt.parts) == ("sns", 1)


def test_sns_is_told_that_the_text_is_transactional(strangers):
    peer = strangers.says(b"")
    own = aws.client("sns", attempts=1, endpoint=peer.url)

    with pytest.raises(ReplyLost):
        Sns(sender="QHPower", client=own).send(TEXT, at=AT)

    form = peer.heard[0].body.decode()
    assert "AWS.SNS.SMS.SMSType" in form
    assert "Transactional" in form
    assert "QHPower" in form


def test_each_text_to_sns_has_a_connection_of_its_own(strangers):
    done = b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult>"
    peer = strangers.answers(200, done + b"</PublishResponse>")
    gateway = sns_at(peer.url)

    assert [gateway.send(TEXT, at=AT).message_id for _ in range(3)] == ["m"] * 3
    assert [heard.headers["connection"] for heard in peer.heard] == ["close"] * 3


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (400, xml_error("InvalidParameter", "Invalid parameter: PhoneNumber"), REJECTED),
        (400, xml_error("InvalidParameter", "Invalid parameter: Message too long"), REFUSED),
        (400, xml_error("OptedOut"), REJECTED),
        (400, xml_error("Throttling"), BUSY),
        (429, xml_error("Throttled"), BUSY),
        (403, xml_error("AuthorizationError"), REFUSED),
        (403, xml_error("InvalidClientTokenId"), REFUSED),
        (500, xml_error("InternalError"), LOST),
        (503, xml_error("ServiceUnavailable"), BUSY),
        (500, b"", LOST),
        (200, b"not xml", LOST),
        (200, b"<PublishResponse><PublishResult/></PublishResponse>", LOST),
    ],
)
def test_an_answer_of_sns_means_one_failure_and_is_never_repeated(strangers, status, body, meaning):
    peer = strangers.answers(status, body)

    with pytest.raises(sms.TextFailed) as caught:
        sns_at(peer.url).send(TEXT, at=AT)

    assert type(caught.value) is meaning
    assert len(peer.heard) == 1


def test_a_reset_or_silence_of_sns_means_that_nobody_knows_and_is_never_repeated(strangers):
    for peer in (strangers.resets(), strangers.hangs(), strangers.says(b"")):
        with pytest.raises(ReplyLost):
            sns_at(peer.url).send(TEXT, at=AT)
        assert len(peer.heard) == 1


def test_an_sns_that_cannot_be_reached_means_that_nothing_was_sent(strangers):
    with pytest.raises(GatewayBusy):
        sns_at(strangers.nobody()).send(TEXT, at=AT)


class Nobody:
    """Whom botocore asks for credentials."""

    def load_credentials(self) -> None:
        return None


def test_an_account_without_credentials_is_a_refusal_of_us_all(strangers):
    peer = strangers.answers(200)
    session = botocore.session.get_session()
    session.register_component("credential_provider", Nobody())
    client = session.create_client("sns", endpoint_url=peer.url)

    with pytest.raises(GatewayRefused):
        Sns(client=client).send(TEXT, at=AT)
    assert peer.heard == []


@pytest.mark.parametrize("sender", ["清河", "12345678901", "TwelveLetters", "a b"])
def test_a_sender_id_that_carriers_refuse_is_refused_at_the_start(sender):
    with pytest.raises(ValueError, match="sender id"):
        Sns(sender=sender)


# --- kept


def kept_in(path: Path) -> list[dict[str, Any]]:
    """Read as the phone page does: what a crash tore is left out."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def test_a_kept_text_is_a_line_that_the_phone_page_can_show(tmp_path):
    path = tmp_path / "deep" / "texts.jsonl"

    receipt = Kept(path).send(TEXT, at=AT)

    assert receipt == sms.Receipt("kept", TEXT.effect_id, 1)
    assert kept_in(path) == [
        {
            "effect_id": "order/42#7:text",
            "at": "2026-07-01T04:15:00+00:00",
            "to": "+8613800138000",
            "template": "restored",
            "params": {"area": "河尾村3号公变", "time": "15:42"},
            "body": BODY,
            "parts": 1,
        }
    ]


def test_a_line_that_a_crash_tore_does_not_take_the_next_one_with_it(tmp_path):
    path = tmp_path / "texts.jsonl"
    kept = Kept(path)
    kept.send(TEXT, at=AT)
    path.write_bytes(path.read_bytes() + b'{"effect_id": "torn')

    kept.send(TEXT, at=AT)

    assert [line["effect_id"] for line in kept_in(path)] == [TEXT.effect_id] * 2


def test_texts_of_many_threads_are_each_a_line(tmp_path):
    path = tmp_path / "texts.jsonl"
    kept = Kept(path)
    threads = [
        threading.Thread(target=kept.send, args=(TEXT,), kwargs={"at": AT}) for _ in "x" * 20
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(kept_in(path)) == 20


def test_a_disk_that_takes_nothing_means_not_sent(tmp_path):
    with pytest.raises(GatewayBusy):
        Kept(tmp_path).send(TEXT, at=AT)  # a folder is no file
    with pytest.raises(GatewayBusy):
        Kept(Path("/dev/full")).send(TEXT, at=AT)


def test_a_text_is_on_disk_before_the_receipt(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(GatewayBusy):
        Kept(pipe).send(TEXT, at=AT)  # a pipe takes the bytes and cannot sync them

    os.close(reader)


# --- which one


def test_a_setting_names_its_gateway_and_always_the_same_one(tmp_path):
    setting = f"keep:{tmp_path}/texts.jsonl"

    assert isinstance(gateway_from(setting), Kept)
    assert gateway_from(setting) is gateway_from(setting)
    assert isinstance(gateway_from("sns"), Sns)


def test_a_gateway_s_dialect_and_template_codes_ride_in_the_fragment(strangers):
    peer = strangers.answers(200, {"status": 0})
    setting = (
        f"http:{peer.url}/v1#phone=mobile&code=status&ok=0&numbers=national&template:restored=SMS_7"
    )

    gateway_from(setting, key="k", secret="s", signature="清河供电").send(TEXT, at=AT)

    heard = peer.heard[0]
    assert heard.target == "/v1"
    assert json.loads(heard.body)["mobile"] == "13800138000"
    assert json.loads(heard.body)["template_code"] == "SMS_7"


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "keep",
        "keep:",
        "snss",
        "http:",
        "sms:x",
        "http:https://sms.example/#phon=mobile",
        "http:https://sms.example/#numbers=local",
        "http:https://sms.example/#phone",
        "http:http://sms.example/",
        "http:https://sms.example/#rate=0",
        "http:https://sms.example/#rate=much",
    ],
)
def test_a_misspelt_setting_stops_the_start(setting):
    with pytest.raises(ValueError, match=r"."):
        gateway_from(setting, key="k", secret="s", signature="清河供电")


# --- Two of them


class Told:
    """A gateway that answers as it is told, in turn, and then takes everything."""

    def __init__(self, name: str, *answers: Exception) -> None:
        self.name = name
        self.answers = list(answers)
        self.asked = 0

    def send(self, text: Text, *, at: datetime) -> Receipt:
        assert (text, at.tzinfo) == (TEXT, UTC)
        self.asked += 1
        if self.answers:
            raise self.answers.pop(0)
        return Receipt(self.name, "m", 1)


THROTTLED = GatewayBusy("429", gateway="one", retry_after=90)


def test_the_second_is_asked_when_the_first_certainly_did_not_send_and_while_it_rests():
    first, second = Told("one", THROTTLED), Told("two")
    relay = Relay(first, second)

    carried = [
        relay.send(TEXT, at=AT + timedelta(seconds=seconds)).gateway for seconds in (0, 1, 89, 90)
    ]

    assert carried == ["two", "two", "two", "one"]
    assert (first.asked, second.asked) == (2, 3)


@pytest.mark.parametrize(
    "failure", [ReplyLost("timeout", gateway="one"), NumberRejected("no", gateway="one")]
)
def test_the_second_is_never_asked_when_the_first_may_have_sent_or_says_no_for_good(failure):
    first, second = Told("one", failure), Told("two")
    relay = Relay(first, second)

    with pytest.raises(type(failure)):
        relay.send(TEXT, at=AT)

    assert second.asked == 0
    assert relay.send(TEXT, at=AT).gateway == "one"


def test_a_spend_limit_is_told_once_and_the_second_carries_on(capsys):
    first, second = Told("one", GatewayRefused("spend-limit", gateway="one")), Told("two")
    relay = Relay(first, second)

    for seconds in range(5):
        relay.send(TEXT, at=AT + timedelta(seconds=seconds))

    assert capsys.readouterr().out.count("gateway.refused") == 1
    assert (first.asked, second.asked) == (1, 5)


def test_when_neither_takes_it_the_text_waits():
    relay = Relay(
        Told("one", THROTTLED), Told("two", GatewayBusy("x", gateway="two", retry_after=7))
    )

    with pytest.raises(GatewayBusy) as busy:
        relay.send(TEXT, at=AT)

    assert busy.value.retry_after == 7


def test_two_settings_make_a_relay_and_a_rate_is_declared_in_the_fragment(tmp_path):
    setting = "http:https://sms.example/#rate=400"

    gateway = gateway_from(
        setting, key="k", secret="s", signature="清河供电", second=f"keep:{tmp_path}/t.jsonl"
    )

    assert isinstance(gateway, Relay)
    assert [rate_of(each) for each in (setting, "sns", f"keep:{tmp_path}")] == [400, 20, 20]
