"""People open, move and end outages: what is dark is traced, and nobody is dark twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import outage_moves
from chalicelib.domain.outage import State, verify_against
from chalicelib.domain.refusal import (
    BadInput,
    GateClosed,
    IllegalMove,
    KeyReused,
    NotAllowed,
    Stale,
)
from chalicelib.store import ledger, outages, personal
from chalicelib.store.outages import Head
from chalicelib.usecases import outages as keeping
from chalicelib.usecases import picturing, tracing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.outages import New
from tests.usecases.county import COUNTY, MINUTE, NOON, STATION, a_command
from tests.usecases.network import a_grid, account

SWITCH, BREAKER = "F1-SW1", "F1-CB"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a county with a network."""
    a_grid()
    return desk


def create(desk: Desk, *devices: str, kind: str = "fault", **said: Any) -> Head:
    command = said.pop("command", None) or a_command(key="-".join(devices))
    return keeping.create(desk, New(kind, devices, **said), command, may=lambda _office: True)


def do(desk: Desk, head: Head, move: str, minutes: float = 1, **said: Any) -> Head:
    role = said.pop("role", "dispatcher")
    who = said.pop("who", "u1")
    command = a_command(move, at=NOON + minutes * MINUTE, role=role, who=who, answers=said)
    return keeping.move(desk, head.outage.outage_id, command)


def test_an_outage_opened_from_a_switch_holds_exactly_what_lies_behind_it(desk):
    head = create(desk, SWITCH, note="分段开关跳闸")

    outage = head.outage
    assert (outage.state, outage.dark.households) == (State.CONFIRMED, 4)
    assert outage.dark.transformers == ("T-03",)
    assert (outage.county, outage.office, outage.feeders) == (COUNTY, STATION, ("F1",))
    assert head.shown["area"] == "河尾村T-03公变"
    assert (head.shown["vulnerable"], head.shown["key"]) == (1, 1)
    assert personal.words(f"outage/{outage.outage_id}")[1].words == {"note": "分段开关跳闸"}
    verify_against(outage, ledger.links(f"outage/{outage.outage_id}"))


@pytest.mark.usefixtures("desk")
def test_a_breaker_darkens_the_feeder_and_a_closed_tie_keeps_the_rest():
    found = keeping.preview([BREAKER], at=NOON)
    assert (found.traced.reach.households, found.counted.phones) == (12, 12)

    fed = keeping.preview([SWITCH], closed=["TIE"], at=NOON)
    assert not fed.traced.reach
    assert keeping.preview(["TM"], at=NOON).traced.reach.households == 16


def test_the_same_key_and_body_open_one_outage_and_another_body_is_refused(desk):
    first = create(desk, SWITCH)
    assert create(desk, SWITCH) == first

    with pytest.raises(KeyReused):
        create(desk, SWITCH, note="另一句话")


def test_the_wrong_device_is_put_right_with_the_board_s_words(desk):
    head = create(desk, SWITCH)
    head = do(desk, head, "correct", 5, devices="T-04", reason="clerical", note="报错了台区")

    assert head.outage.dark.transformers == ("T-04",)
    assert head.outage.feeders == ("F2",)
    assert head.shown["area"] == "河尾村T-04公变"
    assert head.shown["devices"] == [["T-04", "T-04", "transformer"]]
    page = picturing.page(desk, head, "dispatcher", may_move=True, language="zh", at=NOON)
    assert [(one["kind"], one["total"]) for one in page["rounds"]] == [
        ("start", 4), ("corrected", 4), ("extended", 4),
    ]  # fmt: skip
    verify_against(head.outage, ledger.links(f"outage/{head.outage.outage_id}"))


def test_what_is_dark_in_one_outage_is_not_dark_in_a_second(desk):
    create(desk, SWITCH)
    wider = create(desk, BREAKER)

    assert wider.outage.dark.transformers == ("T-01", "T-02")
    with pytest.raises(BadInput) as refused:
        create(desk, "T-03")
    assert refused.value.errors[0].code == "reach.taken"


@pytest.mark.parametrize(
    ("devices", "field", "code"),
    [
        (("nothing",), "devices.0", "device.unknown"),
        ((SWITCH, "nothing"), "devices.1", "device.unknown"),
        (("TIE",), "devices", "reach.empty"),
        ((), "devices", "field.required"),
    ],
)
def test_devices_that_cannot_be_used_are_named(desk, devices, field, code):
    with pytest.raises(BadInput) as refused:
        create(desk, *devices)
    assert [(each.field, each.code) for each in refused.value.errors] == [(field, code)]


