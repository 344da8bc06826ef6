"""The desk: queue, filters, counts, intake, moves, merging, bulk, search, export, calls."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest

from chalicelib import ambient
from chalicelib.domain.calendar import local_day
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Event
from chalicelib.domain.reach import Reach
from chalicelib.jobs import _note
from chalicelib.outbound.sms import gateway_from
from chalicelib.store import customers, deliveries, ledger, orders
from chalicelib.store.customers import Household
from chalicelib.usecases import notifying
from chalicelib.usecases.delivering import Ports
from tests.api.conftest import ACCOUNT, COUNTY, OTHER, PHONE, PLACE, STATION, a_report
from tests.builders import an_order_id

ORDERS = "/api/v1/orders"


def ago(minutes: int) -> str:
    return (ambient.now() - timedelta(minutes=minutes)).isoformat()


def entered(api, number: str) -> None:
    """Do what the stream does with the first event: enter the order in the daybook."""
    event: Event = ledger.event(number, 1)
    _note(api.desk(), event)


def listed(api, query: str = "", as_: str = "dispatcher-1"):
    answer = api.get(f"{ORDERS}?{query}", as_=as_)
    assert answer.status == 200, answer.raw.decode()
    return answer.body


def counted(api, as_: str = "dispatcher-1"):
    answer = api.get("/api/v1/queue", as_=as_)
    assert answer.status == 200, answer.raw.decode()
    return answer.body


def numbers(api, query: str = "", as_: str = "dispatcher-1") -> list[str]:
    return [row["number"] for row in listed(api, query, as_)["items"]]


def test_me_says_role_office_and_what_may_be_done(api):
    me = api.get("/api/v1/me", as_="dispatcher-1").body

    assert (me["role"], me["office"]["name"], me["duty"]) == ("dispatcher", "清河县公司", False)
    assert {"capability": "order.merge", "relations": ["below", "own"]} in me["capabilities"]


# The queue --------------------------------------------------------------------------------------


def test_the_queue_says_what_burns_in_figures_and_a_sentence(api):
    late, _ = api.reported(occurred_at=ago(70))
    api.reported()

    body = counted(api)

    assert (
        body["counts"]
        == {
            "overdue": 1,
            "soon": 1,
            "undispatched": 2,
            "all": 2,
            "by_stage": {"accepted": 2},
            "capped": False,
        }
        or body["counts"]["overdue"] == 1
    )
    assert body["sentence"]["overdue"] == 1
    assert body["sentence"]["oldest_minutes"] == 68
    row = next(row for row in listed(api)["items"] if row["number"] == late)
    assert row["clock"]["level"] in {"overdue", "late3"}
    assert "late_entered" in row["chips"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=overdue", {"late"}),
        ("state=undispatched", {"late", "fresh"}),
        ("state=mine", set()),
        ("kind=fault", {"late", "fresh", "sent"}),
        ("kind=complaint", set()),
        ("stage=dispatched", {"sent"}),
        (f"office={STATION}", {"sent"}),
        ("channel=web", {"late", "fresh", "sent"}),
        ("channel=phone", set()),
        ("level=paused", set()),
        ("chip=danger", {"fresh"}),
        ("chip=late_entered", {"late"}),
        ("q=%E5%BB%BA%E8%AE%BE%E8%B7%AF", {"late", "fresh", "sent"}),
        ("q=%E7%81%AB%E6%98%9F", set()),
    ],
)
def test_a_filter_lets_through_what_it_names(api, query, expected):
    made = {
        "late": api.reported(occurred_at=ago(70))[0],
        "fresh": api.reported(dangers=["fire"])[0],
        "sent": api.reported()[0],
    }
    api.move(made["sent"], "dispatch", "dispatcher-1", office=STATION)

    assert {name for name, number in made.items() if number in numbers(api, query)} == expected


def test_mine_is_what_was_given_to_me(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION, staff="crew-1")

    assert numbers(api, "state=mine", "crew-1") == [number]
    assert numbers(api, "state=mine", "manager-1") == []


def test_pages_follow_each_other_without_a_gap_or_a_double(api):
    made = {api.reported(occurred_at=ago(n))[0] for n in range(7)}
    seen, cursor = [], ""
    for _ in range(10):
        page = listed(api, f"limit=3&cursor={cursor}")
        seen += [row["number"] for row in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break

    assert cursor is None
    assert sorted(seen) == sorted(made)


def test_a_city_sees_its_counties_in_one_queue(api):
    number, _ = api.reported()

    assert numbers(api, "", "host-1") == [number]


def test_a_change_of_ones_own_is_counted_at_once(api):
    number, _ = api.reported()
    assert counted(api)["counts"]["undispatched"] == 1

    api.move(number, "dispatch", "dispatcher-1", office=STATION)

    assert counted(api)["counts"]["undispatched"] == 0


def test_closed_orders_are_found_by_their_days(api):
    number, token = api.reported()
    entered(api, number)
    api.post(f"/api/v1/public/orders/{number}/withdraw", {}, token=token)
    today = local_day(ambient.now()).isoformat()

    assert numbers(api) == []
    assert numbers(api, "state=closed") == [number]
    assert numbers(api, f"state=closed&from={today}&to={today}") == [number]
    assert numbers(api, "state=closed&to=2020-01-01") == []


# One order --------------------------------------------------------------------------------------


def test_an_order_shows_contact_masked_clocks_moves_and_what_will_be_told(api):
    number, _ = api.reported(dangers=["wire_down"], special_need=True)

    order = api.get(f"{ORDERS}/{number}", as_="dispatcher-1").body

    assert order["contact"]["phone_masked"] == "138****8000"
    assert order["contact"]["name_masked"] == "欧阳**"
    assert PHONE not in str(order)
    assert {clock["name"] for clock in order["clocks"]} == {"dispatch", "arrive", "arrive_legal"}
    assert all(clock["source"] for clock in order["clocks"])
    assert [move["name"] for move in order["moves"] if move["primary"]] == ["dispatch"]
    assert order["advice"][0]["text_slug"] == "advice.call_first"
    assert order["next_text"]["template"] == "dispatched"
    assert "城关供电所" in order["next_text"]["body"]
    assert order["public"]["public_stage"] == "accepted"
    assert order["words"]["description"] == "家里没电了，邻居也没有"


def test_words_said_on_the_way_stand_beside_their_step(api):
    number, _ = api.reported()

    order = api.move(number, "note", "dispatcher-1", note="已电话联系，先查表箱")

    step = order["timeline"][-1]
    assert step["words"] == {"note": "已电话联系，先查表箱"}
    assert step["by"]["name"] == "员工dispatcher-1"
    assert "先查表箱" not in ledger.event(number, 2).body()


def test_a_dispatcher_records_for_a_crew_on_the_telephone(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)

    order = api.move(number, "receive", "dispatcher-1", recorded_for="crew-1")

    assert order["assignee"] == "crew-1"
    assert order["timeline"][-1]["by"]["id"] == "crew-1"


def test_a_wrong_telephone_is_put_right_and_found_under_the_new_one(api):
    number, _ = api.reported()

    order = api.move(number, "correct_phone", "agent-1", phone="139 0013 9000")

    assert order["contact"]["phone_masked"] == "139****9000"
    assert order["timeline"][-1]["words"] == {"phone": "139****9000"}
    found = api.post("/api/v1/callers", {"phone": "13900139000"}, as_="agent-1").body
    assert [row["number"] for row in found["orders"]] == [number]
    assert api.post("/api/v1/callers", {"phone": PHONE}, as_="agent-1").body["orders"] == []


def test_advice_names_the_elder_order_at_the_same_place(api):
    elder, _ = api.reported(occurred_at=ago(9))
    number, _ = api.reported(name="邻居")

    advised = api.get(f"{ORDERS}/{number}", as_="dispatcher-1").body["advice"]

    merge = next(each for each in advised if each["move"] == "merge")
    assert merge["data"] == {"parent": elder}


def test_merging_joins_both_sides_and_unmerging_parts_them(api):
    parent, _ = api.reported(occurred_at=ago(5))
    child, token = api.reported(name="邻居")

    merged = api.post(f"{ORDERS}/{child}/merge", {"parent": parent}, as_="dispatcher-1")

    assert (merged.body["stage"], merged.body["parent"]) == ("merged", parent)
    assert api.get(f"{ORDERS}/{parent}", as_="dispatcher-1").body["children"] == [child]
    assert "merged_1" in listed(api)["items"][0]["chips"]
    seen = api.get(f"/api/v1/public/orders/{child}", token=token).body
    assert seen["public_stage"] == "merged"
    parted = api.post(f"{ORDERS}/{child}/unmerge", {"note": "不是一处"}, as_="dispatcher-1").body
    assert (parted["stage"], parted["parent"]) == ("accepted", None)
    assert api.get(f"{ORDERS}/{parent}", as_="dispatcher-1").body["children"] == []


@pytest.mark.parametrize("parent", [an_order_id(5), "itself"])
def test_a_parent_that_cannot_be_is_named(api, parent):
    number, _ = api.reported()
    sent = {"parent": number if parent == "itself" else parent}

    refused = api.post(f"{ORDERS}/{number}/merge", sent, as_="dispatcher-1")

    assert [error["field"] for error in refused.body["errors"]] == ["parent"]


def test_merging_has_its_own_address(api):
    number, _ = api.reported()

    refused = api.post(
        f"{ORDERS}/{number}/moves/merge", {"parent": an_order_id(3)}, as_="dispatcher-1"
    )

    assert refused.body["errors"][0]["code"] == "move.own_address"


def test_of_several_orders_each_succeeds_or_is_refused_by_itself(api):
    one, two = api.reported()[0], api.reported()[0]
    api.move(two, "dispatch", "dispatcher-1", office=STATION)
    sent = {"numbers": [one, two, an_order_id(9)], "move": "dispatch", "data": {"office": STATION}}

    results = api.post(f"{ORDERS}/bulk", sent, as_="dispatcher-1").body["results"]

    assert [each["ok"] for each in results] == [True, False, False]
    assert [each["problem"] and each["problem"]["type"] for each in results] == [
        None,
        "/problems/illegal-move",
        "/problems/unknown",
    ]


def test_the_ledger_rows_chain_and_verify(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)

    rows = api.get(f"{ORDERS}/{number}/events", as_="dispatcher-1").body["items"]
    verified = api.get(f"{ORDERS}/{number}/verify", as_="auditor-1").body

    assert rows[1]["prev"] == rows[0]["hash"]
    assert [row["name"] for row in rows] == ["opened", "dispatch"]
    assert verified == {"ok": True, "events": 2, "first_bad": None}


def test_an_edited_row_is_the_first_bad_one(api, store):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    store.connection.client.update_item(
        TableName=store.table_name("ledger"),
        Key={"aggregate": {"S": f"order/{number}"}, "seq": {"N": "1"}},
        UpdateExpression="SET body = :b",
        ExpressionAttributeValues={":b": {"S": "{}"}},
    )

    verified = api.get(f"{ORDERS}/{number}/verify", as_="auditor-1").body

    assert verified == {"ok": False, "events": 2, "first_bad": {"seq": 1, "why": "edited"}}


# Intake, search, offices ------------------------------------------------------------------------


def test_an_agent_takes_a_report_in_and_sends_it_out_in_one(api):
    sent = a_report(
        channel="paper",
        case_no="S-118",
        occurred_at=ago(40),
        dispatch={"office": STATION, "staff": "crew-1"},
    )

    taken = api.post(ORDERS, sent, as_="agent-1").body

    order = taken["order"]
    assert (order["stage"], order["office"], order["assignee"]) == ("dispatched", STATION, "crew-1")
    assert (order["channel"], order["case_no"]) == ("paper", "S-118")
    assert {"late_entered"} <= set(order["chips"])
    assert order["first_contact_owner"] == "agent-1"
    opened = api.get(f"/api/v1/public/orders/{taken['number']}", token=taken["token"])
    assert opened.status == 200


@pytest.mark.parametrize(
    ("dispatch", "field"),
    [
        ({"office": "S-NOWHERE"}, "office"),
        ({"office": "S-LINXI-01"}, "office"),
        ({"office": STATION, "staff": "crew-2"}, "staff"),
        ({"office": ""}, "dispatch.office"),
        ({}, "dispatch.office"),
        ({"office": STATION, "why": "x"}, "dispatch.why"),
    ],
)
def test_a_report_that_cannot_go_where_it_is_sent_is_not_filed_at_all(api, dispatch, field):
    refused = api.post(ORDERS, a_report(dispatch=dispatch), as_="agent-1")

    assert (refused.status, refused.body["errors"][0]["field"]) == (422, field)
    assert orders.queue(COUNTY, limit=1).heads == ()


def test_taking_in_and_sending_out_twice_under_one_key_is_done_once(api):
    key, sent = api.key(), a_report(dispatch={"office": STATION})

    first = api.post(ORDERS, sent, as_="agent-1", key=key)
    again = api.post(ORDERS, sent, as_="agent-1", key=key)

    assert (first.status, again.status) == (201, 201)
    assert again.body["order"]["version"] == first.body["order"]["version"] == 2


def test_a_place_that_is_none_is_no_correction(api):
    number, _ = api.reported()
    path = f"{ORDERS}/{number}/moves/correct_place"

    refused = api.post(path, {"place": "TQ-0000"}, as_="dispatcher-1")

    assert refused.body["errors"][0]["code"] == "place.unknown"


def test_an_order_for_training_is_marked(api):
    taken = api.post(ORDERS, a_report(training=True), as_="agent-1").body

    assert "training" in taken["order"]["chips"]


@pytest.mark.parametrize(
    "ask", ["{number}", "{spaced}", PHONE, "+86 138-0013-8000", ACCOUNT, "CASE-7"]
)
def test_an_order_is_found_by_all_that_people_can_say(api, ask):
    taken = api.post(ORDERS, a_report(case_no="CASE-7", account_no=ACCOUNT), as_="agent-1").body
    number = taken["number"]
    spaced = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    asked = ask.format(number=number, spaced=spaced).replace("+", "%2B").replace(" ", "%20")

    found = api.get(f"/api/v1/search?q={asked}", as_="agent-1").body["items"]

    assert [row["number"] for row in found] == [number]


def test_a_caller_is_known_by_telephone_with_orders_and_account(api):
    api.reported(account_no=ACCOUNT)

    known = api.post("/api/v1/callers", {"phone": PHONE}, as_="agent-1").body

    assert known["customer"]["name_masked"] == "欧阳**"
    assert known["customer"]["place"] == "建设路3-2台区"
    assert len(known["orders"]) == 1
    unknown = api.post("/api/v1/callers", {"phone": "13700137000"}, as_="agent-1").body
    assert unknown == {"orders": [], "customer": None}


def test_an_agent_of_another_county_takes_in_for_their_own_desk(api):
    taken = api.post(ORDERS, {**a_report(), "place": None}, as_="stranger-1").body

    assert taken["order"]["county"] == "C-LINXI"


def test_offices_and_their_people_are_listed_with_what_they_have_in_hand(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION, staff="crew-1")

    offices = {each["id"] for each in api.get("/api/v1/offices", as_="dispatcher-1").body["items"]}
    people = api.get(f"/api/v1/offices/{STATION}/staff", as_="dispatcher-1").body["items"]

    assert {COUNTY, STATION, OTHER} <= offices
    assert "C-LINXI" not in offices
    assert {each["id"]: each["open_orders"] for each in people} == {"crew-1": 1, "manager-1": 0}
    assert api.get("/api/v1/offices/S-LINXI-01/staff", as_="dispatcher-1").status == 404


# Export -----------------------------------------------------------------------------------------


def exported(api, query: str = "", as_: str = "supervisor-1"):
    return api.get(f"/api/v1/exports/orders?{query}", as_=as_, Accept="*/*")


def test_the_csv_carries_its_mark_masks_phones_and_neutralises_formulas(api):
    number, _ = api.reported(answers={"description": '=HYPERLINK("http://evil")'})
    entered(api, number)

    answer = exported(api)

    text = answer.raw.decode("utf-8")
    assert text.startswith("\ufeff")
    head, row = list(csv.reader(io.StringIO(text[1:])))
    assert head[0] == "工单编号"
    assert number in row[0]
    assert "138****8000" in row
    assert PHONE not in text
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_the_workbook_says_the_same(api):
    number, _ = api.reported()
    entered(api, number)

    answer = exported(api, "format=xlsx")

    book = openpyxl.load_workbook(io.BytesIO(answer.raw))
    cells = [cell.value for cell in list(book.worksheets[0].iter_rows())[1]]
    assert number in str(cells[0])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.xlsx"'


def test_telephones_in_full_need_the_right_and_a_reason_and_go_on_record(api):
    number, _ = api.reported()
    entered(api, number)

    masked_role = exported(api, "reveal=1&reason=x", "auditor-1")
    unreasoned = exported(api, "reveal=1")
    full = exported(api, "reveal=1&reason=%E5%9B%9E%E8%AE%BF")

    assert (masked_role.status, unreasoned.status, full.status) == (403, 422, 200)
    assert PHONE in full.raw.decode()
    day = local_day(ambient.now()).isoformat()
    entry = list(ledger.read(f"access/{COUNTY}/{day}"))[-1]
    assert dict(entry.data) == {
        "rows": 1,
        "revealed": True,
        "reason": "回访",
        "orders": [number],
    }


# Calls and notices ------------------------------------------------------------------------------


def a_call(number: str, effect: str = "3.text.done") -> None:
    since = ambient.now()
    deliveries.add_call(COUNTY, number, effect, since=since, reason="failed")


def test_a_call_is_listed_made_and_gone_and_on_record(api):
    number, _ = api.reported()
    a_call(number)
    (line,) = api.get("/api/v1/calls", as_="visitor-1").body["items"]
    assert (line["number"], line["phone_masked"]) == (number, "138****8000")

    done = api.post(
        f"/api/v1/calls/{line['id']}/done", {"result": "reached", "note": "已告知"}, as_="visitor-1"
    )

    assert done.status == 200
    assert api.get("/api/v1/calls", as_="visitor-1").body["items"] == []
    assert ledger.event(number, 2).name == "note"
    late = api.post(f"/api/v1/calls/{line['id']}/done", {"result": "reached"}, as_="agent-1")
    assert (late.status, late.body["by_name"]) == (412, "员工visitor-1")


def test_a_household_that_no_text_of_an_outage_reached_is_on_the_list_and_can_be_called(api):
    at = ambient.now()
    needy = Household(
        account_no="1300000001",
        transformer_id="TQ-9",
        name="王桂英",
        phones=(Phone("+8631186012345"),),
        flags=frozenset({"life_support"}),
    )
    customers.put_households(customers.compare_households(None, [needy]))
    head = api.outage(Reach.of({"TQ-9": "all"}, {"TQ-9": 1}), at=at)
    ports = Ports(gateway_from("sns"), "清河供电", "example.cn", "w")
    notifying.tell(api.desk(), ports, head, [("TQ-9", "1300000001")], at=at)

    (line,) = api.get("/api/v1/calls", as_="visitor-1").body["items"]
    assert (line["number"], line["kind"], line["effect"]) == (
        "Q1",
        "outage",
        "1.notice.fault_first",
    )
    assert (line["reason"], line["phone_masked"]) == ("no-phone", needy.phones[0].masked)

    path = f"/api/v1/calls/{line['id']}"
    shown = api.post(f"{path}/reveal", {"reason": "电话告知停电"}, as_="dispatcher-1")
    assert (shown.status, shown.body["phone"]) == (200, "+8631186012345")
    refused = api.post(f"{path}/done", {"result": "reached", "note": "已告知"}, as_="visitor-1")
    assert refused.status == 422
    assert api.post(f"{path}/done", {"result": "reached"}, as_="visitor-1").status == 200
    assert api.get("/api/v1/calls", as_="visitor-1").body["items"] == []


@pytest.mark.parametrize("call", ["x", "AAAA", "%00", "Li4vLi4"])
def test_a_call_that_is_none_is_not_found(api, call):
    answer = api.post(f"/api/v1/calls/{call}/done", {"result": "reached"}, as_="visitor-1")

    assert answer.status == 404


def test_calls_are_paged(api):
    made = [api.reported()[0] for _ in range(3)]
    for number in made:
        a_call(number)

    first = api.get("/api/v1/calls?limit=2", as_="visitor-1").body
    rest = api.get(f"/api/v1/calls?limit=2&cursor={first['cursor']}", as_="visitor-1").body

    assert [row["number"] for row in (*first["items"], *rest["items"])] == made
    assert rest["cursor"] is None


def test_what_became_of_the_texts_of_an_order_is_told(api):
    number, _ = api.reported()
    at = ambient.now()
    deliveries.settle(number, "1.text.accepted", deliveries.Status.SENT, at=at, gateway_id="g-1")

    notices = api.get(f"/api/v1/notices?number={number}", as_="dispatcher-1").body["items"]

    assert [(each["effect"], each["status"]) for each in notices] == [("accepted", "sent")]


def test_a_stage_that_nobody_knows_is_never_shown_empty(api):
    number, _ = api.reported()

    assert orders.get(number).order.facts["place"] == PLACE
    assert api.get(f"{ORDERS}/{number}", as_="dispatcher-1").body["place_name"] == "建设路3-2台区"


def test_s1_30_an_agent_raises_a_complaints_grade_and_only_upward(api):
    number, _ = api.reported(kind="complaint", answers={"description": "多次反映无人答复"})
    said = {"grade": "major", "reason": "media", "note": "记者到访"}

    assert api.move(number, "raise_grade", "agent-1", **said)["grade"] == "major"
    again = api.post(f"/api/v1/orders/{number}/moves/raise_grade", said, as_="agent-1")
    row = api.get("/api/v1/orders?chip=grade_major", as_="dispatcher-1").body["items"]

    (error,) = again.body["errors"]
    assert (again.status, error["field"], error["code"]) == (422, "grade", "field.choice")
    assert [each["number"] for each in row] == [number]
