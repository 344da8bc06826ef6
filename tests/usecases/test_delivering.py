"""What events cause reaches people once, and only while it is true."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.staff import Role, Staff
from chalicelib.outbound.sms import GatewayBusy, NumberRejected, Receipt, ReplyLost, Text
from chalicelib.store import deliveries, ledger, orders, registry
from chalicelib.store.deliveries import Status
from chalicelib.store.registry import Member
from chalicelib.usecases import handling, watching
from chalicelib.usecases.delivering import (
    LEASE,
    Later,
    carry_out,
    enter_daybook,
    rating_code,
    spread,
)
from tests.usecases.county import (
    ADMIN,
    CITY,
    COUNTY,
    MINUTE,
    NOON,
    PATH,
    PHONE,
    STATION,
    a_command,
    a_report,
    file,
    ports,
    texts,
    the_desk,
    work,
)


class Fake:
    """A gateway that does as it is told and keeps what it was given."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.sent: list[Text] = []

    def send(self, text, *, at):
        assert at
        self.sent.append(text)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return Receipt("fake", f"m{len(self.sent)}", 1)


def events(order_id):
    return list(ledger.read(order_id))


def test_the_journey_texts_the_citizen_at_each_step_that_is_still_true(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    out = ports(tmp_path)
    done = 0
    for name in ("", "dispatch", "receive", "arrive", "reply", "approve_reply"):
        if name:
            work(desk, order_id, name, start=NOON + done * MINUTE)
            done += 1
        new = events(order_id)[-1:]
        for number, seq, effect in spread(desk, new):
            carry_out(desk, out, number, seq, effect, at=NOON + done * MINUTE)

    bodies = [text["body"] for text in texts(tmp_path)]
    assert len(bodies) == 4
    assert all(body.startswith("【清河供电】") and order_id in body for body in bodies)
    assert "已受理" in bodies[0]
    assert "13:45" in bodies[0]
    assert "已派S1供电办理" in bodies[1]
    assert "已到现场" in bodies[2]
    assert "评价码" in bodies[3]
    assert all(text["to"] == f"+86{PHONE}" and text["parts"] == 1 for text in texts(tmp_path))


def test_a_redelivered_message_sends_nothing_again(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    out = ports(tmp_path)
    effect = "1.text.accepted"

    assert carry_out(desk, out, order_id, 1, effect, at=NOON) is Status.SENT
    assert carry_out(desk, out, order_id, 1, effect, at=NOON + MINUTE) is None
    assert len(texts(tmp_path)) == 1


def test_a_text_that_time_has_overtaken_is_superseded(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch", "receive", "arrive", "reply")
    out = ports(tmp_path)

    assert carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON) is Status.SUPERSEDED
    assert texts(tmp_path) == []


def test_a_landline_is_not_texted_and_goes_on_the_call_list_when_it_matters(desk, tmp_path):
    contact = Contact(phone=Phone.parse("0311-86012345"))
    order_id = file(desk, a_report(contact=contact)).head.order.order_id
    out = ports(tmp_path)
    assert carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON) is Status.NO_PHONE
    assert deliveries.calls(COUNTY, limit=9).items == ()

    work(desk, order_id, "dispatch", "receive", "arrive", "reply", "approve_reply")
    seq = orders.get(order_id).order.version
    assert carry_out(desk, out, order_id, seq, f"{seq}.text.done", at=NOON) is Status.NO_PHONE
    assert [call.order_id for call in deliveries.calls(COUNTY, limit=9).items] == [order_id]


def test_a_rejected_number_goes_on_the_call_list_once(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    gateway = Fake(NumberRejected("isv.MOBILE_NUMBER_ILLEGAL", gateway="fake"))
    out = replace(ports(tmp_path), gateway=gateway)

    assert carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON) is Status.FAILED
    assert carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON + LEASE) is None
    assert len(deliveries.calls(COUNTY, limit=9).items) == 1


def test_a_busy_gateway_is_asked_again_and_nothing_is_lost(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    gateway = Fake(GatewayBusy("busy", gateway="fake", retry_after=7), None)
    out = replace(ports(tmp_path), gateway=gateway)

    with pytest.raises(Later) as later:
        carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON)
    assert later.value.seconds == 7
    assert carry_out(desk, out, order_id, 1, "1.text.accepted", at=NOON) is Status.SENT


