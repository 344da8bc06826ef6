"""Citizens: report, track, urge, add, take back, rate; with a token, or number and telephone."""

import io
from datetime import timedelta

import pytest
from PIL import Image

from chalicelib import ambient
from chalicelib.domain.refusal import Unknown
from chalicelib.store import deliveries, ledger, orders, personal
from chalicelib.store.rows import House
from chalicelib.usecases import forgetting
from infra.bench.meter import Meter
from tests.api.conftest import COUNTY, PHONE, STATION, a_report
from tests.builders import an_order_id

ORDERS = "/api/v1/public/orders"


def an_hour_ago(minutes: int = 60) -> str:
    return (ambient.now() - timedelta(minutes=minutes)).isoformat()


def a_photo() -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", (40, 30), "white")
    exif = Image.Exif()
    exif[0x010F] = "a telephone that says whose it is"
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def put(api, form) -> None:
    """Do what the local platform does with a form: check it and keep the file."""
    files = api.files()
    files.accept_upload(form["fields"], a_photo(), at=ambient.now())


def test_the_page_learns_county_issuer_and_whether_it_is_local(api):
    said = api.get("/api/v1/public/config").body

    assert said["county_name"] == "清河县公司"
    assert said["issuer"] == api.issuer.url
    assert said["local"] is True


def test_a_place_is_found_by_a_part_of_its_name(api):
    found = api.get("/api/v1/public/places?q=%E5%BB%BA%E8%AE%BE").body["items"]

    assert [place["name"] for place in found] == ["建设路3-2台区"]
    assert found[0]["station_name"] == "城关供电所"
    place = api.get(f"/api/v1/public/places/{found[0]['code']}").body
    assert place["state"] == {"outage": None}
    assert api.get("/api/v1/public/places/TQ-0000").status == 404


def test_the_status_is_the_same_in_both_places_and_empty_without_outages(api):
    assert api.get("/api/v1/public/outages").body["items"] == []
    assert api.get("/status.json").body["items"] == []


def test_what_we_promise_is_told_from_the_limits(api):
    promised = {each["id"]: each for each in api.get("/api/v1/meta/promises").body}

    arrive = promised["fault.arrive.urban"]
    assert (arrive["amount"], arrive["unit"], arrive["clock"]) == (45, "minute", "arrive")
    assert "第三条" in arrive["source"]
    assert not any(each.startswith("misconduct_report") for each in promised)


def test_the_usual_report_is_one_transaction_and_a_look_at_it_one_read(api, store: House):
    api.reported(place="TQ-0312")
    with Meter(store.connection.client) as meter:
        number, token = api.reported(place="TQ-0312")
        (filed,) = meter.record
        meter.reset()
        api.get(f"{ORDERS}/{number}", token=token)
        (read,) = meter.record

    assert filed.operation == "TransactWriteItems"
    assert filed.wru <= 8
    assert (read.operation, read.rru) == ("GetItem", 0.5)


def test_a_report_gives_a_number_a_token_and_the_promise(api):
    filed = api.post(ORDERS, a_report()).body

    order = filed["order"]
    assert order["public_stage"] == "accepted"
    assert order["promise"]["name"] == "arrive"
    assert order["promise"]["allowed_seconds"] == 45 * 60
    assert order["place_name"] == "建设路3-2台区"
    assert [step["text_slug"] for step in order["timeline"]] == ["public.move.opened"]
    assert orders.get(filed["number"]).order.office == COUNTY


def test_a_report_never_shows_what_is_personal(api):
    filed = api.post(ORDERS, a_report())

    assert PHONE not in filed.raw.decode()
    assert "欧阳" not in filed.raw.decode()


def test_an_anonymous_report_of_misconduct_is_taken_and_hides_from_the_desk(api):
    answers = {"theme": "conduct", "description": "收了钱不开发票"}
    filed = api.post(
        ORDERS,
        {"kind": "misconduct_report", "anonymous": True, "answers": answers},
    )

    assert filed.status == 201
    number = filed.body["number"]
    assert api.get(f"/api/v1/orders/{number}", as_="dispatcher-1").status == 404
    assert api.get(f"/api/v1/orders/{number}", as_="discipline-1").status == 200
    assert api.get("/api/v1/orders", as_="dispatcher-1").body["items"] == []


