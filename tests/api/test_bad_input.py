"""Bad input: a problem that names the field, in the caller's language, never a 500, no write."""

import json
from typing import Any

import pytest

from chalicelib.store import orders, personal
from tests.api.conftest import COUNTY, PHONE, PLACE, STATION, a_report

REPORT = "/api/v1/public/orders"
DEEP = b'{"answers":' * 1 + b"[" * 20_000 + b"]" * 20_000 + b"}"

BODIES = {
    "no JSON": (b"<xml/>", "", "body.not_json"),
    "half of an object": (b'{"kind":', "", "body.not_json"),
    "a list": (b"[]", "", "body.not_an_object"),
    "a number": (b"5", "", "body.not_an_object"),
    "20,000 levels": (DEEP, "", "body.too_deep"),
    "80 levels": (b'{"a":' * 80 + b"1" + b"}" * 80, "", "body.too_deep"),
    "not UTF-8": (b'{"kind":"\xff"}', "", "body.not_utf8"),
    "one name twice": (b'{"kind":"fault","kind":"complaint"}', "kind", "body.duplicate"),
    "NaN": (b'{"kind":NaN}', "", "body.not_a_number"),
    "infinity by exponent": (b'{"kind":1e999}', "", "body.not_a_number"),
    "a lone surrogate": (rb'{"name":"\ud800"}', "name", "text.surrogate"),
    "a lone surrogate in a name": (rb'{"\udfff":1}', "?", "text.surrogate"),
    "a lone surrogate deep inside": (
        rb'{"answers":{"a":["\ud83d"]}}',
        "answers.a.0",
        "text.surrogate",
    ),
    "an endless whole number": (b'{"kind":' + b"9" * 5_000 + b"}", "", "body.not_json"),
}


@pytest.mark.parametrize("what", BODIES)
def test_what_is_no_usable_json_is_refused_with_a_code(calm, what):
    raw, field, code = BODIES[what]

    answer = calm.call("POST", REPORT, raw=raw)

    assert answer.status == 422
    assert [(e["field"], e["code"]) for e in answer.body["errors"]] == [(field, code)]


def test_ten_megabytes_are_refused_as_too_large(calm):
    answer = calm.call("POST", REPORT, raw=b'{"name":"' + b"x" * 10_000_000 + b'"}')

    assert answer.status == 413
    assert answer.body["limit"] == 256 * 1024


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "",
        "application/json; charset=gbk",
    ],
)
def test_another_media_type_is_a_415_problem(calm, media):
    answer = calm.call("POST", REPORT, raw=b"{}", Content_Type=media)

    assert answer.status == 415
    assert answer.body["type"] == "/problems/unsupported"


FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "kind missing": ({"kind": None}, "kind", "field.choice"),
    "kind of another type": ({"kind": 5}, "kind", "field.choice"),
    "kind unknown": ({"kind": "fire"}, "kind", "field.choice"),
    "unknown field": ({"colour": "red"}, "colour", "field.unknown"),
    "privileged: stage": ({"stage": "archived"}, "stage", "field.unknown"),
    "privileged: office": ({"office": "S-1"}, "office", "field.unknown"),
    "privileged: channel": ({"channel": "12398"}, "channel", "field.unknown"),
    "privileged: training": ({"training": True}, "training", "field.unknown"),
    "phone too short": ({"phone": "1380013800"}, "phone", "phone.too_short"),
    "phone in Arabic digits": ({"phone": "١٣٨٠٠١٣٨٠٠٠"}, "phone", "phone.non_ascii_digits"),
    "phone a number": ({"phone": 13800138000}, "phone", "phone.not_a_number"),
    "phone empty": ({"phone": ""}, "phone", "phone.empty"),
    "name with NUL": ({"name": "张\x00三"}, "name", "text.control"),
    "name turned round": ({"name": "\u202e三张"}, "name", "text.bidi"),
    "name too long": ({"name": "张" * 41}, "name", "text.too_long"),
    "name a list": ({"name": ["张"]}, "name", "field.text"),
    "address too long": ({"address": "路" * 201}, "address", "text.too_long"),
    "place unknown": ({"place": "TQ-9999"}, "place", "place.unknown"),
    "place of bad letters": ({"place": "台区"}, "place", "field.code"),
    "anonymous as text": ({"anonymous": "yes"}, "anonymous", "field.flag"),
    "anonymous fault": ({"anonymous": True}, "anonymous", "anonymous.not_taken"),
    "wish unknown": ({"reply_wish": "pigeon"}, "reply_wish", "field.choice"),
    "danger unknown": ({"dangers": ["boredom"]}, "dangers", "field.choice"),
    "dangers too many": ({"dangers": ["fire"] * 6}, "dangers", "field.too_many"),
    "files no ids": ({"files": ["../../etc"]}, "files.0", "field.code"),
    "files that never came": ({"files": ["0" * 32]}, "files.0", "file.unknown"),
    "in the future": (
        {"occurred_at": "2099-01-01T00:00:00Z"},
        "occurred_at",
        "occurred_at.in_future",
    ),
    "without a zone": ({"occurred_at": "2026-11-21T06:00:00"}, "occurred_at", "field.instant"),
    "on 30 February": ({"occurred_at": "2026-02-30T06:00:00Z"}, "occurred_at", "field.instant"),
    "answers a list": ({"answers": []}, "answers", "field.object"),
    "an answer that nobody asked": ({"answers": {"shoe": "41"}}, "shoe", "field.unknown"),
    "a symptom that is none": ({"answers": {"symptom": "sad"}}, "symptom", "field.choice"),
    "a description with NUL": (
        {"answers": {"description": "a\x00b"}},
        "description",
        "text.control",
    ),
    "a description too long": (
        {"answers": {"description": "长" * 1001}},
        "description",
        "text.too_long",
    ),
    "a description that is none": ({"answers": {"description": 5}}, "description", "field.text"),
    "a sub-type where there are none": ({"sub_type": "other"}, "sub_type", "sub_type.not_taken"),
}


