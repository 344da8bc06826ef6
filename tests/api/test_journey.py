"""The main job over HTTP: a report comes in, is worked, and the citizen is satisfied."""

from tests.api.conftest import COUNTY, PLACE, STATION


def test_a_report_is_dispatched_worked_visited_and_filed(api):
    number, token = api.reported()
    listed = api.get("/api/v1/orders", as_="dispatcher-1")
    assert [row["number"] for row in listed.body["items"]] == [number]
    opened = api.get(f"/api/v1/orders/{number}", as_="dispatcher-1").body
    advised = next(each for each in opened["advice"] if each["move"] == "dispatch")
    assert advised["data"] == {"office": STATION, "staff": "crew-1"}

    api.move(number, "dispatch", "dispatcher-1", **advised["data"])
    api.move(number, "receive", "crew-1")
    api.move(number, "set_out", "crew-1")
    api.move(number, "arrive", "crew-1")
    api.move(number, "restore", "crew-1")
    api.move(number, "reply", "crew-1", result="repaired", power_back=True, note="换熔丝")
    api.move(number, "approve_reply", "dispatcher-1")
    api.move(number, "visit_satisfied", "visitor-1")
    filed = api.move(number, "archive", "visitor-1")

    assert filed["stage"] == "archived"
    seen = api.get(f"/api/v1/public/orders/{number}", token=token).body
    assert seen["public_stage"] == "closed"
    assert [step["event"] for step in seen["timeline"]] == [
        "opened",
        "dispatch",
        "receive",
        "set_out",
        "arrive",
        "restore",
        "reply",
        "approve_reply",
        "visit_satisfied",
        "archive",
    ]
    assert PLACE not in str(seen)


def test_s1_26_a_report_of_misconduct_is_worked_to_its_end_by_the_discipline_role_alone(api):
    answers = {"theme": "conduct", "description": "装表收了好处费"}
    sent = {"kind": "misconduct_report", "anonymous": True, "answers": answers}
    number = api.post("/api/v1/public/orders", sent).body["number"]

    api.move(number, "dispatch", "discipline-1", office=COUNTY, staff="discipline-1")
    api.move(number, "receive", "discipline-1")
    api.move(number, "reply", "discipline-1", verdict="upheld", note="已退还并处理")
    api.move(number, "approve_reply", "discipline-1")
    filed = api.move(number, "archive_anonymous", "discipline-1")

    assert filed["stage"] == "archived"
