"""Who may do what: the served matrix is what the code obeys, and nothing foreign leaks."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib import ambient
from chalicelib.domain.calendar import local_day
from chalicelib.domain.staff import MATRIX, Capability, Role, Staff
from chalicelib.store import ledger, orders, registry
from chalicelib.store.registry import Member
from chalicelib.usecases import delivering
from tests.api.conftest import (
    CITY,
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_STATION,
    PEOPLE,
    PHONE,
    PLACE,
    SETUP,
    STATION,
    a_report,
)
from tests.builders import an_order_id

STAFF_READS = {
    "/api/v1/orders/{n}": Capability.ORDER_READ,
    "/api/v1/orders/{n}/files": Capability.ORDER_READ,
    "/api/v1/orders/{n}/events": Capability.LEDGER_READ,
    "/api/v1/orders/{n}/verify": Capability.LEDGER_VERIFY,
    "/api/v1/notices?number={n}": Capability.NOTICE_LIST,
}
STAFF_WRITES = {
    "/api/v1/orders/{n}/moves/note": ({"note": "x"}, Capability.ORDER_MOVE),
    "/api/v1/orders/{n}/merge": ({"parent": an_order_id()}, Capability.ORDER_MERGE),
    "/api/v1/orders/{n}/unmerge": ({"note": "x"}, Capability.ORDER_MERGE),
    "/api/v1/orders/{n}/reveal": ({"reason": "核实地址"}, Capability.CONTACT_REVEAL),
    "/api/v1/orders/{n}/uploads": ({"content_type": "image/png", "bytes": 9}, Capability.UPLOAD),
}


def everybody_elsewhere(at: datetime) -> dict[str, str]:
    """Keep one of every role in the county beside ours, and return their ids by role."""
    paths = registry.snapshot(at=at).offices
    members = [
        Member(Staff(f"far-{role}", f"远方{role}", role, ELSEWHERE, paths[ELSEWHERE].path))
        for role in Role
    ]
    registry.take_over(members, by=SETUP, at=at)
    return {role.value: f"far-{role}" for role in Role}


def test_the_served_matrix_is_the_one_that_is_obeyed(api):
    served = api.get("/api/v1/meta/permissions").body["matrix"]

    assert served == {
        role.value: {cap.value: sorted(rel) for cap, rel in row.items()}
        for role, row in MATRIX.items()
    }


def test_every_role_of_another_county_gets_the_same_404_for_ours_and_for_nothing(api):
    number, _ = api.reported()
    nothing = an_order_id(77)
    leaks = []
    for role, person in everybody_elsewhere(ambient.now()).items():
        for path in STAFF_READS:
            ours = api.get(path.format(n=number), as_=person)
            none = api.get(path.format(n=nothing), as_=person)
            if ours.status not in {403, 404} or (ours.status, ours.raw) != (none.status, none.raw):
                leaks.append((role, path, ours.status))
        for path, (body, _) in STAFF_WRITES.items():
            ours = api.post(path.format(n=number), body, as_=person)
            none = api.post(path.format(n=nothing), body, as_=person)
            if ours.status not in {403, 404} or (ours.status, ours.raw) != (none.status, none.raw):
                leaks.append((role, path, ours.status))

    assert leaks == []
    assert orders.get(number).order.version == 1


def test_every_role_of_another_county_finds_nothing_of_ours(api):
    number, _ = api.reported()
    found = []
    for person in everybody_elsewhere(ambient.now()).values():
        for path in (
            "/api/v1/orders",
            f"/api/v1/search?q={number}",
            f"/api/v1/search?q={PHONE}",
            "/api/v1/exports/orders",
            "/api/v1/calls",
        ):
            answer = api.get(path, as_=person)
            if number in answer.raw.decode():
                found.append((person, path))
        answer = api.post("/api/v1/callers", {"phone": PHONE}, as_=person)
        if number in answer.raw.decode():
            found.append((person, "/callers"))

    assert found == []


@pytest.mark.parametrize("person", PEOPLE)
def test_each_of_our_own_may_read_and_write_what_the_matrix_says(api, person):
    role, office = PEOPLE[person]
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    row = MATRIX[role]
    is_near = office in {COUNTY, STATION, CITY}

    for path, capability in STAFF_READS.items():
        allowed = is_near and capability in row
        answered = api.get(path.format(n=number), as_=person)
        assert (answered.status == 200) is allowed, (path, answered.raw.decode())
    for path, (body, capability) in STAFF_WRITES.items():
        answered = api.post(path.format(n=number), body, as_=person)
        if is_near and capability in row:
            assert answered.status != 404, path
        else:
            assert answered.status in {403, 404}, path


def test_an_order_at_the_county_is_not_seen_by_a_station(api):
    number, _ = api.reported()

    assert api.get(f"/api/v1/orders/{number}", as_="crew-1").status == 404
    assert api.get("/api/v1/orders", as_="crew-1").body["items"] == []
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    assert api.get(f"/api/v1/orders/{number}", as_="crew-1").status == 200
    assert api.get(f"/api/v1/orders/{number}", as_="crew-2").status == 404


def test_the_county_still_reads_what_the_city_took_over_but_moves_it_no_more(api):
    number, _ = api.reported()
    api.move(number, "escalate", "supervisor-1", office=CITY, note="避免越级")

    assert api.get(f"/api/v1/orders/{number}", as_="dispatcher-1").status == 200
    refused = api.post(f"/api/v1/orders/{number}/moves/note", {"note": "x"}, as_="dispatcher-1")
    assert refused.status == 403
    assert api.get(f"/api/v1/orders/{number}", as_="dispatcher-1").body["moves"] == []
    assert api.get(f"/api/v1/orders/{number}", as_="host-1").body["moves"] != []


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "https://somebody.else"}, "audience"),
        ({"iss": "https://evil.test"}, "issuer"),
        ({"exp": 1}, "expired"),
        ({"nbf": 4_000_000_000}, "early"),
        ({"sub": ""}, "no-sub"),
        ({"sub": ["dispatcher-1"]}, None),
    ],
)
def test_a_token_that_is_not_for_us_opens_nothing(api, claims, reason):
    token = api.issuer.token("dispatcher-1", **claims)

    answer = api.call("GET", "/api/v1/me", Authorization=f"Bearer {token}")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert reason is None or answer.body["reason"] == reason


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer lk_0",
        "bearer  ",
        "Bearer " + "x" * 9000,
    ],
)
def test_credentials_that_are_none_are_told_to_sign_in(api, header):
    sent = {"Authorization": header} if header else {}

    assert api.call("GET", "/api/v1/orders", **sent).status == 401


def test_who_is_signed_in_but_not_of_the_staff_may_do_nothing(api):
    answer = api.get("/api/v1/me", as_="passer-by")

    assert answer.status == 403


def test_a_person_who_left_is_refused_from_the_next_snapshot_on(api):
    at = ambient.now()
    member = registry.snapshot(at=at).staff["crew-1"]
    registry.take_over([Member(replace(member, active=False))], by=SETUP, at=at)

    assert api.get("/api/v1/me", as_="crew-1").status == 403


def test_role_and_office_come_from_our_table_never_from_the_token(api):
    token = api.issuer.token("crew-1", role="admin", roles=["admin"], office=COUNTY)

    me = api.call("GET", "/api/v1/me", Authorization=f"Bearer {token}").body

    assert (me["role"], me["office"]["id"]) == ("crew", STATION)


def test_the_first_admin_of_the_environment_counts_until_there_is_one(api):
    assert api.get("/api/v1/me", as_="first-admin").status == 403

    at = ambient.now() + timedelta(minutes=2)
    admins = [each for each in registry.snapshot(at=at).staff.values() if each.role is Role.ADMIN]
    registry.take_over([Member(replace(each, active=False)) for each in admins], by=SETUP, at=at)

    assert api.get("/api/v1/me", as_="first-admin").body["role"] == "admin"


OPENED_BY_STAFF = (
    "/api/v1/me",
    "/api/v1/orders",
    "/api/v1/orders/{n}",
    "/api/v1/orders/{n}/events",
    "/api/v1/orders/{n}/verify",
    "/api/v1/search?q={n}",
    "/api/v1/exports/orders",
    "/api/v1/calls",
    "/api/v1/offices",
    "/api/v1/admin/offices",
    "/api/v1/admin/staff",
    "/api/v1/admin/limits",
)


@pytest.mark.parametrize("role", list(Role))
def test_a_record_of_staff_without_an_office_opens_nothing(api, role):
    number, _ = api.reported()
    lost = Staff("lost-1", "某人", role, "", ())
    registry.take_over([Member(lost)], by=SETUP, at=ambient.now())

    answers = [api.get(path.format(n=number), as_="lost-1") for path in OPENED_BY_STAFF]
    taken = api.post("/api/v1/orders", a_report(dispatch={"office": STATION}), as_="lost-1")

    assert {answer.status for answer in (*answers, taken)} == {403}


@pytest.mark.parametrize("role", list(Role))
def test_staff_of_an_office_that_is_not_there_see_nothing_and_break_nothing(api, role):
    number, _ = api.reported()
    lost = Staff("lost-1", "某人", role, "X-GONE", ("X-GONE",))
    registry.take_over([Member(lost)], by=SETUP, at=ambient.now())

    for path in OPENED_BY_STAFF:
        answer = api.get(path.format(n=number), as_="lost-1")
        assert answer.status in {200, 403, 404}, (path, answer.raw.decode())
        assert answer.status != 200 or number not in answer.raw.decode()
    taken = api.post("/api/v1/orders", a_report(dispatch={"office": STATION}), as_="lost-1")
    assert taken.status == 403


def test_the_first_admin_of_the_environment_opens_the_door_where_no_office_has_another(api):
    at = ambient.now() + timedelta(minutes=2)
    admins = [each for each in registry.snapshot(at=at).staff.values() if each.role is Role.ADMIN]
    lost = [Member(replace(each, office_id="", path=())) for each in admins]
    registry.take_over(lost, by=SETUP, at=at)

    assert api.get("/api/v1/me", as_="admin-1").status == 403
    assert api.get("/api/v1/me", as_="first-admin").body["role"] == "admin"


def test_a_cursor_of_another_caller_or_another_query_is_refused(api):
    for _ in range(3):
        api.reported()
    mine = api.get("/api/v1/orders?limit=1", as_="dispatcher-1").body["cursor"]

    assert api.get(f"/api/v1/orders?limit=2&cursor={mine}", as_="dispatcher-1").status == 200
    assert api.get(f"/api/v1/orders?limit=1&cursor={mine}", as_="agent-1").status == 422
    other = api.get(f"/api/v1/orders?limit=1&kind=fault&cursor={mine}", as_="dispatcher-1")
    assert other.body["errors"][0]["code"] == "cursor.invalid"
    forged = mine[:-2] + ("AA" if not mine.endswith("AA") else "BB")
    assert api.get(f"/api/v1/orders?cursor={forged}", as_="dispatcher-1").status == 422


def test_a_look_behind_the_mask_is_on_record_before_it_is_answered(api):
    number, _ = api.reported()

    seen = api.post(f"/api/v1/orders/{number}/reveal", {"reason": "约上门时间"}, as_="agent-1")

    assert seen.body["phone"] == f"+86{PHONE}"
    day = (ambient.now() + timedelta(hours=8)).date().isoformat()
    (entry,) = ledger.read(f"access/{COUNTY}/{day}")
    assert entry.actor.actor_id == "agent-1"
    assert dict(entry.data) == {"order": number, "reason": "约上门时间"}
    assert PHONE not in entry.body()


def test_a_reason_may_not_carry_a_telephone_into_the_record(api):
    number, _ = api.reported()

    refused = api.post(f"/api/v1/orders/{number}/reveal", {"reason": f"回拨{PHONE}"}, as_="agent-1")

    assert refused.body["errors"][0]["code"] == "text.phone"


def test_a_report_of_misconduct_is_shown_to_the_discipline_role_and_the_auditor_only(api):
    answers = {"theme": "conduct", "description": "收费不开票"}
    filed = api.post("/api/v1/public/orders", a_report(kind="misconduct_report", answers=answers))
    number = filed.body["number"]

    seen = {
        person
        for person in PEOPLE
        if api.get(f"/api/v1/orders/{number}", as_=person).status == 200
        or number in api.get("/api/v1/orders", as_=person).raw.decode()
        or number in api.get(f"/api/v1/search?q={number}", as_=person).raw.decode()
        or number in api.get(f"/api/v1/search?q={PHONE}", as_=person).raw.decode()
    }

    assert seen == {"discipline-1", "auditor-1"}


def test_s1_26_a_broken_report_of_misconduct_is_named_to_the_auditor_alone(api, store):
    answers = {"theme": "conduct", "description": "收费不开票"}
    number, _ = api.reported(kind="misconduct_report", answers=answers)
    (event,) = ledger.read(number)
    today = local_day(ambient.now())
    delivering.enter_daybook(event, today)
    store.connection.client.delete_item(
        TableName=f"{store.prefix}-ledger",
        Key={"aggregate": {"S": f"order/{number}"}, "seq": {"N": "1"}},
    )
    days = {"county": COUNTY, "from": today.isoformat(), "to": today.isoformat()}

    found = {
        person: api.post("/api/v1/ledger/verify", days, as_=person).body
        for person in ("leader-1", "admin-1", "auditor-1")
    }

    assert [bad["aggregate"] for bad in found["auditor-1"]["bad"]] == [number]
    for person in ("leader-1", "admin-1"):
        told = found[person]
        assert (told["orders"], told["events"], told["bad"]) == (0, 0, [])
        assert number not in str(told)


def test_a_misconduct_report_that_an_agent_takes_in_is_not_shown_back(api):
    taken = api.post(
        "/api/v1/orders",
        a_report(kind="misconduct_report", answers={"theme": "conduct", "description": "x"}),
        as_="agent-1",
    )

    assert (taken.status, taken.body["order"]) == (201, None)


def test_nothing_personal_is_in_any_log_line(api, capsys):
    number, token = api.reported(phone="13912345678", name="独孤求败")
    api.get("/api/v1/search?q=13912345678", as_="agent-1")
    api.post("/api/v1/callers", {"phone": "13912345678"}, as_="agent-1")
    api.post(f"/api/v1/orders/{number}/reveal", {"reason": "核实"}, as_="agent-1")
    api.get(f"/api/v1/public/orders/{number}", token=token)
    api.post("/api/v1/public/orders", a_report(phone="1391234567890"))

    logged = capsys.readouterr().out
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert len(lines) >= 6
    for secret in ("13912345678", "独孤求败", token, PLACE, ELSEWHERE_STATION):
        assert secret not in logged
    assert max(len(line) for line in logged.splitlines()) <= 400
