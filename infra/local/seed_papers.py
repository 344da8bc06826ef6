"""The demo's papers: a few of each kind, in several stages, around complaints that are there.

Through the use cases, with the times at which it would have happened, each with a key of its own:
safe to run again.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.order import Order
from chalicelib.domain.refusal import KeyReused, Refused
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import orders
from chalicelib.store import papers as kept
from chalicelib.store.papers import Head
from chalicelib.usecases import linking, papers
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.handling import Command
from chalicelib.usecases.papers import New

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
STATEMENTS: Final = {
    "problems": "停电信息传递不及时，台区经理没有提前告知；配电与营销协同不到位。",
    "control_done": "已对责任人绩效扣分，约谈供电所所长，逐户上门说明。",
    "prevention_target": "下月投诉不超过一件，12398 投诉为零。",
    "prevention_measures": "停电信息五分钟内发到户；重要诉求提级督办；每周抽查回访录音。",
}


class Writer:
    """Writes papers as the demo's people would, an hour between two steps."""

    def __init__(self, desk: Desk, *, city: str, county: str, at: datetime) -> None:
        self._desk = desk
        self._city = city
        self._county = county
        self._at = at

    def somebody(self, role: Role, office: str) -> Staff:
        """Return the first of a role at an office."""
        return next(
            person
            for _, person in sorted(self._desk.snapshot.staff.items())
            if person.role is role and person.office_id == office
        )

    def open(
        self, key: str, kind: str, by: Staff, *, ago: timedelta, office: str = "", **answers: Any
    ) -> Head:
        """Open a paper some time ago."""
        command = self._command(key, "open", by, self._at - ago, answers)
        new = New(kind, office, day=self._at - ago)
        return papers.open_paper(self._desk, new, papers.about(answers), command)

    def move(self, head: Head, name: str, by: Staff, **answers: Any) -> Head:
        """Move it an hour after its last step, as far as that is not yet to come."""
        moved = head.paper.moved_at or head.paper.occurred_at
        when = min(moved + HOUR, self._at)
        command = self._command(f"{head.paper_id}-{name}", name, by, when, answers)
        try:
            return papers.move(self._desk, head.paper_id, command)
        except KeyReused:  # a run before this one wrote it, with the times of then
            return kept.get(head.paper_id)

    @staticmethod
    def _command(
        key: str, move: str, by: Staff, at: datetime, answers: Mapping[str, Any]
    ) -> Command:
        salt = hashlib.sha256(key.encode()).digest()[:16]
        return Command(move, actor_of(by), "demo", f"paper-{key}", salt, at, answers)

    @property
    def city(self) -> Staff:
        """The city's supervisor."""
        return self.somebody(Role.SUPERVISOR, self._city)

    @property
    def host(self) -> Staff:
        """The city's host."""
        return self.somebody(Role.CITY_HOST, self._city)

    def of_county(self, role: Role = Role.SUPERVISOR) -> Staff:
        """One of the county."""
        return self.somebody(role, self._county)


def run(
    desk: Desk,
    complaints: list[str],
    *,
    city: str,
    county: str,
    at: datetime,
    say: Callable[[str], None],
) -> None:
    """Write the demo's papers. complaints: numbers of orders, in any stage."""
    write = Writer(desk, city=city, county=county, at=at)
    judged = [head.order for head in orders.get_many(complaints) if _is_judged(head.order, at)]
    count = _warnings(write, county) + _published(write, city, county) + _interview(write, at)
    for place, order in enumerate(judged[:2]):
        linking.follow(desk, order.order_id, at=at)
        count += _around(write, desk, order, place)
    archived = [order for order in judged if order.stage == "archived"]
    count += _checks(write, archived[:2])
    say(f"  {count} papers")


def _is_judged(order: Order, at: datetime) -> bool:
    moved = order.moved_at or order.recorded_at
    return order.kind == "complaint" and "verdict" in order.facts and at - moved < 3 * DAY


def _warnings(write: Writer, county: str) -> int:
    first = write.open(
        "w1", "complaint_risk_warning", write.city, ago=2 * DAY, office=county, rule="same_line",
        note="10kV东山线一周内三户反映电压低。",
    )  # fmt: skip
    first = write.move(first, "issue_warning", write.city, note="请于三个工作日内核查东山线电压。")
    first = write.move(first, "receipt", write.of_county(Role.DISPATCHER))
    first = write.move(
        first, "report_action", write.of_county(Role.DISPATCHER),
        measure="已测量末端电压，更换河口3号台区变压器，逐户回访满意。",
    )  # fmt: skip
    write.move(first, "accept_action", write.city)
    second = write.open(
        "w2", "complaint_risk_warning", write.city, ago=6 * HOUR, office=county,
        rule="frequent_outage", note="石桥台区一个月内停电四次。",
    )  # fmt: skip
    write.move(second, "issue_warning", write.city, note="请立即排查跳闸原因，先向客户说明。")
    write.open(
        "w3", "complaint_risk_warning", write.host, ago=2 * HOUR, office=county,
        rule="overdue_visits", note="逾期未回访五件。",
    )  # fmt: skip
    return 3