def test_a_device_where_one_may_not_is_like_one_that_is_not_there(desk):
    sent = New("fault", (SWITCH,))
    with pytest.raises(BadInput) as refused:
        keeping.create(desk, sent, a_command(), may=lambda _office: False)
    assert refused.value.errors[0].code == "device.unknown"


def test_what_the_system_did_meanwhile_stands_in_nobodys_way_what_people_did_does(desk):
    seen = create(desk, BREAKER)
    due = outage_moves.fire(seen.outage, at=NOON + 20 * MINUTE, rules=desk.rules(COUNTY))
    assert due is not None
    outages.commit(outages.Change(seen, due))

    at = NOON + 21 * MINUTE
    said: dict[str, Any] = {
        "answers": {"cause": "nature.storm"},
        "if_match": seen.outage.version,
    }
    first = a_command("set_cause", at=at, **said)
    moved = keeping.move(desk, seen.outage.outage_id, first)
    assert moved.outage.cause == "nature.storm"

    late = a_command("set_cause", at=at + MINUTE, who="u2", **said)
    with pytest.raises(Stale) as refused:
        keeping.move(desk, seen.outage.outage_id, late)
    assert refused.value.facts["by"] == "u1"


def main(head: Head, role: str = "dispatcher") -> list[str]:
    moves = picturing.move_rows(head.outage, role, "zh")
    return [move["name"] for move in moves if move["primary"]]


def test_the_main_move_is_what_is_lacking_and_never_one_that_takes_it_back(desk):
    head = create(desk, BREAKER)
    assert (main(head), main(head, "agent")) == (["set_etr"], [])

    head = do(desk, head, "set_etr", 1, etr=NOON + timedelta(hours=2))
    assert main(head) == ["set_cause"]
    head = do(desk, head, "set_cause", 2, cause="external_force.vehicle")
    assert (main(head), main(head, "crew")) == (["restore"], ["crew"])
    assert main(do(desk, head, "restore", 60)) == []


def test_a_fault_goes_its_way_until_power_is_back(desk):
    head = create(desk, BREAKER)
    etr = NOON + timedelta(hours=2)
    head = do(desk, head, "set_etr", 2, etr=etr)
    head = do(desk, head, "crew", 3, status="set_out", role="crew", who="c7")
    head = do(desk, head, "set_cause", 4, cause="external_force.vehicle")
    head = do(desk, head, "restore_part", 30, devices=[SWITCH])
    assert (head.outage.state, head.outage.dark.households) == (State.PARTIALLY_RESTORED, 8)

    head = do(desk, head, "still_dark", 40, transformers="T-03")
    assert head.outage.dark.households == 12
    head = do(desk, head, "restore", 60)

    assert head.outage.state is State.RESTORED
    assert outages.board(COUNTY).heads == ()
    verify_against(head.outage, ledger.links(f"outage/{head.outage.outage_id}"))


def test_who_may_not_make_a_move_is_refused_and_nothing_changes(desk):
    head = create(desk, BREAKER)
    with pytest.raises(NotAllowed):
        do(desk, head, "restore", role="crew")
    with pytest.raises(IllegalMove):
        do(desk, head, "announce")
    assert outages.get(head.outage.outage_id) == head


def test_who_saw_an_older_version_is_told_who_was_first(desk):
    head = create(desk, BREAKER)
    do(desk, head, "crew", status="set_out", role="crew", who="c7")
    late = a_command("set_cause", at=NOON + 2 * MINUTE, if_match=head.outage.version,
                     answers={"cause": "nature.storm"})  # fmt: skip

    with pytest.raises(Stale) as refused:
        keeping.move(desk, head.outage.outage_id, late)
    assert refused.value.facts["by"] == "c7"


def test_one_key_makes_one_move(desk):
    head = create(desk, BREAKER)
    said = a_command("set_cause", at=NOON + MINUTE, answers={"cause": "nature.storm"})
    first = keeping.move(desk, head.outage.outage_id, said)
    assert keeping.move(desk, head.outage.outage_id, said) == first

    other = a_command("set_cause", at=NOON + MINUTE, answers={"cause": "nature.ice"})
    with pytest.raises(KeyReused):
        keeping.move(desk, head.outage.outage_id, other)


def test_taking_another_in_moves_its_households_with_their_start(desk):
    small = create(desk, SWITCH)
    big = create(desk, BREAKER, command=a_command(at=NOON + MINUTE))

    big = do(desk, big, "absorb", 5, outage=small.outage.outage_id)

    assert big.outage.dark.households == 12
    assert outages.get(small.outage.outage_id).outage.state is State.ABSORBED


