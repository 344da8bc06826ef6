"""Whatever dies, comes twice or does not answer: nobody is left out, and nobody told in vain."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.order import Actor
from chalicelib.domain.outage import figures
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import Busy, Unknown
from chalicelib.outbound.sms import GatewayBusy, Receipt, ReplyLost, Text
from chalicelib.store import customers, outages
from chalicelib.store.outages import Head
from chalicelib.store.rows import House
from chalicelib.usecases import outages as keeping
from chalicelib.usecases import rounds, switching
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.outages import New
from chalicelib.usecases.rounds import Post
from chalicelib.usecases.switching import Switching
from tests.store.faults import (
    KILLED_AFTER,
    KILLED_BEFORE,
    LOST_REPLY,
    NOT_SENT,
    THROTTLED,
    Fault,
    Faults,
    Killed,
)
from tests.usecases.county import COUNTY, MINUTE, NOON, SALT
from tests.usecases.network import a_grid
from tests.usecases.village import AREA, a_village, dark, etr, newest

VISIBLE_AGAIN = timedelta(minutes=6)


@dataclass
class Phones:
    """A gateway: who has which texts. fails: what goes wrong with the n-th call, from 1."""

    fails: Callable[[int], BaseException | None] = lambda _: None
    got: list[Text] = field(default_factory=list)
    calls: int = 0

    def send(self, text: Text, *, at: datetime) -> Receipt:
        assert at.tzinfo is not None
        self.calls += 1
        failure = self.fails(self.calls)
        if failure is None or getattr(failure, "taken", False):
            self.got.append(text)
        if failure is not None:
            raise failure
        return Receipt("phones", f"m{self.calls}", 1)

    @property
    def extra(self) -> int:
        """Texts that a telephone already had, word for word the same round."""
        return len(self.got) - len({text.effect_id for text in self.got})


def taken(failure: BaseException) -> BaseException:
    """The gateway takes the text, and then this happens."""
    failure.taken = True  # type: ignore[attr-defined] # read by Phones
    return failure


@dataclass
class Queue:
    """The notice queues under a clock of their own; a message that fails is seen again later."""

    desk: Desk
    gateway: Phones
    copies: int = 1
    at: datetime = NOON
    waiting: list[tuple[datetime, int, str]] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0

    def enqueue(self, posts: Iterable[Post]) -> None:
        for post in posts:
            for _ in range(self.copies):
                self.number += 1
                when = self.at + timedelta(seconds=post.delay)
                order = self.number + (0 if post.is_urgent else 1_000_000)
                self.waiting.append((when, order, json.dumps(post.body)))

    def serve(self, *, limit: int = 2_000, until: str = "") -> None:
        """Work until nothing waits, or such a message is next.

        A worker that dies leaves its message to the next.
        """
        for _ in range(limit):
            self.waiting.sort()
            if not self.waiting or (until and until in json.loads(self.waiting[0][2])):
                return
            when, order, body = self.waiting.pop(0)
            self.at = max(self.at, when)
            kind = next(name for name in ("look", "areas", "keys") if name in json.loads(body))
            self.served[kind] += 1
            self.bodies.append(json.loads(body))
            ports = Ports(self.gateway, "清河供电", "example.cn", f"w{self.number}", rate=400)
            try:
                rounds.work(
                    self.desk,
                    ports,
                    json.loads(body),
                    enqueue=self.enqueue,
                    now=lambda: self.at,
                )
            except (Killed, Busy):
                self.waiting.append((self.at + VISIBLE_AGAIN, order, body))
        raise AssertionError("the queue does not come to an end")

    def watch(self, head: Head) -> None:
        """The outage's own watch comes by, as the sweep brings it."""
        self.at += timedelta(minutes=15)
        rounds.look_at_round(
            self.desk,
            outages.get(head.outage.outage_id),
            newest(head),
            enqueue=self.enqueue,
            at=self.at,
        )