def test_the_token_opens_its_own_order_and_no_other(api):
    mine, token = api.reported()
    yours, _ = api.reported(name="别人")

    opened = api.get(f"{ORDERS}/{mine}", token=token)
    assert opened.headers["ETag"] == '"1"'
    assert opened.headers["Cache-Control"] == "no-store"
    refusals = [
        api.get(f"{ORDERS}/{yours}", token=token),
        api.get(f"{ORDERS}/{mine}", token=token[:-1] + ("A" if token[-1] != "A" else "B")),
        api.get(f"{ORDERS}/{mine}"),
        api.get(f"{ORDERS}/1234567890123450", token=token),
    ]
    assert {(each.status, each.raw) for each in refusals} == {(404, refusals[0].raw)}


def test_number_and_telephone_open_the_order_too(api):
    number, token = api.reported()

    opened = api.post(f"{ORDERS}/lookup", {"number": number, "phone_tail": PHONE[-4:]})

    assert opened.body["token"] == token


def test_a_wrong_pair_and_no_order_answer_alike_and_five_lock(api):
    number, _ = api.reported()

    wrong = api.post(f"{ORDERS}/lookup", {"number": number, "phone_tail": "0000"})
    none = api.post(f"{ORDERS}/lookup", {"number": "1234567890123450", "phone_tail": "8000"})
    assert (wrong.status, wrong.raw) == (none.status, none.raw) == (404, wrong.raw)
    for _ in range(4):
        api.post(f"{ORDERS}/lookup", {"number": number, "phone_tail": "0000"})
    locked = api.post(f"{ORDERS}/lookup", {"number": number, "phone_tail": PHONE[-4:]})

    assert locked.status == 429
    assert int(locked.headers["Retry-After"]) == locked.body["retry_after"] > 0


def test_who_guesses_numbers_is_slowed_down_and_their_neighbour_is_not(api):
    def guess(viewer: str, number: int) -> int:
        sent = {"number": an_order_id(number), "phone_tail": "0000"}
        # The edge says whom it serves; the gateway adds the edge itself.
        passed = f"{viewer}, 127.0.0.1"
        return int(api.post(f"{ORDERS}/lookup", sent, X_Forwarded_For=passed).status)

    answers = [guess("203.0.113.9", number) for number in range(31)]

    assert answers == [404] * 30 + [429]
    assert guess("203.0.113.10", 99) == 404


def test_urging_waits_until_half_of_the_promise_is_gone(api):
    number, token = api.reported()

    early = api.post(f"{ORDERS}/{number}/expedite", {}, token=token)

    assert early.status == 409
    assert early.body["gates"] == ["half_of_promise"]
    assert (
        early.body["earliest"] == api.get(f"{ORDERS}/{number}", token=token).body["expedite_from"]
    )


def test_who_reported_half_an_hour_ago_may_urge_and_the_row_says_so(api):
    number, token = api.reported(occurred_at=an_hour_ago(30))

    urged = api.post(f"{ORDERS}/{number}/expedite", {"note": "等了半小时"}, token=token)

    assert urged.status == 200
    row = api.get("/api/v1/orders", as_="dispatcher-1").body["items"][0]
    assert {"expedited", "second_contact"} <= set(row["chips"])


def test_a_report_is_taken_back_and_answers_once(api):
    number, token = api.reported()

    assert api.post(f"{ORDERS}/{number}/withdraw", {}, token=token).body["public_stage"] == (
        "withdrawn"
    )
    again = api.post(f"{ORDERS}/{number}/withdraw", {}, token=token)
    assert (again.status, again.body["type"]) == (409, "/problems/illegal-move")
    assert "by" not in again.body


def test_nobody_of_the_staff_is_named_to_a_citizen(api):
    number, token = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    api.move(number, "receive", "crew-1")
    api.move(number, "arrive", "crew-1")

    refused = api.post(f"{ORDERS}/{number}/withdraw", {}, token=token)
    seen = api.get(f"{ORDERS}/{number}", token=token)

    assert refused.status == 409
    for raw in (refused.raw, seen.raw):
        assert b"crew-1" not in raw
        assert b"dispatcher-1" not in raw


def test_a_photo_is_signed_for_drawn_anew_and_bound_to_the_report(api):
    form = api.post("/api/v1/public/uploads", {"content_type": "image/jpeg", "bytes": 90_000}).body
    put(api, form)

    filed = api.post(ORDERS, a_report(files=[form["id"]])).body

    rows = api.get(f"{ORDERS}/{filed['number']}/files", token=filed["token"]).body["items"]
    assert [row["id"] for row in rows] == [form["id"]]
    item = personal.list_files(filed["number"])[0]
    stored = api.files().read(item.details["key"], max_bytes=10**6)
    assert stored.content_type == "image/jpeg"
    assert b"whose it is" not in stored.body