def test_a_planned_outage_is_signed_announced_and_switched(desk):
    head = create(
        desk, BREAKER, kind="planned",
        start=NOON + timedelta(days=9), finish=NOON + timedelta(days=9, hours=4),
    )  # fmt: skip
    assert head.outage.state is State.DRAFTED
    head = do(desk, head, "submit", 1)
    head = do(desk, head, "approve", 2, role="network_controller", who="n1")
    head = do(desk, head, "approve", 3, role="department", who="d1")
    with pytest.raises(GateClosed):
        do(desk, head, "announce", 4)
    key = account("T-03", 2, 1)
    head = do(desk, head, "log_call", 4, account=key, line="清河线", note="已告知")
    head = do(desk, head, "announce", 5)
    assert head.outage.state is State.ANNOUNCED
    days = 9 * 24 * 60
    head = do(desk, head, "start", days + 1)
    assert head.outage.dark.households == 12
    head = do(desk, head, "finish", days + 200)
    assert head.outage.state is State.FINISHED


def test_s2_9_an_emergency_switching_waits_for_the_calls_to_key_customers(desk):
    head = create(
        desk, SWITCH, kind="emergency_defect", cause="works.defect_repair",
        start=NOON + timedelta(hours=2), finish=NOON + timedelta(hours=5),
    )  # fmt: skip
    owed = picturing.calls_owed(desk, head.outage)
    key = account("T-03", 2, 1)
    assert [(each["account"], each["done_at"]) for each in owed] == [(key, None)]
    assert key not in str(ledger.event(f"outage/{head.outage.outage_id}", 1).body())

    head = do(desk, head, "log_call", 5, account=key, line="清河线", note="已告知，对方同意")
    assert picturing.calls_owed(desk, head.outage)[0]["done_at"] is not None
    with pytest.raises(BadInput):
        do(desk, head, "log_call", 6, account="T0311", line="清河线", note="不是重要用户")


def test_the_page_says_what_may_be_done_and_what_was(desk):
    head = do(
        desk, create(desk, BREAKER), "set_etr", etr=NOON + timedelta(hours=2), note="备件在路上"
    )

    page = picturing.page(desk, head, "dispatcher", may_move=True, language="zh", at=NOON + MINUTE)

    assert (page["households"], page["dark_households"], page["etr_source"]) == (
        12,
        12,
        "dispatcher",
    )
    assert [each["name"] for each in page["history"]] == ["opened", "set_etr"]
    assert page["history"][1]["note"] == "备件在路上"
    assert {"restore", "set_etr", "extend"} <= {each["name"] for each in page["moves"]}
    assert "confirm" not in {each["name"] for each in page["moves"]}
    assert [(each["kind"], each["total"]) for each in page["rounds"]] == [
        ("start", 12), ("etr_set", 12),
    ]  # fmt: skip
    assert picturing.page(desk, head, "agent", may_move=True, language="zh", at=NOON)["moves"] == []


def test_its_households_are_masked_and_come_a_page_at_a_time(desk):
    head = create(desk, BREAKER)
    rows, cursor = picturing.households(desk, head, group="all", limit=5, after=None)
    more, end = picturing.households(desk, head, group="all", limit=50, after=cursor)

    assert (len(rows), len(more), end) == (5, 7, None)
    assert len({each["account"] for each in rows + more}) == 12
    assert all("王桂英" not in str(each) for each in rows)
    key, _ = picturing.households(desk, head, group="key", limit=50, after=None)
    assert [each["account"] for each in key] == [account("T-03", 2, 1)]


def test_the_board_and_what_was_lately(desk):
    head = create(desk, BREAKER)
    names = {"since": None, "until": None}

    def listed(state: str, at: datetime) -> list[str]:
        return [each.outage.outage_id for each in picturing.heads([COUNTY], state, **names, at=at)]

    assert listed("open", NOON) == [head.outage.outage_id]
    do(desk, head, "restore", 30)
    later = NOON + 40 * MINUTE
    assert (listed("open", later), listed("recent", later)) == ([], [head.outage.outage_id])
    assert listed("recent", NOON + timedelta(days=3)) == []


def test_the_diagram_lays_a_feeder_out_as_a_tree_with_what_is_dark(desk):
    head = create(desk, SWITCH)
    drawn = picturing.diagram(
        tracing.around(COUNTY, ["feeder/F1"]), "feeder/F1", [head.outage], at=NOON
    )

    edges = {each["device"]: each["state"] for each in drawn["edges"]}
    assert (edges[SWITCH], edges[BREAKER], edges["T-03"], edges["T-01"]) == (
        "fault", "live", "dark", "live",
    )  # fmt: skip
    nodes = {each["id"]: each for each in drawn["nodes"]}
    assert nodes["B10"]["x"] < nodes["F1-S1"]["x"] < nodes["F1-S2"]["x"]
    assert len({(each["x"], each["y"]) for each in nodes.values()}) == len(nodes)
