"""The demo's ledger: an issue in every state, beside those that the demo's complaints opened.

Through the use cases, by the demo's people, at hours at which they would have done it; each step
has a key of its own: safe to run again. What is told is made up, and so is whoever tells it.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.issue_gates import checklist_of, next_level
from chalicelib.domain.refusal import Refused
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import issues
from chalicelib.store.issues import Head
from chalicelib.usecases import clearing
from chalicelib.usecases.clearing import New
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.handling import Command

HALF_HOUR: Final = timedelta(minutes=30)
DAY: Final = timedelta(days=1)
MORNING: Final = 9
SECTIONS: Final = {
    "basic_facts": "客户反映晚间电压低，空调不能启动。",
    "event_course": "台区经理当日到场，19时实测客户端电压 196 伏。",
    "exposed_problem": "台区负荷增长快，末端线径偏细。",
    "remedy": "更换末端导线，调整变压器分接开关。",
    "advice": "纳入农网改造项目，夏峰前完成。",
}
HANDLED: Final[tuple[tuple[str, Role, dict[str, Any]], ...]] = (
    ("contact", Role.LIAISON, {"by": "visit", "note": "已上门听取诉求并说明办理安排。"}),
    ("investigate", Role.LIAISON, SECTIONS),
    ("evidence", Role.LIAISON, {"files": ["site-record-0001"]}),
    ("decide", Role.SUPERVISOR, {"verdict": "upheld", "liability": "utility_liable"}),
    ("attribute", Role.SUPERVISOR, {"attribution": "management", "department": "equipment"}),
    ("record_violation", Role.SUPERVISOR, {}),
    ("root_cause", Role.LIAISON, {"root_cause": "grid_capacity"}),
    ("measure", Role.LIAISON, {"measure": "rebuilt", "note": "已更换导线，晚间实测 223 伏。"}),
    ("match", Role.SUPERVISOR, {"matches": True}),
    ("reply", Role.LIAISON, {"note": "已告知客户处理结果，客户认可。"}),
    ("visit", Role.RETURN_VISITOR, {"result": "satisfied", "note": "客户表示电压已恢复正常。"}),
)
SIGNERS: Final = {
    "county": Role.SUPERVISOR,
    "city": Role.CITY_HOST,
    "province": Role.PROVINCE_MONITOR,
}


class Writer:
    """Keeps issues as the demo's people would, half an hour between two steps."""

    def __init__(self, desk: Desk, *, offices: dict[str, str], at: datetime) -> None:
        self._desk = desk
        self._offices = offices
        self._at = at
        self._now = at
        self._again = False
        self._steps: Counter[str] = Counter()

    def somebody(self, role: Role) -> Staff:
        """Return the first of a role; of supervisors, the county's."""
        wanted = {
            Role.CITY_HOST: self._offices["city"],
            Role.PROVINCE_MONITOR: self._offices["province"],
        }
        office = wanted.get(role, self._offices["county"])
        return next(
            person
            for _, person in sorted(self._desk.snapshot.staff.items())
            if person.role is role and person.office_id == office
        )

    def open(
        self, key: str, note: str, *, days: int, by: Role = Role.SUPERVISOR, **said: Any
    ) -> Head:
        """Open an issue in the morning, some days ago; an hour ago for none."""
        local = (self._at - days * DAY).astimezone(CHINA)
        begun = local.replace(hour=MORNING, minute=10, second=0, microsecond=0)
        self._now = begun if days else self._at - 2 * HALF_HOUR
        new = New(
            **{"source": "supervisor", "office": self._offices["county"], "note": note, **said}
        )
        command = self._command(key, "create", by, {})
        number = clearing.number_of(self._desk, command.caller, command.key)
        self._again, self._steps = clearing.lookup(number) is not None, Counter()
        return clearing.create(self._desk, new, command)

    def do(self, head: Head, name: str, role: Role, **answers: Any) -> Head:
        """Take the next step, half an hour after the last."""
        self._now = min(self._now + HALF_HOUR, self._at)
        self._steps[name] += 1
        key = f"{head.issue.issue_id}-{name}-{self._steps[name]}"
        command = self._command(key, name, role, answers)
        try:
            return clearing.move(self._desk, head.issue.issue_id, command)
        except Refused:
            if not self._again:
                raise
            return issues.get(head.issue.issue_id)  # a run before this one took the step

    def handled(self, head: Head, *, steps: int = len(HANDLED), ahead: int = 30) -> Head:
        """Assign it and take so many of the usual steps; after all of them, plan the follow-up."""
        head = self.do(head, "assign", Role.SUPERVISOR, office=self._offices["county"])
        for name, role, answers in HANDLED[:steps]:
            if name == "visit":
                head = self.do(
                    head, "plan_follow_up", Role.SUPERVISOR, follow_up_on=self._now + ahead * DAY
                )
                # The day after, when nobody is disturbed.
                self._now = (self._now + DAY).astimezone(CHINA).replace(hour=MORNING, minute=30)
            head = self.do(head, name, role, **answers)
        return head

    def signed(self, head: Head, *, levels: int = 3) -> Head:
        """Let so many levels sign, as many as it needs."""
        for _ in range(levels):
            rules = self._desk.rules(head.issue.county)
            level = next_level(head.issue, rules)
            if level is None:
                break
            items = dict.fromkeys(checklist_of(head.issue, level, rules), True)
            head = self.do(head, "sign", SIGNERS[level], **items)
        return head

    def cleared(self, head: Head) -> Head:
        """Let the level that signed last clear it."""
        head = self.signed(head)
        return self.do(head, "clear", SIGNERS[list(head.issue.sign_offs)[-1]])

    def later(self, days: int) -> None:
        """Let days pass."""
        self._now += days * DAY

    def _command(self, key: str, move: str, role: Role, answers: dict[str, Any]) -> Command:
        salt = hashlib.sha256(key.encode()).digest()[:16]
        by = actor_of(self.somebody(role))
        return Command(move, by, "demo", f"issue-{key}", salt, self._now, answers)