@pytest.mark.parametrize("what", FIELDS)
def test_an_unusable_field_is_named_and_nothing_is_written(calm, what):
    changed, field, code = FIELDS[what]
    before = orders.queue(COUNTY, limit=100).heads

    answer = calm.post(REPORT, a_report(**changed))

    assert answer.status == 422, answer.raw.decode()
    assert (field, code) in [(e["field"], e["code"]) for e in answer.body["errors"]]
    assert all(e["detail"] for e in answer.body["errors"])
    assert orders.queue(COUNTY, limit=100).heads == before


def test_every_unusable_field_is_named_at_once(calm):
    answer = calm.post(REPORT, a_report(phone="1", name="\x00", dangers="fire", more=1))

    assert {e["field"] for e in answer.body["errors"]} == {"phone", "name", "dangers", "more"}


def test_a_problem_speaks_chinese_first_and_english_when_asked(calm):
    chinese = calm.post(REPORT, a_report(phone=""), language="zh-CN")
    english = calm.post(REPORT, a_report(phone=""), language="fr, en;q=0.8, zh;q=0.5")
    neither = calm.post(REPORT, a_report(phone=""), language="fr")

    assert chinese.body["title"] == "填写有误"
    assert english.body["title"] == "Some fields cannot be used"
    assert english.headers["Content-Language"] == "en"
    assert english.body["errors"][0]["detail"] == "A telephone number is needed"
    assert neither.body["title"] == "填写有误"


def test_no_problem_quotes_what_was_sent(calm):
    answer = calm.post(REPORT, a_report(phone="13800138000999", name="张\x00三丰"))

    assert "13800138000" not in answer.raw.decode()
    assert "三丰" not in answer.raw.decode()


@pytest.mark.parametrize("key", ["", "x" * 65, "钥匙", "a b"])
def test_a_write_without_a_usable_key_is_refused_naming_the_header(calm, key):
    answer = calm.call("POST", REPORT, body=a_report(), key="", Idempotency_Key=key)

    assert answer.status == 422
    assert answer.body["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=0", "limit", "field.out_of_range"),
        ("limit=101", "limit", "field.out_of_range"),
        ("limit=-1", "limit", "field.out_of_range"),
        ("limit=ten", "limit", "field.out_of_range"),
        ("limit=99999999999999999999", "limit", "field.out_of_range"),
        ("state=asleep", "state", "field.choice"),
        ("level=purple", "level", "field.choice"),
        ("from=2026-02-30", "from", "field.date"),
        ("to=yesterday", "to", "field.date"),
        ("office=%00", "office", "field.code"),
        ("q=" + "x" * 81, "q", "text.too_long"),
        ("q=%E2%80%AEabc", "q", "text.bidi"),
        ("order_by=1", "order_by", "field.unknown"),
        ("kind=fault&kind=complaint", "kind", "field.repeated"),
        ("cursor=abc", "cursor", "cursor.invalid"),
        ("cursor=YWJj.YWJj", "cursor", "cursor.invalid"),
        ("cursor=%F0%9F%92%A1.%F0", "cursor", "cursor.invalid"),
    ],
)
def test_a_query_out_of_range_names_its_parameter(calm, query, field, code):
    answer = calm.get(f"/api/v1/orders?{query}", as_="dispatcher-1")

    assert answer.status == 422
    assert [(e["field"], e["code"]) for e in answer.body["errors"]] == [(field, code)]


