"""Orders reach the ledger: one opens an issue or joins its own, and what follows follows once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.indicators import LOW_VOLTAGE
from chalicelib.domain.issue import State, effects, is_issue, issue_id_of, verify_against
from chalicelib.domain.issue_gates import needed_levels
from chalicelib.domain.issue_moves import Made, advance, fire
from chalicelib.domain.limits import parse_override
from chalicelib.domain.refusal import GateClosed, Unknown
from chalicelib.domain.triggers import proposed_grade
from chalicelib.store import customers, findings, issues, ledger, orders, traces
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.findings import Finding
from chalicelib.usecases import delivering, handling, linking, pursuing, recurring
from tests.usecases.county import COUNTY, MINUTE, NOON, PHONE, a_command, a_report, file, ports

DAY = timedelta(days=1)
LOW = {"category": "supply_quality", "description": "电压低，灯都不亮"}
OTHER = "13900000001"
NEIGHBOUR = "13900000002"


def complaint(channel="95598", *, phone=PHONE, at=NOON, kind="complaint", **said: Any):
    answers = {
        **(LOW if kind == "complaint" else {"description": LOW["description"]}),
        **said.pop("answers", {}),
    }
    contact = Contact(phone=Phone.parse(phone), account_no=said.pop("account", ""))
    return a_report(kind, channel=channel, occurred_at=at, contact=contact, answers=answers, **said)


class Ledger:
    """What comes of orders, as the stream and the effects queue bring it."""

    def __init__(self, desk, out) -> None:
        self.desk = desk
        self.out = out

    def file(self, key, *, at=NOON, **about: Any):
        number = file(self.desk, complaint(at=at, **about), key=key, at=at).head.order.order_id
        self.run(number, at=at)
        return number

    def move(self, number, *moves: str, at, **answers: Any):
        for place, name in enumerate(moves):
            given = {
                "dispatch": {"office": "S1"},
                "contact": {"by": "phone", "note": "已联系"},
                "reply": {"verdict": "upheld", "liability": "utility_liable", "note": "已处理"},
                "visit_dissatisfied": {"note": "还是不行"},
            }.get(name, {}) | answers
            when = at + place * MINUTE
            role = "return_visitor" if name.startswith("visit") or name == "archive" else None
            command = a_command(name, at=when, answers=given, role=role or "dispatcher")
            handling.move(self.desk, number, command)
        self.run(number, at=at + len(moves) * MINUTE)

    def run(self, number, *, at):
        """Carry out everything that is caused, until nothing more is."""
        for _ in range(8):
            chains = [number, *(f"issue/{each}" for each in self.known(number))]
            made = [self.carry_out(*each, at=at) for chain in chains for each in self.caused(chain)]
            if not any(made):
                return

    def known(self, number):
        return [each for each in [traces.issue_of(number)] if each]

    def caused(self, chain):
        return delivering.spread(self.desk, list(ledger.read(chain)))

    def carry_out(self, chain, seq, effect_id, *, at):
        if is_issue(chain):
            number = issue_id_of(chain)
            return pursuing.carry_out(self.desk, self.out, number, seq, effect_id, at=at)
        return delivering.carry_out(self.desk, self.out, chain, seq, effect_id, at=at)

    def of(self, number):
        return issues.get(traces.issue_of(number)).issue


@pytest.fixture
def book(desk, tmp_path):
    return Ledger(desk, ports(tmp_path))


def households():
    homes = [
        Household(
            account_no="0001",
            transformer_id="T-03",
            phones=(Phone.parse(PHONE), Phone.parse(OTHER)),
            meters=("M1",),
        ),
        Household(account_no="0002", transformer_id="T-03", meters=("M2",)),
    ]
    customers.put_households(customers.compare_households(COUNTY, homes))


def test_s1_2_a_complaint_opens_an_issue_once_however_often_its_event_comes(book):
    number = book.file("k1")
    issue = book.of(number)

    for _ in range(3):
        linking.follow(book.desk, number, at=NOON + MINUTE)

    assert (issue.source, issue.state, list(issue.orders)) == ("complaint", State.OPEN, [number])
    assert (issue.county, issue.path, issue.category) == (
        COUNTY, ("P1", "C1", COUNTY), "supply_quality",
    )  # fmt: skip
    assert book.of(number) == issue
    verify_against(issue, list(ledger.links(f"issue/{issue.issue_id}")))


@pytest.mark.parametrize(
    ("kind", "channel", "source"),
    [
        ("complaint", "12398", "hotline_12398"),
        ("complaint", "12345", "hotline_12345"),
        ("grievance", "phone", "grievance"),
        ("opinion", "12398", "hotline_12398"),
        ("opinion", "12345", "hotline_12345"),
        ("fault", "12345", "hotline_12345"),
        ("enquiry", "12345", "hotline_12345"),
    ],
)
def test_s1_14_a_grievance_and_a_hotlines_case_go_on_the_ledger_too(book, kind, channel, source):
    assert book.of(book.file("k1", kind=kind, channel=channel)).source == source


@pytest.mark.parametrize("kind", ["fault", "enquiry", "opinion", "compliment"])
def test_what_is_no_complaint_opens_no_issue(book, kind):
    number = file(book.desk, a_report(kind), key="k1").head.order.order_id
    book.run(number, at=NOON)

    assert traces.issue_of(number) == ""
    assert linking.follow(book.desk, number, at=NOON) == "not-on-ledger"


def test_a_training_complaint_opens_no_issue(book):
    number = file(book.desk, complaint(training=True), key="k1").head.order.order_id
    book.run(number, at=NOON)

    assert traces.issue_of(number) == ""


def test_the_same_customer_by_another_form_of_the_telephone_joins_the_issue(book):
    first = book.file("k1")
    again = book.file("k2", phone="+86 138-0013-8000", at=NOON + DAY)

    assert traces.issue_of(again) == traces.issue_of(first)
    assert book.of(first).orders[again].reason == "same_customer"


def test_another_telephone_of_the_account_and_another_person_at_it_join_too(book):
    households()
    first = book.file("k1", account="0001")
    second = book.file("k2", phone=OTHER, account="0001", at=NOON + DAY)
    third = book.file("k3", phone=NEIGHBOUR, account="0001", at=NOON + 2 * DAY)

    orders_ = book.of(first).orders
    assert orders_[second].reason == "same_customer"
    assert orders_[third].reason == "same_meter"


def test_a_neighbour_has_an_issue_of_their_own_and_is_proposed(book):
    households()
    first = book.file("k1", account="0001")
    near = book.file("k2", phone=NEIGHBOUR, account="0002", at=NOON + 10 * MINUTE)
    other = book.file(
        "k3", at=NOON + DAY, answers={"category": "service", "description": "态度不好"}
    )

    assert len({traces.issue_of(each) for each in (first, near, other)}) == 3


def test_s2_3_an_order_that_the_customer_names_is_linked_whatever_it_is_about(book):
    first = book.file("k1")
    named = book.file(
        "k2",
        phone=NEIGHBOUR,
        at=NOON + DAY,
        answers={"category": "service", "earlier_order": first},
    )

    assert book.of(named).orders[named].reason == "repeat"
    assert traces.issue_of(first) == traces.issue_of(named)


def test_what_happens_to_an_order_is_copied_to_its_issue_once(book):
    number = book.file("k1")
    book.move(number, "dispatch", "receive", "contact", "reply", at=NOON + MINUTE)
    issue = book.of(number)

    linked = issue.orders[number]
    assert (linked.stage, linked.verdict, linked.liability) == (
        "replied", "upheld", "utility_liable",
    )  # fmt: skip
    assert linked.reply_at is not None
    assert linking.follow(book.desk, number, at=NOON + DAY) == ""
    assert book.of(number).version == issue.version


def test_s1_27_a_case_at_12398_after_an_unsatisfied_visit_is_a_bypass_raised_and_investigated(book):
    number = book.file("k1")
    book.move(number, "dispatch", "receive", "contact", "reply", "approve_reply", at=NOON + MINUTE)
    book.move(number, "visit_dissatisfied", at=NOON + DAY)
    assert book.of(number).site is not None

    case = book.file("k2", channel="12398", at=NOON + 2 * DAY, case_no="12398-1")

    issue = book.of(case)
    assert issue.bypass is not None
    assert (issue.bypass.order_id, issue.bypass.why) == (number, "dissatisfied")
    assert (issue.grade, issue.hotline_calls) == ("major", 1)
    assert {"hotline", "regulator_accept"} <= set(issue.clocks)


def test_s1_30_the_complaints_of_an_issue_rise_with_it_and_their_own_clock_is_tightened(book):
    number = book.file("k1")
    before = orders.get(number).order
    case = book.file("k2", channel="12398", at=NOON + MINUTE, case_no="12398-1")
    book.run(number, at=NOON + MINUTE)

    issue = book.of(number)
    assert (issue.grade, traces.issue_of(case)) == ("major", issue.issue_id)
    for each in (number, case):
        order = orders.get(each).order
        clock = order.clocks["internal"]
        assert (order.grade, clock.limit) == ("major", "issue.internal.major")
        assert clock.started_at == order.occurred_at
    assert orders.get(number).order.clocks["promise"] == before.clocks["promise"]
    raised = [event for event in ledger.read(number) if event.name == "raise_grade"]
    assert [event.data["reason"] for event in raised] == ["of_issue"]
    assert {one.grade for one in book.of(number).orders.values()} == {"major"}


def test_s1_30_an_order_that_somebody_raises_raises_its_issue_which_the_city_then_supervises(book):
    number = book.file("k1")
    note = {"grade": "important", "reason": "media", "note": "市级媒体关注"}
    book.move(number, "raise_grade", at=NOON + MINUTE, **note)

    issue = book.of(number)
    assert (issue.grade, issue.clocks["internal"].limit) == (
        "important",
        "issue.internal.important",
    )
    assert [one.level for one in issue.supervisions.values()] == ["city"]


def test_s1_30_a_grade_that_the_city_lowered_is_not_raised_again_by_the_next_step_of_an_order(book):
    number = book.file("k1")
    note = {"grade": "important", "reason": "media", "note": "市级媒体关注"}
    book.move(number, "raise_grade", at=NOON + MINUTE, **note)
    head = issues.get(traces.issue_of(number))
    given = replace(
        linking.act(NOON + 3 * MINUTE, data={"grade": "general"}),
        actor=replace(linking.SYSTEM, role="city_host", actor_id="city-1", office_id="C1"),
        words={"note": "媒体已撤稿，误报"},
        level="city",
    )
    made = advance(head.issue, "classify", given, rules=book.desk.rules(COUNTY))
    issues.commit(issues.Change(head, made))

    book.move(number, "dispatch", at=NOON + 4 * MINUTE)

    assert (book.of(number).grade, orders.get(number).order.grade) == ("general", "important")


def test_s2_3_words_propose_a_grade_for_a_person_to_confirm_and_raise_nothing_themselves(book):
    number = book.file("k1", answers={"description": "变压器着火，孩子触电住院，省电视台也来了"})

    issue, order = book.of(number), orders.get(number).order
    assert (issue.grade, order.grade) == ("general", "general")
    assert order.facts["signs"] == ["media.provincial", "injury"]
    assert issue.orders[number].signs == ("media.provincial", "injury")
    found = proposed_grade(issue, rules=book.desk.rules(COUNTY), at=NOON)
    assert found is not None
    assert (found.grade, found.reasons) == ("major", ("media", "injury"))

    note = {"grade": "major", "reason": "injury", "note": "已核实"}
    book.move(number, "raise_grade", at=NOON + MINUTE, **note)
    assert proposed_grade(book.of(number), rules=book.desk.rules(COUNTY), at=NOON) is None


@pytest.mark.parametrize(("is_regulators", "status"), [(True, Status.SENT), (False, None)])
def test_s2_5_the_duty_desk_hears_of_the_regulators_clock_after_we_are_done_and_of_no_other(
    book, is_regulators, status
):
    number = book.file("k1", channel="12398", case_no="12398-1")
    head = issues.get(traces.issue_of(number))
    stopped = {
        name: clock if name.startswith("regulator") and is_regulators else clock.stop(NOON)
        for name, clock in head.issue.clocks.items()
    }
    over = replace(head.issue, state=State.FOLLOWED_UP, cleared_at=NOON, clocks=stopped)
    head = issues.commit(issues.Change(head, Made(replace(over, next_due_at=None), ())))[0]

    made = fire(head.issue, at=NOON + 8 * DAY, rules=book.desk.rules(COUNTY))

    if status is None:
        assert made is None
        return
    assert made is not None
    issues.commit(issues.Change(head, made))
    (told,) = [
        pursuing.carry_out(
            book.desk, book.out, head.issue.issue_id, made.issue.version, each, at=NOON + 8 * DAY
        )
        for each in (effect.effect_id for effect in effects(made.events[-1]))
        if each.endswith("regulator_accept.due")
    ]
    assert told is status


def test_s1_27_an_earlier_complaint_that_is_well_in_hand_makes_no_bypass(book):
    number = book.file("k1")
    case = book.file("k2", channel="12398", at=NOON + MINUTE, case_no="12398-1")

    assert traces.issue_of(case) == traces.issue_of(number)
    assert book.of(case).bypass is None


def test_s1_4_an_unsatisfied_visit_starts_an_investigation_and_its_orders_cannot_be_filed(book):
    number = book.file("k1")
    book.move(number, "dispatch", "receive", "contact", "reply", "approve_reply", at=NOON + MINUTE)
    book.move(number, "visit_dissatisfied", at=NOON + DAY)
    site = book.of(number).site
    assert site is not None
    assert (site.triggers, site.is_open) == (("visit_dissatisfied",), True)

    moves = ("dispatch", "receive", "contact", "reply", "approve_reply", "visit_satisfied")
    book.move(number, *moves, at=NOON + DAY + 10 * MINUTE)
    with pytest.raises(GateClosed) as refused:
        book.move(number, "archive", at=NOON + 2 * DAY)
    assert refused.value.facts["gates"] == ["no_investigation"]

    conclude(book, number, at=NOON + 3 * DAY)
    book.move(number, "archive", at=NOON + 3 * DAY + MINUTE)
    assert orders.get(number).order.stage == "archived"
    assert book.of(number).orders[number].final


def conclude(book, number, *, at):
    """Let somebody of the city conclude the investigation."""
    head = issues.get(traces.issue_of(number))
    given = replace(
        linking.act(at, data={"finding": "confirmed"}),
        actor=replace(linking.SYSTEM, role="city_host", actor_id="city-1", office_id="C1"),
        words={"note": "已查实"},
        level="city",
    )
    made = advance(head.issue, "conclude_site_investigation", given, rules=book.desk.rules(COUNTY))
    issues.commit(issues.Change(head, made))
    book.run(number, at=at)


def test_s1_4_a_second_call_to_12398_starts_an_investigation_once(book):
    first = book.file("k1", channel="12398", case_no="12398-1")
    assert book.of(first).site is None

    book.file("k2", channel="12398", case_no="12398-2", at=NOON + DAY)

    issue = book.of(first)
    assert issue.site is not None
    assert issue.site.triggers == ("second_12398_call",)
    opened = [e for e in ledger.read(f"issue/{issue.issue_id}") if e.name.startswith("open_site")]
    assert len(opened) == 1


def test_s2_3_the_third_complaint_goes_to_the_province_once(book):
    numbers = [book.file(f"k{n}", at=NOON + n * DAY) for n in range(4)]

    issue = book.of(numbers[0])
    assert len(issue.orders) == 4
    assert [one.level for one in issue.supervisions.values()].count("province") == 1


def test_s1_4_three_complaints_of_neighbours_about_one_event_are_a_wide_impact(book):
    households()
    phones = (PHONE, OTHER, NEIGHBOUR)
    numbers = [
        book.file(f"k{n}", phone=phone, at=NOON + n * 10 * MINUTE,
                  answers={"category": "supply_quality"})
        for n, phone in enumerate(phones)
    ]  # fmt: skip

    assert len({traces.issue_of(number) for number in numbers}) == 3
    impact = linking.impact_of(book.desk, book.of(numbers[0]), at=NOON + DAY)
    assert impact.complaints == 3
    site = book.of(numbers[2]).site
    assert site is not None
    assert site.triggers == ("wide_impact",)


def test_a_cleared_line_is_opened_again_by_the_same_customer_at_12398(book):
    number = book.file("k1")
    head = issues.get(traces.issue_of(number))
    cleared = replace(head.issue, state=State.CLEARED, cleared_at=NOON + DAY)
    linking._join(
        book.desk,
        replace(head, issue=cleared),
        file(
            book.desk,
            complaint("12398", at=NOON + 2 * DAY, case_no="c"),
            key="k2",
            at=NOON + 2 * DAY,
        ).head,
        "same_customer",
        at=NOON + 2 * DAY,
    )

    issue = issues.get(head.issue.issue_id).issue
    assert (issue.state, issue.relapses, issue.hotline_calls) == (State.HANDLING, 1, 1)
    assert issue.bypass is None


def test_s1_26_a_report_of_misconduct_has_an_issue_apart_that_no_trigger_touches(book):
    plain = book.file("k1")
    secret = file(
        book.desk,
        a_report("misconduct_report", contact=Contact(phone=Phone.parse(PHONE)), channel="12398"),
        key="k2",
        at=NOON + MINUTE,
    ).head.order.order_id
    book.run(secret, at=NOON + MINUTE)

    issue = book.of(secret)
    assert issue.confidential
    assert traces.issue_of(plain) != traces.issue_of(secret)
    assert (issue.grade, issue.site, dict(issue.supervisions)) == ("general", None, {})


def test_an_order_that_a_person_links_tells_its_issue_from_then_on(book):
    number = book.file("k1")
    fault = file(book.desk, a_report(), key="k2").head.order.order_id
    head = issues.get(traces.issue_of(number))
    linked = linking.linked_of(book.desk, orders.get(fault).order, reason="person", at=NOON)
    given = replace(
        linking.act(NOON + MINUTE, data={"order": fault, "reason": "person"}), linked=linked
    )
    made = advance(head.issue, "link", given, rules=book.desk.rules(COUNTY))
    issues.commit(issues.Change(head, made))
    book.run(number, at=NOON + MINUTE)
    assert traces.issue_of(fault) == head.issue.issue_id

    handling.move(
        book.desk, fault, a_command("dispatch", at=NOON + 2 * MINUTE, answers={"office": "S1"})
    )
    book.run(fault, at=NOON + 3 * MINUTE)
    assert book.of(fault).orders[fault].stage == "dispatched"

    head = issues.get(head.issue.issue_id)
    apart = replace(
        linking.act(NOON + 4 * MINUTE, data={"order": fault}), words={"note": "不是一件事"}
    )
    made = advance(head.issue, "unlink", apart, rules=book.desk.rules(COUNTY))
    issues.commit(issues.Change(head, made))
    book.run(number, at=NOON + 4 * MINUTE)
    assert traces.issue_of(fault) == ""
    assert "issue" not in orders.get(fault).order.facts


def test_whose_voltage_is_low_too_often_joins_the_issue_that_their_place_has_of_it(book):
    number = book.file("k1")
    head = issues.get(traces.issue_of(number))
    leaf = linking.act(NOON, data={"category": "supply_quality.voltage.long_abnormal"})
    made = advance(head.issue, "classify", leaf, rules=book.desk.rules(COUNTY))
    issues.commit(issues.Change(head, made))
    fault = file(book.desk, a_report(), key="k2").head.order.order_id
    recurring.forget(COUNTY)
    assert linking.join_watched(book.desk, fault, at=NOON) == "not-watched"

    for days in (30, 20, 10):
        findings.add(
            Finding(
                COUNTY, LOW_VOLTAGE, "transformer/T-03", NOON - days * DAY, transformer_id="T-03"
            )
        )
    recurring.forget(COUNTY)
    assert linking.join_watched(book.desk, fault, at=NOON) == ""

    issue = book.of(number)
    assert issue.orders[fault].reason == "joined"
    assert linking.join_watched(book.desk, fault, at=NOON) == "overtaken"
    book.run(number, at=NOON)
    assert traces.issue_of(fault) == issue.issue_id


def found_low(*, days: tuple[int, ...] = (30, 20, 10), at: Any = NOON) -> None:
    """Let the place have had low voltage so many days ago."""
    for each in days:
        since = at - each * DAY
        findings.add(Finding(COUNTY, LOW_VOLTAGE, "transformer/T-03", since, transformer_id="T-03"))
    recurring.forget(COUNTY)


def report_low(book: Any, key: str, *, at: Any = NOON, symptom: str = "low_voltage", phone=PHONE):
    """Report a fault by telephone; return its number once everything has come of it."""
    sent = a_report(
        "fault",
        answers={"symptom": symptom, "description": "灯发暗"},
        occurred_at=at,
        contact=Contact(phone=Phone.parse(phone)),
    )
    number = file(book.desk, sent, key=key, at=at).head.order.order_id
    book.run(number, at=at)
    return number


def test_s1_8_the_report_of_whose_voltage_is_low_too_often_opens_an_issue_and_neighbours_join(book):
    found_low()
    first = report_low(book, "k1")
    near = report_low(book, "k2", phone=NEIGHBOUR, at=NOON + 10 * MINUTE)
    book.run(first, at=NOON + 10 * MINUTE)

    issue = book.of(first)
    assert (issue.source, issue.category, issue.theme) == (
        "poor_supply", "supply_quality.voltage.long_abnormal", "low_voltage",
    )  # fmt: skip
    assert traces.issue_of(near) == issue.issue_id
    assert {number: one.reason for number, one in issue.orders.items()} == {
        first: "opened_by", near: "joined",
    }  # fmt: skip
    assert orders.get(first).order.facts["issue"] == issue.issue_id
    assert "legal" not in issue.clocks
    verify_against(issue, list(ledger.links(f"issue/{issue.issue_id}")))


def test_s1_8_two_reports_at_once_open_one_issue(book):
    found_low()
    numbers = [
        file(
            book.desk,
            a_report(
                "fault",
                answers={"symptom": "low_voltage", "description": "灯发暗"},
                contact=Contact(phone=Phone.parse(phone)),
            ),
            key=phone,
        ).head.order.order_id
        for phone in (PHONE, NEIGHBOUR)
    ]
    heads = [orders.get(number) for number in numbers]
    for head in heads:  # neither has seen what the other opened
        assert linking._open_watched(book.desk, head, "low_voltage", at=NOON) == ""
    for number in numbers:
        book.run(number, at=NOON)
    (issue_id,) = {traces.issue_of(number) for number in numbers}
    assert set(issues.get(issue_id).issue.orders) == set(numbers)


@pytest.mark.parametrize(
    ("days", "symptom"), [((20, 10), "low_voltage"), ((30, 20, 10), "meter_box")]
)
def test_s1_8_who_is_only_warned_of_or_reports_something_else_opens_none(book, days, symptom):
    found_low(days=days)
    assert traces.issue_of(report_low(book, "k1", symptom=symptom)) == ""


def test_s1_8_an_office_may_switch_off_that_reports_open_issues(book):
    found_low()
    raw = {
        "id": "poor_supply.opens_issue", "amount": 1, "unit": "count",
        "effective_from": "2026-01-01", "source": "县公司规定", "enabled": False,
    }  # fmt: skip
    snapshot = replace(book.desk.snapshot, overrides=((COUNTY, parse_override(raw)),))
    book.desk = replace(book.desk, snapshot=snapshot)
    assert traces.issue_of(report_low(book, "k1")) == ""


def test_s1_11_a_cleared_line_of_a_place_opens_again_only_if_it_was_low_once_more(book):
    found_low()
    number = report_low(book, "k1")
    head = issues.get(traces.issue_of(number))
    cleared = replace(head.issue, state=State.CLEARED, cleared_at=NOON + DAY)
    issues.commit(issues.Change(head, Made(cleared, ())))

    later = NOON + 3 * DAY
    assert traces.issue_of(report_low(book, "k2", at=later)) == ""
    found_low(days=(1,), at=later)
    third = report_low(book, "k3", at=later + MINUTE)
    book.run(number, at=later + MINUTE)

    issue = book.of(third)
    assert (issue.issue_id, issue.state, issue.relapses) == (
        head.issue.issue_id, State.HANDLING, 1,
    )  # fmt: skip


def test_s1_14_a_complaint_that_joins_a_lighter_line_brings_its_clock_of_law_and_its_signatures(
    book,
):
    found_low()
    first = report_low(book, "k1")
    rules = book.desk.rules(COUNTY)
    assert needed_levels(book.of(first), rules) == ("county",)

    number = book.file(
        "k2", at=NOON + MINUTE, answers={"category": "supply_quality.voltage.long_abnormal"}
    )

    issue = book.of(number)
    assert traces.issue_of(first) == issue.issue_id
    assert "legal" in issue.clocks
    assert needed_levels(issue, rules) == ("county", "city")


def test_an_effect_of_an_issue_is_made_once_and_one_that_is_none_says_so(book):
    number = book.file("k1")
    issue_id = traces.issue_of(number)
    wish = "1.wish.triggers"

    assert pursuing.carry_out(book.desk, book.out, issue_id, 1, wish, at=NOON) is None
    assert (
        pursuing.carry_out(book.desk, book.out, issue_id, 1, "1.nothing.x", at=NOON)
        is Status.FAILED
    )
    with pytest.raises(Unknown):
        linking.holder("2156234546779933")