def run(desk: Desk, *, offices: dict[str, str], at: datetime, say: Callable[[str], None]) -> None:
    """Write the demo's ledger. offices: of each level."""
    write = Writer(desk, offices=offices, at=at)
    write.open("open", "12345 转办：夜间路灯下电线低垂。", days=0, source="hotline_12345",
               case_no="QH-12345-0007", category="grid_construction")  # fmt: skip
    write.handled(
        write.open("hand", "网帖反映柳沟村晚上灯发暗。", days=1, source="public_opinion",
                   category="supply_quality"), steps=3,
    )  # fmt: skip
    late = write.open("late", "群众来访：反映抄表不准，三天没有回音。", days=6, category="business")
    write.do(late, "note_tendency", Role.SUPERVISOR, note="客户表示不解决就打 12398。")
    once = write.open(
        "site", "12398 转办：上河村一个月停电五次。", days=2, source="hotline_12398",
        case_no="QH-12398-0003", category="supply_quality", grade="important",
    )  # fmt: skip
    once = write.do(once, "hotline_call", Role.SUPERVISOR, case_no="QH-12398-0004")
    once = write.do(once, "supervise", Role.CITY_HOST, note="请三日内查清跳闸原因。")
    if once.issue.site is None:
        write.do(once, "open_site_investigation", Role.CITY_HOST, trigger="second_12398_call")
    write.signed(
        write.handled(
            write.open("sign", "网帖反映东山沟电压低。", days=5, source="public_opinion")
        ),
        levels=1,
    )
    write.cleared(write.handled(write.open("clear", "来访反映石桥头电压低。", days=5)))
    old = write.cleared(write.handled(write.open("old", "来访反映马家庄电压低。", days=7), ahead=3))
    write.later(3)
    write.do(old, "follow_up", Role.RETURN_VISITOR, result="ok", note="回访三户，电压正常。")
    ended = write.open("ended", "要求赔偿超出规定标准，已进入诉讼。", days=4)
    write.do(ended, "terminate", Role.CITY_HOST, reason="in_court", note="法院已受理。")
    one = write.open("one", "网帖反映赵家岭电压低。", days=3, source="public_opinion")
    two = write.open("two", "同一网帖的转载。", days=3, source="public_opinion")
    write.do(two, "merge", Role.SUPERVISOR, into=one.issue.issue_id, note="同一事件。")
    write.open("secret", "匿名信反映装表收取好处费。", days=2, by=Role.DISCIPLINE,
               confidential=True, anonymous=True)  # fmt: skip
    say("  11 issues on the ledger, in every state")
