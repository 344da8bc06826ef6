"""What a test says only as far as it matters: a fault, a step, the rules of a county.

Everything has a default that a supervisor would recognise; a test names what its rule is about.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from chalicelib.domain.calendar import Calendar, OfficeHours
from chalicelib.domain.clocks import Rules
from chalicelib.domain.limits import LimitBook
from chalicelib.domain.order import Actor, Order, order_number, salted_digest
from chalicelib.domain.procedure import Advanced, Form, Need, Step, advance, fire, open_order
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.store import orders
from chalicelib.store.heads import Key, Look
from chalicelib.store.orders import Change, Head
from chalicelib.store.personal import ContactItem

NOON: Final = datetime(2026, 3, 10, 4, tzinfo=UTC)
"""12:00 in China, on a Tuesday that is a working day."""

SECRET: Final = b"a secret that is known to tests only"
SALT: Final = b"sixteen bytes: s"
COUNTY: Final = "C-QINGHE"
STATION: Final = "S-QINGHE-03"
PATH: Final = ("P-01", "M-02", COUNTY, STATION)
CREW: Final = "crew-7f3a21"


@cache
def the_rules(ruleset: str = "state_grid") -> Rules:
    """Return the shipped limits and calendar, as they hold at the station."""
    return Rules(
        book=LimitBook.shipped(ruleset),
        calendar=Calendar.shipped(),
        hours=OfficeHours(),
        offices=tuple(reversed(PATH)),
    )


def an_order_id(number: int = 1) -> str:
    """Return a valid order number, another one for each `number`."""
    return order_number(SECRET, "test", str(number))


def an_actor(role: str = "dispatcher", actor_id: str = "", office: str = COUNTY) -> Actor:
    """Return somebody of a role."""
    return Actor(role, actor_id or f"{role}-5b1c09", office)


def a_step(
    move: str,
    *,
    needs: tuple[Need, ...] = (),
    by: Actor | None = None,
    at: datetime = NOON,
    occurred_at: datetime | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Step:
    """Return a step; which answers are words is read off `needs`, as the use cases do."""
    texts = {need.name for need in needs if need.form is Form.TEXT}
    given = dict(answers or {})
    words = {name: value for name, value in given.items() if name in texts}
    return Step(
        move,
        by or an_actor(),
        occurred_at=occurred_at or at,
        recorded_at=at,
        data={name: value for name, value in given.items() if name not in texts},
        words=words,
        digest=salted_digest(words, SALT) if words else "",
    )


def an_opening(
    kind: str,
    *,
    number: int = 1,
    at: datetime = NOON,
    occurred_at: datetime | None = None,
    county: str = COUNTY,
    by: Actor | None = None,
    facts: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Advanced:
    """Return a new order of any kind with the event that opened it. fields: of the head."""
    procedure = PROCEDURES[kind]
    if procedure.sub_types:
        fields.setdefault("sub_type", procedure.sub_types[0])
    step = a_step(
        "opened",
        needs=procedure.intake,
        by=by or an_actor("citizen", "citizen", ""),
        at=at,
        occurred_at=occurred_at,
        answers=answers,
    )
    return open_order(
        step,
        order_id=an_order_id(number),
        kind=kind,
        county=county,
        office=county,
        fields={"facts": {"terrain": "rural", **(facts or {})}, **fields},
        procedures=PROCEDURES,
        rules=the_rules(),
    )


def a_fault(**said: Any) -> Advanced:
    """Return a new fault in the village: no power. Takes what `an_opening` takes."""
    answers = {"symptom": "no_power", "description": "全村停电，变压器响了一声"}
    return an_opening("fault", **{"answers": answers, **said})


def moved(
    order: Order,
    move: str,
    *,
    by: Actor | None = None,
    at: datetime | None = None,
    **answers: Any,
) -> Advanced:
    """Advance an order by a move, a minute after the last one unless `at` says when."""
    last = order.moved_at or order.recorded_at
    needs = PROCEDURES[order.kind].moves[move].needs
    step = a_step(move, needs=needs, by=by, at=at or last + timedelta(minutes=1), answers=answers)
    return advance(order, step, procedures=PROCEDURES, rules=the_rules())


def fired(order: Order, *, at: datetime) -> Advanced:
    """Let what is due by `at` happen; something must be."""
    advanced = fire(order, at=at, procedures=PROCEDURES, rules=the_rules())
    assert advanced is not None
    return advanced


WORKED: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    ("dispatch", "dispatcher", {"office": STATION, "staff": CREW}),
    ("receive", "crew", {}),
    ("set_out", "crew", {}),
    ("arrive", "crew", {}),
    ("restore", "crew", {}),
    (
        "reply",
        "crew",
        {
            "result": "repaired",
            "cause": "trees",
            "power_back": True,
            "note": "更换跌落式熔断器一只，已送电",
        },
    ),
)
"""How a fault is usually worked: (move, role, answers)."""


# What the store is handed -----------------------------------------------------------------------

PARTY: Final = "9f" * 16
INTAKE: Final = f"{'1a' * 16}.{'2b' * 16}"
SHOWN: Final[Mapping[str, Any]] = {
    "party": PARTY,
    "phone": "138****4521",
    "place": "清河县东庄镇柳树村三组公变",
    "summary": "全村停电，变压器响了一声，附近有小孩在玩，请尽快来人处理一下谢谢了",
}


def a_contact(order_id: str, *, party: str = PARTY, **said: Any) -> ContactItem:
    """Return who reported an order, with the words of the report. All of it is made up."""
    contact = {
        "phone": "+8613800004521",
        "name": "王秀兰",
        "address": "清河县东庄镇柳树村三组17号",
        "account_no": "3301250018",
        "reply_wish": "sms",
        "language": "zh",
    }
    return ContactItem(
        party=party,
        order_id=order_id,
        contact={**contact, **said},
        words={"description": "全村停电，变压器响了一声，附近有小孩在玩"},
        salt=SALT,
    )


def kept(opened: Advanced | None = None, *, look: Look | None = None, **shown: Any) -> Head:
    """Open an order in the store that is bound, with a contact, and return its head."""
    advanced = opened or a_fault()
    head, created = orders.open_(
        advanced,
        shown={**SHOWN, **shown},
        contact=a_contact(advanced.order.order_id),
        intake=INTAKE,
        look=look,
    )
    assert created
    return head


def a_key(name: str, *, body: str = "body", version: int = 2) -> Key:
    """Return the hashes of an Idempotency-Key and of a body."""
    return Key(_digest(name), _digest(body), version)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def after(head: Head, move: str, *, key: str = "", **said: Any) -> Change:
    """Return the change that a move makes to a head. said: what `moved` takes."""
    advanced = moved(head.order, move, **said)
    version = advanced.order.version
    return Change(head, advanced, key=a_key(key, version=version) if key else None)