@pytest.fixture
def faults(store: House) -> Iterator[Faults]:
    with Faults(store.connection.client) as between:
        yield between


def start(desk: Desk, head: Head, queue: Queue) -> None:
    rounds.start_round(desk, head, newest(head), enqueue=queue.enqueue, at=queue.at, rate=400)


def another_day(desk: Desk, reach: Reach, number: int) -> tuple[Head, Queue]:
    """An outage on a day of its own: a number's texts of a day count over all outages."""
    at = NOON + timedelta(days=number)
    head = dark(desk, reach=reach, outage_id=f"Q{number}", at=at)
    return head, Queue(desk, Phones(), at=at)


def ended(head: Head) -> dict[str, int]:
    known = outages.get(head.outage.outage_id).outage.rounds[newest(head)]
    assert known.watch_at is None
    return dict(known.counts)


def test_a_round_is_told_counted_and_settled_without_anybody_looking(desk: Desk):
    a_village(30)
    head, queue = dark(desk), Queue(desk, Phones())

    start(desk, head, queue)
    queue.serve()

    assert ended(head) == {"sent": 30}
    known = outages.get("Q1").outage
    assert known.rounds[newest(head)].told_at == NOON
    assert [one.notify for one in figures(known)] == [timedelta()]
    assert queue.served == {"keys": 3, "look": 1}


def test_every_message_twice_tells_nobody_twice(desk: Desk):
    a_village(30)
    head, queue = dark(desk), Queue(desk, Phones(), copies=2)

    start(desk, head, queue)
    queue.serve()

    assert ended(head) == {"sent": 30}
    assert (len(queue.gateway.got), queue.gateway.extra) == (30, 0)


def test_a_round_over_many_transformers_is_found_by_several_workers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    houses = a_village(30)
    spread = [replace(each, transformer_id=f"T-{n % 5}") for n, each in enumerate(houses)]
    customers.put_households(customers.compare_households(None, spread))
    monkeypatch.setattr(rounds, "AREAS", 2)
    reach = Reach.of({f"T-{n}": "all" for n in range(5)}, {f"T-{n}": 6 for n in range(5)})
    head, queue = dark(desk, reach=reach), Queue(desk, Phones())

    start(desk, head, queue)
    assert [each[2].count("areas") for each in queue.waiting] == [1, 1, 1, 0]
    queue.serve()

    assert ended(head) == {"sent": 30}
    assert queue.gateway.extra == 0


def a_large_one(monkeypatch: pytest.MonkeyPatch) -> Reach:
    """Thirty households under five transformers; no message has more than two of those."""
    houses = a_village(30)
    spread = [replace(each, transformer_id=f"T-{n % 5}") for n, each in enumerate(houses)]
    customers.put_households(customers.compare_households(None, spread))
    monkeypatch.setattr(rounds, "AREAS", 2)
    return Reach.of({f"T-{n}": "all" for n in range(5)}, {f"T-{n}": 6 for n in range(5)})


def test_a_large_round_is_counted_in_parts_that_are_added_up_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head, queue = dark(desk, reach=a_large_one(monkeypatch)), Queue(desk, Phones())

    start(desk, head, queue)
    queue.serve()

    assert ended(head) == {"sent": 30}
    assert outages.get("Q1").outage.rounds[newest(head)].told_at == NOON
    looked = Counter(
        next(name for name in ("part", "parts", "look", "areas", "keys") if name in body)
        for body in queue.bodies
    )
    assert looked == {"areas": 3, "keys": 5, "look": 1, "part": 3, "parts": 1}


def test_a_large_round_brings_back_exactly_who_is_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head, queue = dark(desk, reach=a_large_one(monkeypatch)), Queue(desk, Phones())
    start(desk, head, queue)
    queue.serve(until="keys")
    lost = next(each for each in queue.waiting if "keys" in json.loads(each[2]))
    queue.waiting.remove(lost)

    queue.serve()

    assert (ended(head), queue.gateway.extra) == ({"sent": 30}, 0)
    missing = {account for _, account in json.loads(lost[2])["keys"]}
    again = [body for body in queue.bodies if body.get("again")]
    assert {area for body in again for area in body["areas"]}
    back = [body["keys"] for body in queue.bodies if "keys" in body][-len(missing) :]
    assert {account for keys in back for _, account in keys} >= missing