MOVES = {
    "an office unknown": ({"office": "S-NOWHERE"}, "office", "office.unknown"),
    "an office of another county": ({"office": "S-LINXI-01"}, "office", "office.unknown"),
    "an office above": ({"office": "M-02"}, "office", "office.out_of_reach"),
    "an office that is none": ({"office": {"id": 1}}, "office", "office.unknown"),
    "a person of another office": (
        {"office": STATION, "staff": "crew-2"},
        "staff",
        "staff.not_there",
    ),
    "no office": ({}, "office", "field.required"),
    "a field that is not asked": ({"office": STATION, "stage": "x"}, "stage", "field.unknown"),
    "a note with NUL": ({"office": STATION, "note": "a\x00"}, "note", "text.control"),
    "a note too long": ({"office": STATION, "note": "长" * 501}, "note", "text.too_long"),
    "a note that is a list": ({"office": STATION, "note": ["a"]}, "note", "field.text"),
    "before the report": (
        {"office": STATION, "occurred_at": "2020-01-01T00:00:00Z"},
        "occurred_at",
        "occurred_at.before_report",
    ),
    "in the future": (
        {"office": STATION, "occurred_at": "2099-01-01T00:00:00Z"},
        "occurred_at",
        "occurred_at.in_future",
    ),
    "for nobody": ({"office": STATION, "recorded_for": "ghost"}, "recorded_for", "staff.unknown"),
}


@pytest.mark.parametrize("what", MOVES)
def test_an_unusable_answer_to_a_move_is_named_and_moves_nothing(calm, what):
    answers, field, code = MOVES[what]
    number, _ = calm.reported()

    answer = calm.post(f"/api/v1/orders/{number}/moves/dispatch", answers, as_="dispatcher-1")

    assert answer.status == 422, answer.raw.decode()
    assert (field, code) in [(e["field"], e["code"]) for e in answer.body["errors"]]
    assert orders.get(number).order.version == 1


@pytest.mark.parametrize("sent", ["abc", '"-1"', "1.5", "9999999999", '"1", "2"'])
def test_an_if_match_that_is_no_version_is_refused(calm, sent):
    number, _ = calm.reported()

    answer = calm.post(
        f"/api/v1/orders/{number}/moves/dispatch",
        {"office": STATION},
        as_="dispatcher-1",
        If_Match=sent,
    )

    assert [(e["field"], e["code"]) for e in answer.body["errors"]] == [
        ("If-Match", "field.version")
    ]


@pytest.mark.parametrize(
    "number",
    [
        "1",
        "abcdefghijklmnop",
        "1234567890123456",
        "%00",
        "..%2f..",
        "1" * 200,
        "%F0%9F%92%A1",
        "１２３４５６７８９０１２３４５６",
    ],
)
def test_a_number_that_is_none_is_not_found(calm, number):
    staff = calm.get(f"/api/v1/orders/{number}", as_="dispatcher-1")
    citizen = calm.get(f"/api/v1/public/orders/{number}", token="A" * 22)

    assert staff.status == citizen.status == 404
    assert staff.body["type"] == citizen.body["type"] == "/problems/unknown"


def test_what_is_kept_is_normalised_not_what_was_typed(calm):
    number, _ = calm.reported(
        phone="１３８ ００１３－８０００", answers={"description": "  没电了\r\n邻居也没有  "}
    )

    party = str(orders.get(number).shown["party"])
    kept = personal.contact(party, number)
    assert kept.contact["phone"] == "+86" + PHONE
    assert kept.words == {"description": "没电了\n邻居也没有"}
    assert json.loads(json.dumps(dict(orders.get(number).shown)))["place"] != PLACE