def _published(write: Writer, city: str, county: str) -> int:
    body = (
        "一、总体情况\n本月全市受理投诉六件，百万客户投诉率低于去年同期。\n"
        "二、主要问题\n停电信息告知不及时占一半。\n三、工作要求\n停电五分钟内告知到户。"
    )
    circular = write.open(
        "c1", "circular", write.host, ago=3 * DAY, office=city, month="2026-10",
        title="临江市十月份投诉情况通报", body=body,
    )  # fmt: skip
    write.move(circular, "publish", write.city)
    case = write.open(
        "t1", "typical_case", write.city, ago=4 * DAY, office=city,
        title="停电没有告知，客户越级反映",
        body="客户两次致电都未得到停电原因，当日拨打 12398。",
        cause_told="停电信息没有录入，坐席和供电所说法不一。",
        accountability_told="责任人绩效扣分，供电所所长诫勉谈话。",
        lessons="停电信息先录入后发布；同一停电各渠道口径一致；来电先查停电再答复。",
    )  # fmt: skip
    write.move(case, "publish", write.host)
    write.open(
        "b1", "bulletin", write.of_county(), ago=HOUR, office=county,
        title="媒体关注投诉快报", body="今日受理媒体关注投诉一起，责任单位已到现场核查。",
    )  # fmt: skip
    return 3


def _interview(write: Writer, at: datetime) -> int:
    county = write.of_county().office_id
    head = write.open(
        "i1", "accountability_interview", write.city, ago=5 * DAY, office=county,
        reason="monthly_condition", month="2026-10",
    )  # fmt: skip
    head = write.move(head, "notify_interview", write.city, meets_at=at - 4 * DAY)
    write.move(
        head, "hold_interview", write.city, **STATEMENTS,
        interviewee=write.of_county(Role.LEADER).staff_id, target="1", follow_up=at + 20 * DAY,
    )  # fmt: skip
    return 1


def _around(write: Writer, desk: Desk, order: Order, place: int) -> int:
    """An entry of accountability and an appeal around one issue; the second appeal waits."""
    issue = linking.issue_id_of(desk, order.order_id)
    county = write.of_county().office_id
    write.open(
        f"q{place}", "accountability", write.of_county(), ago=HOUR * 3, office=county, issue=issue,
        behaviour="outage_not_told", attribution="management_cause", subject="leading_group",
        department="marketing", note="停电前没有告知客户。",
    )  # fmt: skip
    dispatcher, lead = write.of_county(Role.DISPATCHER), write.of_county(Role.LEADER)
    try:
        head = write.open(
            f"a{place}", "appeal", dispatcher, ago=HOUR * 2, office=county, issue=issue,
            applicant="unit", basis="rules_followed", aim="not_liable",
            note="停电通知已按规定提前七天发布，附现场录像编号。",
        )  # fmt: skip
    except Refused:
        return 1  # the verdict is older than the term: the demo shows only what could be
    head = write.move(
        head, "attach_evidence", dispatcher, evidence_kind="site_video", reference="V-2026-1107"
    )
    head = write.move(head, "sign_first", dispatcher)
    if place == 0:
        head = write.move(head, "sign_second", write.of_county())
        write.move(head, "sign_third", lead)
    return 2


def _checks(write: Writer, archived: list[Order]) -> int:
    visitor = write.of_county(Role.RETURN_VISITOR)
    for place, order in enumerate(archived):
        head = write.open(
            f"k{place}", "quality_check", visitor, ago=DAY, order=order.order_id,
            picked_by="by_person",
        )  # fmt: skip
        if place == 0:
            items = dict.fromkeys(
                (
                    *("item_contact_in_time", "item_investigation_complete", "item_reply_answers"),
                    *("item_visit_done", "item_records_complete"),
                ),
                "ok",
            )
            write.move(
                head, "check_found", visitor, **items, item_measure_matches="not_ok",
                finding="minor", note="措施没有回应客户提出的电压问题。",
            )  # fmt: skip
    return len(archived)