def test_a_large_round_of_which_every_message_comes_twice_is_no_avalanche(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head = dark(desk, reach=a_large_one(monkeypatch))
    queue = Queue(desk, Phones(), copies=2)

    start(desk, head, queue)
    queue.serve(limit=100)

    assert (ended(head), queue.gateway.extra) == ({"sent": 30}, 0)


def test_no_look_is_worth_its_cost_before_a_large_rounds_texts_can_be_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head, queue = dark(desk, reach=a_large_one(monkeypatch)), Queue(desk, Phones())
    name = newest(head)

    rounds.look_at_round(desk, head, name, enqueue=queue.enqueue, at=NOON, rate=1, was=None)
    rounds.look_at_round(desk, head, name, enqueue=queue.enqueue, at=NOON, rate=1)
    assert [json.loads(each[2])["look"] for each in queue.waiting] == [0]
    (until,) = (each[0] for each in queue.waiting)
    assert until == NOON + timedelta(seconds=30 + rounds.SETTLES + 1)

    queue.waiting.clear()
    rounds.look_at_round(desk, head, name, enqueue=queue.enqueue, at=until, rate=1)
    assert sum("part" in json.loads(each[2]) for each in queue.waiting) == 3


def test_a_part_that_is_never_counted_leaves_the_round_to_the_outages_own_watch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head, queue = dark(desk, reach=a_large_one(monkeypatch)), Queue(desk, Phones())
    start(desk, head, queue)
    queue.serve(until="part")
    (one, *_) = (each for each in queue.waiting if "part" in json.loads(each[2]))
    queue.waiting.remove(one)

    queue.serve(limit=10 + rounds.MOST_GATHERS)
    assert outages.get("Q1").outage.rounds[newest(head)].watch_at is not None

    queue.watch(head)
    queue.serve()
    assert ended(head) == {"sent": 30}


def test_a_large_round_is_settled_though_its_outage_moves_on_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    head, queue = dark(desk, reach=a_large_one(monkeypatch)), Queue(desk, Phones())
    start(desk, head, queue)
    queue.serve(until="parts")
    etr(desk, outages.get("Q1"), hours=2, minutes=1)

    queue.serve()

    assert ended(head) == {"sent": 30}


def test_killed_at_any_store_call_a_large_round_loses_nobody(
    desk: Desk, faults: Faults, monkeypatch: pytest.MonkeyPatch
):
    reach = a_large_one(monkeypatch)
    for call in range(1, 200, 3):
        head, queue = another_day(desk, reach, call)
        start(desk, head, queue)
        faults.heal()
        faults.at(call, KILLED_BEFORE if call % 2 else KILLED_AFTER)
        queue.serve()
        is_over = faults.sent < call
        faults.heal()
        if is_over:
            break
        if outages.get(f"Q{call}").outage.rounds[newest(head)].watch_at is not None:
            queue.watch(head)
            queue.serve()
        assert ended(head) == {"sent": 30}, call
        assert queue.gateway.extra <= 1, call
    else:
        raise AssertionError("there are more calls than are tried")


def test_s3_a_city_of_three_million_is_worked_in_parts_of_two_thousand_at_most():
    streets = {f"T-{n}": 205 for n in range(16_000)}
    reach = Reach.of(dict.fromkeys(streets, "all"), streets)

    parts = reach.cut(areas=rounds.AREAS, households=rounds.HOUSEHOLDS)

    assert sum(205 * len(part) for part in parts) == reach.households == 3_280_000
    assert max(205 * len(part) for part in parts) <= rounds.HOUSEHOLDS
    assert len(parts) == 16_000 / 9 + 2 / 9


REACH = Reach.of({AREA: "all"}, {AREA: 4})
MOST_CALLS = 80


def four_houses() -> None:
    """Three who are told, one of them on a machine, and one without a telephone."""
    one, two, three, four = a_village(4)
    needy = replace(two, flags=frozenset({"life_support"}))
    silent = replace(four, phones=())
    houses = [one, needy, three, silent]
    customers.put_households(customers.compare_households(COUNTY, houses))


def one_fault_a_run(desk: Desk, faults: Faults, fault: Fault) -> Iterator[tuple[Head, Queue]]:
    """Yield one outage a call to the store, told while that call failed; the watch came by."""
    four_houses()
    for call in range(1, MOST_CALLS):
        head, queue = another_day(desk, REACH, call)
        start(desk, head, queue)
        faults.heal()
        faults.at(call, fault)
        queue.serve()
        is_over = faults.sent < call
        faults.heal()
        if is_over:
            return
        if outages.get(f"Q{call}").outage.rounds[newest(head)].watch_at is not None:
            queue.watch(head)
            queue.serve()
        yield head, queue
    raise AssertionError("there are more calls than are tried")


@pytest.mark.parametrize("fault", [KILLED_BEFORE, KILLED_AFTER], ids=["before", "after"])
def test_s3_killed_at_any_store_call_nobody_is_lost_and_one_text_extra_at_most(
    desk: Desk, faults: Faults, fault: Fault
):
    runs = 0
    for head, queue in one_fault_a_run(desk, faults, fault):
        assert ended(head) == {"sent": 3, "no_phone": 1}, runs
        assert len({text.to.number for text in queue.gateway.got}) == 3, runs
        assert queue.gateway.extra <= 1, runs
        runs += 1
    assert runs > 15


@pytest.mark.parametrize("fault", [LOST_REPLY, NOT_SENT], ids=["lost", "not-sent"])
def test_s3_a_store_call_that_fails_once_costs_nobody_and_nothing(
    desk: Desk, faults: Faults, fault: Fault
):
    runs = 0
    for head, queue in one_fault_a_run(desk, faults, fault):
        assert ended(head) == {"sent": 3, "no_phone": 1}, runs
        assert (len(queue.gateway.got), queue.gateway.extra) == (3, 0), runs
        runs += 1
    assert runs > 15


@pytest.mark.parametrize("is_taken", [False, True])
def test_s3_killed_at_any_call_to_the_gateway_one_text_is_extra_at_most(
    desk: Desk, *, is_taken: bool
):
    four_houses()
    for call in (1, 2, 3):

        def die(number: int, call: int = call) -> BaseException | None:
            if number != call:
                return None
            return taken(Killed()) if is_taken else Killed()

        head, queue = dark(desk, reach=REACH, outage_id=f"Q{call}"), Queue(desk, Phones(die))
        start(desk, head, queue)
        queue.serve()

        assert ended(head) == {"sent": 3, "no_phone": 1}
        assert queue.gateway.extra == int(is_taken)


def test_a_lost_reply_is_one_more_try_and_never_a_third(desk: Desk):
    a_village(12)

    def lose(number: int) -> BaseException | None:
        lost = ReplyLost("timeout", gateway="g")
        return taken(lost) if number % 3 == 0 else None

    head, queue = dark(desk), Queue(desk, Phones(lose))
    start(desk, head, queue)
    queue.serve()

    assert sum(ended(head).values()) == 12
    sent = Counter(text.to.number for text in queue.gateway.got)
    assert len(sent) == 12
    assert max(sent.values()) == 2
    assert ended(head)["sent"] >= 10


def test_a_gateway_that_is_down_ten_minutes_loses_nobody_and_fills_no_dead_letters(desk: Desk):
    a_village(30)
    queue = Queue(desk, Phones())
    up_at = NOON + timedelta(minutes=10)
    queue.gateway.fails = lambda _: (
        GatewayBusy("down", gateway="g", retry_after=30) if queue.at < up_at else None
    )
    head = dark(desk)

    start(desk, head, queue)
    queue.serve()
    if outages.get("Q1").outage.rounds[newest(head)].watch_at is not None:
        queue.watch(head)
        queue.serve()

    assert ended(head) == {"sent": 30}
    assert queue.gateway.extra == 0
    told_at = outages.get("Q1").outage.rounds[newest(head)].told_at
    assert told_at is not None
    assert up_at <= told_at <= up_at + timedelta(minutes=1)


def test_a_text_that_went_out_while_the_store_was_silent_is_settled_and_never_sent_again(
    desk: Desk, faults: Faults
):
    a_village(3)
    head, queue = dark(desk), Queue(desk, Phones())
    start(desk, head, queue)
    faults.on("UpdateItem", THROTTLED)

    queue.serve(until="sent")

    (waiting,) = (each for each in queue.waiting if "sent" in json.loads(each[2]))
    assert (len(queue.gateway.got), len(json.loads(waiting[2])["sent"])) == (1, 1)
    assert queue.gateway.got[0].to.number not in waiting[2]
    faults.heal()
    queue.serve()
    assert (ended(head), len(queue.gateway.got)) == ({"sent": 3}, 3)


def test_messages_that_are_sent_again_by_hand_tell_exactly_the_missing(desk: Desk):
    """What lay in a dead-letter queue goes back as it is: the rows decide who is still owed."""
    a_village(30)
    head, queue = dark(desk), Queue(desk, Phones())
    start(desk, head, queue)
    dead = [each for each in queue.waiting if "keys" in json.loads(each[2])][-1]
    everything = list(queue.waiting)
    queue.waiting.remove(dead)
    while any("keys" in json.loads(each[2]) for each in queue.waiting):
        queue.waiting.sort()
        rounds.work(
            desk, Ports(queue.gateway, "清河供电", "example.cn", "w"),
            json.loads(queue.waiting.pop(0)[2]), enqueue=queue.enqueue, now=lambda: queue.at,
        )  # fmt: skip
    before = len(queue.gateway.got)
    missing = {account for _, account in json.loads(dead[2])["keys"]}

    queue.waiting = everything
    queue.serve()

    assert len(queue.gateway.got) - before == len(missing)
    assert (ended(head), queue.gateway.extra) == ({"sent": 30}, 0)


def test_a_look_enqueues_nobody_while_the_queue_is_still_at_work(desk: Desk):
    a_village(30)
    head, queue = dark(desk), Queue(desk, Phones())
    rounds.look_at_round(
        desk, head, newest(head), enqueue=queue.enqueue, at=NOON, number=0, was=None
    )
    assert [json.loads(each[2]).get("was") for each in queue.waiting] == [30]

    queue.serve()
    assert ended(head) == {"sent": 30}


def test_a_message_about_no_outage_or_without_a_task_is_refused(desk: Desk):
    a_village(1)
    head, queue = dark(desk), Queue(desk, Phones())
    ports = Ports(queue.gateway, "清河供电", "example.cn", "w")
    for body, wrong in (({"outage": "none"}, Unknown), ({"outage": "Q1"}, ValueError)):
        with pytest.raises(wrong):
            rounds.work(
                desk, ports, {"round": newest(head), **body}, enqueue=queue.enqueue,
                now=lambda: NOON,
            )  # fmt: skip


# A transfer while texts go out -------------------------------------------------------------------


def by_hand(move: str, minutes: float, **answers: Any) -> Command:
    return Command(
        move=move, actor=Actor("dispatcher", "u1", COUNTY), caller="u1", key=f"{move}-{minutes}",
        salt=SALT, at=NOON + minutes * MINUTE, answers=answers,
    )  # fmt: skip


def opened(desk: Desk, device: str, minutes: float) -> Head:
    new, command = New("fault", (device,)), by_hand(f"create-{device}", minutes)
    return keeping.create(desk, new, command, may=lambda _office: True)


def begin(desk: Desk, outage_id: str, queue: Queue) -> None:
    """Start every round that is open, as the stream brings them; one that comes twice is one."""
    head = outages.get(outage_id)
    for name in head.outage.rounds:
        rounds.start_round(desk, head, name, enqueue=queue.enqueue, at=queue.at, rate=400)


def heard_by(queue: Queue) -> dict[str, list[str]]:
    """Return what each telephone heard, in order: dark or back."""
    found: dict[str, list[str]] = {}
    for text in queue.gateway.got:
        word = "back" if "恢复供电。若" in text.body else "dark"
        found.setdefault(text.to.number, []).append(word)
    return found


def phones_of(*transformers: str) -> set[str]:
    homes = [home for each in transformers for home in customers.households_of(each)]
    return {home.phones[0].number for home in homes}


@pytest.mark.parametrize("nth", [1, 2, 3, 7, 12])
def test_a_feeder_transfer_during_a_fan_out_leaves_each_household_in_one_outage_and_told_so(
    desk: Desk, nth: int
):
    """The tie takes T-03 over after the n-th text; then the feeder that feeds it now trips."""
    a_grid()
    queue = Queue(desk, Phones(), at=NOON)
    first = opened(desk, "F1-CB", 0).outage.outage_id

    def transfer(call: int) -> None:
        if call == nth:
            queue.at = NOON + MINUTE
            what = Switching(("F1-SW1",), ("TIE",), "restore", queue.at)
            by = Actor("dispatcher", "u1", COUNTY)
            done = switching.switch(what, by=by, may=lambda _county: True, at=queue.at)
            assert done.moved == ("T-03",)
            keeping.move(desk, first, by_hand("restore_part", 1, transformers=["T-03"]))
            begin(desk, first, queue)

    queue.gateway.fails = transfer
    begin(desk, first, queue)
    queue.serve()
    moved, stayed = phones_of("T-03"), phones_of("T-01", "T-02")
    heard = heard_by(queue)
    assert {number: heard[number] for number in stayed} == {number: ["dark"] for number in stayed}
    assert all(heard.get(number, []) in ([], ["dark", "back"]) for number in moved)
    assert queue.gateway.extra == 0

    queue.gateway, queue.at = Phones(), NOON + 20 * MINUTE
    second = opened(desk, "F2-CB", 20).outage.outage_id
    begin(desk, second, queue)
    queue.serve()

    board = {head.outage.outage_id: head.outage for head in outages.board(COUNTY).heads}
    assert board[first].dark.transformers == ("T-01", "T-02")
    assert board[second].dark.transformers == ("T-03", "T-04")
    assert heard_by(queue) == {number: ["dark"] for number in phones_of("T-03", "T-04")}
    for outage in board.values():
        assert all(one.watch_at is None for one in outage.rounds.values())


@pytest.mark.parametrize("nth", [1, 2, 4])
def test_an_outage_that_another_takes_over_during_its_fan_out_tells_each_household_once(
    desk: Desk, nth: int
):
    a_grid()
    queue = Queue(desk, Phones(), at=NOON)
    inner = opened(desk, "F1-SW1", 0).outage.outage_id
    taken: list[str] = []

    def absorb(call: int) -> None:
        if call == nth:
            outer = opened(desk, "F1-CB", 1).outage.outage_id
            keeping.move(desk, outer, by_hand("absorb", 1, outage=inner))
            taken.append(outer)
            begin(desk, outer, queue)

    queue.gateway.fails = absorb
    begin(desk, inner, queue)
    queue.serve()

    (outer,) = taken
    board = {head.outage.outage_id: head.outage for head in outages.board(COUNTY).heads}
    assert set(board) == {outer}
    assert board[outer].dark.transformers == ("T-01", "T-02", "T-03")
    everybody = phones_of("T-01", "T-02", "T-03")
    assert heard_by(queue) == {number: ["dark"] for number in everybody}