def test_a_photo_goes_when_its_order_is_forgotten(api):
    form = api.post("/api/v1/public/uploads", {"content_type": "image/jpeg", "bytes": 90_000}).body
    put(api, form)
    filed = api.post(ORDERS, a_report(files=[form["id"]])).body
    key = personal.list_files(filed["number"])[0].details["key"]

    kept = forgetting.kept_under(api.desk(), filed["number"], ambient.now())
    assert kept is not None
    forgetting.erase(api.files(), kept, reason="asked", at=ambient.now())

    with pytest.raises(Unknown):
        api.files().read(key, max_bytes=10**6)
    seen = api.get(f"{ORDERS}/{filed['number']}", token=filed["token"]).body
    assert (seen["summary"], seen["place_name"]) == ("", "")
    assert api.get(f"/api/v1/orders/{filed['number']}", as_="dispatcher-1").status == 200


def test_a_photo_comes_later_with_a_supplement_and_twice_is_once(api):
    number, token = api.reported()
    asked = {"content_type": "image/jpeg", "bytes": 90_000, "number": number}
    form = api.post("/api/v1/public/uploads", asked, token=token).body
    put(api, form)
    body, key = {"note": "补一张照片", "files": [form["id"]]}, api.key()

    first = api.post(f"{ORDERS}/{number}/supplement", body, token=token, key=key)
    again = api.post(f"{ORDERS}/{number}/supplement", body, token=token, key=key)

    assert first.status == again.status == 200
    assert len(personal.list_files(number)) == 1
    assert len(list(ledger.read(number))) == 2


def test_a_file_that_is_no_photo_is_refused_before_anything_is_filed(api):
    form = api.post("/api/v1/public/uploads", {"content_type": "image/png", "bytes": 99}).body
    api.files().accept_upload(form["fields"], b"<svg onload=alert(1)>", at=ambient.now())

    refused = api.post(ORDERS, a_report(files=[form["id"]]))

    assert refused.body["errors"][0]["code"] == "file.not_a_photo"
    assert orders.queue(COUNTY, limit=1).heads == ()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"content_type": "image/svg+xml", "bytes": 10}, 422),
        ({"content_type": "image/jpeg", "bytes": 0}, 422),
        ({"content_type": "image/jpeg", "bytes": 10**8}, 413),
        ({"content_type": "image/jpeg", "bytes": 10, "number": "1234567890123456"}, 422),
        ({"content_type": "image/jpeg", "bytes": 10, "number": an_order_id()}, 404),
    ],
)
def test_an_upload_is_signed_for_photos_of_reasonable_size_only(api, asked, status):
    assert api.post("/api/v1/public/uploads", asked).status == status


def worked(api, number: str) -> None:
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    api.move(number, "receive", "crew-1")
    api.move(number, "arrive", "crew-1")
    api.move(number, "reply", "crew-1", result="repaired", power_back=True, note="换熔丝")
    api.move(number, "approve_reply", "dispatcher-1")


def test_a_code_from_a_text_can_rate_once_and_nothing_else(api):
    number, token = api.reported()
    worked(api, number)
    at = ambient.now()
    deliveries.put_code("K7M2Q9XWPT", number, at=at, expires=at + timedelta(days=7))

    rated = api.post("/api/v1/public/ratings", {"code": "k7m2q9xwpt", "score": 5})
    again = api.post("/api/v1/public/ratings", {"code": "K7M2Q9XWPT", "score": 1})
    wrong = api.post("/api/v1/public/ratings", {"code": "AAAAAAAAAA", "score": 1})

    assert (rated.status, again.status, wrong.status) == (200, 409, 404)
    assert api.get(f"{ORDERS}/{number}", token=token).body["rating"] == {"score": 5}


@pytest.mark.parametrize("score", [0, 6, 2.5, "5", True, None])
def test_a_rating_is_one_to_five(api, score):
    number, token = api.reported()
    worked(api, number)

    refused = api.post(f"{ORDERS}/{number}/rate", {"score": score}, token=token)

    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "score")


def test_who_says_it_is_not_solved_reopens_it(api):
    number, token = api.reported()
    worked(api, number)

    reopened = api.post(f"{ORDERS}/{number}/reopen", {"note": "还是没电"}, token=token).body

    assert reopened["public_stage"] == "accepted"
    assert "reopen" not in reopened["can"]