def test_a_lost_reply_costs_at_most_one_extra_text(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    gateway = Fake(*[ReplyLost("timeout", gateway="fake")] * 9)
    out = replace(ports(tmp_path), gateway=gateway)
    effect = "1.text.accepted"

    outcomes = [
        carry_out(desk, out, order_id, 1, effect, at=NOON + number * (LEASE + MINUTE))
        for number in range(5)
    ]

    assert outcomes[:2] == [Status.UNKNOWN, Status.FAILED]
    assert outcomes[2:] == [None, None, None]
    assert len(gateway.sent) == 2
    assert len({text.effect_id for text in gateway.sent}) == 1


def test_overdue_is_told_up_the_line_to_whoever_is_on_duty(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    late = NOON + timedelta(minutes=100)
    watching.sweep(lambda: desk, at=late, counties=[COUNTY], enqueue=lambda _: None,
                   is_out_of_time=lambda: False)  # fmt: skip
    out = ports(tmp_path)
    for number, seq, effect in spread(desk, events(order_id)[1:]):
        carry_out(desk, out, number, seq, effect, at=late)

    told = {(text["to"], text["body"]) for text in texts(tmp_path)}
    to_city = [body for to, body in told if to.endswith("0001")]
    to_county = [body for to, body in told if to.endswith("0002")]
    assert any("派单" in body and "市级" in body for body in to_city)
    assert any("派单" in body and "县级" in body for body in to_county)
    assert any("致歉" in body for _, body in told)


def an_overdue_report(tmp_path, *members: Member):
    """File a report of misconduct in a county that these people joined; tell what is overdue."""
    registry.take_over(members, by=ADMIN, at=NOON)
    desk = the_desk()
    order_id = file(desk, a_report("misconduct_report")).head.order.order_id
    late = NOON + timedelta(minutes=100)
    watching.sweep(lambda: desk, at=late, counties=[COUNTY], enqueue=lambda _: None,
                   is_out_of_time=lambda: False)  # fmt: skip
    alerts = [one for one in spread(desk, events(order_id)[1:]) if ".alert." in one[2]]
    assert alerts
    told = [carry_out(desk, ports(tmp_path), *one, at=late) for one in alerts]
    return order_id, told


def a_member(staff_id, role, office, tail):
    path = PATH[: PATH.index(office) + 1]
    return Member(Staff(staff_id, "某人", Role(role), office, path), Phone(f"+8617000000{tail}"))


@pytest.mark.usefixtures("desk")
def test_s1_26_no_duty_desk_hears_of_a_report_of_misconduct(tmp_path):
    _, told = an_overdue_report(
        tmp_path,
        a_member("auditor", "auditor", COUNTY, "001"),
        a_member("leader", "leader", COUNTY, "002"),
        a_member("below", "discipline", STATION, "003"),
    )

    assert set(told) == {Status.NO_PHONE}
    assert texts(tmp_path) == []


@pytest.mark.usefixtures("desk")
def test_s1_26_the_discipline_role_alone_is_told_that_a_report_of_misconduct_is_overdue(tmp_path):
    order_id, told = an_overdue_report(
        tmp_path,
        a_member("county", "discipline", COUNTY, "001"),
        a_member("city", "discipline", CITY, "002"),
    )

    assert set(told) == {Status.SENT}
    sent = {(text["to"], order_id in text["body"]) for text in texts(tmp_path)}
    assert sent == {("+8617000000001", True), ("+8617000000002", True)}


def raised(desk, grade):
    """Return a complaint whose grade rose, and what that causes."""
    order_id = file(desk, a_report("complaint")).head.order.order_id
    said = {"grade": grade, "reason": "media", "note": "省台记者到村里采访"}
    handling.move(desk, order_id, a_command("raise_grade", at=NOON + MINUTE, answers=said))
    caused = spread(desk, events(order_id)[1:])
    return order_id, [each for each in caused if ".ledger." not in each[2]]


def test_s2_3_a_complaint_that_becomes_major_is_told_to_the_citys_duty_desk_at_once(desk, tmp_path):
    order_id, ((number, seq, effect),) = raised(desk, "major")

    assert carry_out(desk, ports(tmp_path), number, seq, effect, at=NOON + MINUTE) is Status.SENT

    (told,) = texts(tmp_path)
    assert told["to"].endswith("0001")
    assert f"编号{order_id}(投诉)等级升为重大" in told["body"]


def test_who_hears_of_a_grade_hears_only_of_one_that_still_holds(desk, tmp_path):
    order_id, ((number, seq, effect),) = raised(desk, "special")
    lower = {"grade": "general", "note": "记错了单"}
    command = a_command("correct_grade", at=NOON + 2 * MINUTE, role="supervisor", answers=lower)
    handling.move(desk, order_id, command)

    outcome = carry_out(desk, ports(tmp_path), number, seq, effect, at=NOON + 3 * MINUTE)

    assert outcome is Status.SUPERSEDED
    assert texts(tmp_path) == []


def test_the_rating_code_is_ten_characters_and_stands_for_its_order_alone(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    head = work(desk, order_id, "dispatch", "receive", "arrive", "reply", "approve_reply")
    out = ports(tmp_path)
    seq = head.order.version
    carry_out(desk, out, order_id, seq, f"{seq}.text.done", at=NOON)
    code = rating_code(desk, head.order)

    assert len(code) == 10
    assert code in texts(tmp_path)[0]["body"]
    assert deliveries.order_of(code, at=NOON) == order_id


def test_archiving_a_parent_closes_its_children_and_tells_each(desk, tmp_path):
    parent = file(desk, key="parent").head.order.order_id
    child = file(desk, key="child").head.order.order_id
    handling.merge(desk, child, a_command("merge", at=NOON + MINUTE, answers={"parent": parent}))
    work(desk, parent, "dispatch", "receive", "arrive", "reply", "approve_reply",
         "visit_satisfied", "archive", start=NOON + 2 * MINUTE)  # fmt: skip
    out = ports(tmp_path)
    at = NOON + timedelta(hours=1)
    for number, seq, effect in spread(desk, events(parent)[-1:]):
        carry_out(desk, out, number, seq, effect, at=at)

    assert orders.get(child).order.stage == "archived"
    last = events(child)[-1]
    assert last.tells == ("done",)


def test_a_training_order_sends_nothing_to_anybody(desk, tmp_path):
    order_id = file(desk, a_report(training=True)).head.order.order_id
    work(desk, order_id, "dispatch", "receive", "arrive")
    assert spread(desk, events(order_id)) == []
    assert texts(tmp_path) == []


def test_a_new_order_is_entered_in_the_daybook_of_its_day(desk):
    from chalicelib.domain.calendar import local_day  # noqa: PLC0415
    from chalicelib.store import daybook  # noqa: PLC0415

    order_id = file(desk).head.order.order_id
    for event in events(order_id):
        enter_daybook(event, local_day(NOON))
        enter_daybook(event, local_day(NOON))

    page = daybook.lines(COUNTY, local_day(NOON), local_day(NOON), limit=9)
    assert [line.order_id for line in page.items] == [order_id]
