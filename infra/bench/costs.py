"""What the store's calls cost, counted by the meter: intake, moves, effects, queue, sweep.

WRU and RRU are DynamoDB's write and read request units. The floors and goals are the design's.
"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from chalicelib import jobs
from chalicelib.api.access import OnDesk
from chalicelib.domain.procedure import effects
from chalicelib.outbound.seals import DiskSeals
from chalicelib.store import deliveries, ledger, orders, registry
from chalicelib.store.deliveries import Status
from chalicelib.store.orders import Head
from chalicelib.usecases import delivering, queueing, sealing, tracking, watching
from chalicelib.usecases.queueing import Filter
from infra.bench import events
from infra.bench.meter import READ_STEP, Call, Item, Meter, item_size
from infra.bench.scene import (
    COUNTIES,
    HOME,
    LINE,
    NOON,
    NOTE,
    PHONE,
    SAYS,
    WORDS_NEEDED,
    Scene,
)
from infra.bench.table import Figure, Measured, Reading, Row
from infra.local.functions import context

THOUSAND: Final = 1_000
HUNDRED_THOUSAND: Final = 100_000
LONGEST: Final = 2_000
"""Characters of the longest description that a report may have."""
DUE: Final = 200
"""How many orders are due at once when the sweep is measured: more than a page."""
BATCH: Final = 25
"""Events that the stream hands over at once."""
FIVE: Final = timedelta(minutes=5)
SEAL_KEY: Final = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
"""The key of a bench's seals; nobody trusts them."""

ONE_CALL: Final = Figure("call", floor=1, goal=1)


def bill(calls: Sequence[Call]) -> str:
    """Return what calls cost, operation by operation: `2 GetItem 2 RRU, 1 PutItem 1 WRU`."""
    units: dict[str, list[float]] = {}
    times = Counter(call.operation for call in calls)
    for call in calls:
        wru, rru = units.get(call.operation, (0.0, 0.0))
        units[call.operation] = [wru + call.wru, rru + call.rru]
    said = []
    for operation, (wru, rru) in units.items():
        amounts = [f"{amount:g} {unit}" for amount, unit in ((wru, "WRU"), (rru, "RRU")) if amount]
        said.append(f"{times[operation]} {operation} {' '.join(amounts)}".rstrip())
    return ", ".join(said)


def _found(meter: Meter, *values: float) -> Measured:
    return Measured(tuple(map(Reading, values)), bill(meter.record))


# Intake -----------------------------------------------------------------------------------------


def accept(scene: Scene, *, kind: str, says: str = SAYS, place: bool = True) -> Measured:
    """File a report through the use case.

    place: it names one, as the sign on the pole gives it, and is the second to do so in five
    minutes; what the first one cost is in the note.
    """
    with scene.meter() as first:
        scene.file(kind, says=says, place=place)
    with scene.meter() as meter:
        scene.file(kind, says=says, place=place)
    note = bill(meter.record)
    if place:
        note += f"; the first of five minutes {bill(first.record)}"
    return Measured((Reading(meter.calls), Reading(meter.wru)), note)


def accept_request(scene: Scene) -> Measured:
    """File a report as a browser does, on a function that has answered before.

    Each process lets an address's first reports pass uncounted: this is the second.
    """
    body = {
        "kind": "fault",
        "place": f"TQ-{HOME}",
        "phone": PHONE,
        "name": "王桂英",
        "answers": {"symptom": "no_power", "description": SAYS},
    }
    events.answered(scene.app, events.report(body, key=scene.key()), status=201)
    asked = events.report(body, key=scene.key())
    with scene.meter() as meter:
        events.answered(scene.app, asked, status=201)
    return _found(meter, meter.calls, meter.wru)


# Moves ------------------------------------------------------------------------------------------


def move(scene: Scene, *, with_words: bool) -> Measured:
    """Make every move of a fault's life and return the dearest, with words or without."""
    head = scene.file().head
    dearest: list[Call] = []
    prices = []
    for step, name in enumerate(LINE, start=1):
        with scene.meter() as meter:
            head = scene.move(head, name, step=step, note=NOTE if with_words else "")
        if with_words or name not in WORDS_NEEDED:
            prices.append(f"{name} {_sum(meter.record):g}")
            dearest = max(dearest, meter.record, key=_sum)
    writes = sum(1 for call in dearest if call.wru)
    readings = (len(dearest) - writes, writes, _sum(dearest))
    return Measured(tuple(map(Reading, readings)), f"{bill(dearest)}; WRU: {', '.join(prices)}")


def _sum(calls: Sequence[Call]) -> float:
    return sum(call.wru for call in calls)


# Effects ----------------------------------------------------------------------------------------


def effect(scene: Scene) -> Measured:
    """Take an effect in hand, and say what became of it."""
    order_id = scene.file().head.order.order_id
    with scene.meter() as meter:
        deliveries.claim(order_id, "1.text.accepted", by="bench", at=NOON, lease=FIVE)
        deliveries.settle(order_id, "1.text.accepted", Status.SENT, at=NOON, gateway_id="m" * 32)
    return _found(meter, meter.calls, meter.wru)


def text(scene: Scene, *, upto: str) -> Measured:
    """Carry out the text of an event, from the queue's message to its outcome."""
    head = scene.file().head
    for step, name in enumerate(LINE, start=1):
        if upto == "opened":
            break
        head = scene.move(head, name, step=step)
        if name == upto:
            break
    event = ledger.event(head.order.order_id, head.order.version)
    (told,) = (each for each in effects(event) if ".text." in each.effect_id)
    with scene.meter() as meter:
        status = delivering.carry_out(
            scene.desk,
            scene.ports,
            head.order.order_id,
            event.seq,
            told.effect_id,
            at=event.recorded_at,
        )
    if status is not Status.SENT:
        raise RuntimeError(f"the text was not sent: {status}")
    return _found(meter, meter.wru, meter.calls)


def look_back(scene: Scene) -> Measured:
    """Look whether the effects of an event are there, five minutes on; they are."""
    head = _settled(scene, scene.file().head)
    with scene.meter() as meter:
        missing = watching.look_for_effects(scene.desk, head, NOON + FIVE)
    if missing:
        raise RuntimeError(f"effects are missing: {missing}")
    return _found(meter, meter.calls, meter.rru, meter.wru)


def _settled(scene: Scene, head: Head) -> Head:
    """Say of all that an order's events cause that it was done."""
    order_id = head.order.order_id
    for _, _, effect_id in delivering.spread(scene.desk, ledger.read(order_id)):
        deliveries.claim(order_id, effect_id, by="bench", at=NOON, lease=FIVE)
        deliveries.settle(order_id, effect_id, Status.SENT, at=NOON)
    return head


def seal(scene: Scene) -> Measured:
    """Stage an hour's events as the stream brings them, then seal the hour; the last one is."""
    port = DiskSeals(scene.folder / "seals")
    sealing.seal_up_to(port, private_key=SEAL_KEY, at=NOON)
    happened = [
        event for _ in range(4 * BATCH) for event in ledger.read(scene.file().head.order.order_id)
    ]
    with scene.meter() as staging:
        for start in range(0, len(happened), BATCH):
            sealing.stage(happened[start : start + BATCH], at=NOON)
    with scene.meter() as sealed:
        (made,) = sealing.seal_up_to(port, private_key=SEAL_KEY, at=NOON + timedelta(hours=1))
    count = len(made.digests)
    if count != len(happened):
        raise RuntimeError(f"{count} digests of {len(happened)} events were sealed")
    note = f"{count} events: staged by {bill(staging.record)}; sealed by {bill(sealed.record)}"
    readings = (staging.wru / count, sealed.rru / count)
    return Measured(
        tuple(map(Reading, readings)), f"{note} and one object of {len(made.content):,} bytes"
    )


# Reading ----------------------------------------------------------------------------------------


def page(scene: Scene) -> Measured:
    """Open the queue: the twenty that are due first."""
    scene.open_up_to(THOUSAND)
    first = scene.entries(HOME, most=20)
    with scene.meter() as meter:
        listed = queueing.listed(_viewer(scene), Filter(), limit=20, after=None)
    if len(listed.rows) != len(first):
        raise RuntimeError(f"the page has {len(listed.rows)} rows, not {len(first)}")
    return Measured((Reading(meter.calls), Reading(meter.rru, _floor(first))), bill(meter.record))


def counts(scene: Scene, *, size: int) -> Measured:
    """Count what stands above the queue; for ten seconds afterwards this is free."""
    scene.open_up_to(size)
    queueing.forget(HOME)
    first = scene.entries(HOME, most=queueing.MOST_COUNTED + 1)
    with scene.meter() as meter:
        told = queueing.overview(_viewer(scene))["counts"]
    plus = "+" if told["capped"] else ""
    return Measured(
        (Reading(meter.calls), Reading(meter.rru, _floor(first))),
        f"{told['all']}{plus} open in the county: {bill(meter.record)}",
    )


def _floor(entries: Sequence[Item]) -> float:
    """Return what a page of these costs, in RRU, with nothing beside it."""
    return math.ceil(sum(map(item_size, entries)) / READ_STEP) * 0.5


def _viewer(scene: Scene) -> OnDesk:
    return OnDesk(scene.dispatcher, scene.desk, NOON + timedelta(seconds=30))


def track(scene: Scene) -> Measured:
    """Look at an order as its reporter does, on a function that has answered before."""
    head = scene.file().head
    for step, name in enumerate(("dispatch", "receive", "set_out"), start=1):
        head = scene.move(head, name, step=step)
    number = head.order.order_id
    asked = events.track(number, tracking.token(scene.desk, number))
    events.answered(scene.app, asked, status=200)
    with scene.meter() as meter:
        events.answered(scene.app, asked, status=200)
    return _found(meter, meter.calls, meter.rru)


# The sweep --------------------------------------------------------------------------------------


def sweep_function(scene: Scene) -> Measured:
    """Wake the sweep's function as its schedule does, in a house where nobody reported anything.

    It needs no more of the registry than the counties, once in five minutes: that is in the note.
    """
    registry.refresh()
    with scene.meter() as first:
        jobs.sweep(context("sweep"))
    with scene.meter() as meter:
        jobs.sweep(context("sweep"))
    note = f"{bill(meter.record)}; the first of five minutes {bill(first.record)}"
    return Measured((Reading(meter.calls), Reading(meter.rru)), note)


def sweep_idle(scene: Scene, *, size: int) -> Measured:
    """Sweep all counties while nothing is due."""
    scene.open_up_to(size)
    with scene.meter() as meter:
        swept = _sweep(scene, NOON - timedelta(days=30))
    if swept.read:
        raise RuntimeError(f"{swept.read} orders were due")
    return _found(meter, meter.calls, meter.rru)


def sweep_due(scene: Scene, *, size: int) -> Measured:
    """Sweep all counties when clocks of many orders run into their first rung at once."""
    scene.open_up_to(size)
    for county in COUNTIES:  # what rows before this one left open
        for entry in scene.entries(county, before=NOON + timedelta(days=1)):
            scene.close(orders.get(entry["order_id"]["S"]))
    heads = [
        orders.set_look(scene.file(county=COUNTIES[number % len(COUNTIES)]).head, None)
        for number in range(DUE)
    ]
    at = max(head.order.next_due_at for head in heads if head.order.next_due_at)
    due = sum(len(scene.entries(county, before=at)) for county in COUNTIES)
    with scene.meter() as meter:
        swept = _sweep(scene, at)
    if (due, swept.fired) != (DUE, DUE):
        raise RuntimeError(f"of {DUE} orders {due} were due and {swept.fired} fired")
    for head in heads:
        scene.close(head)
    return Measured(
        (Reading(meter.items_read, due),),
        f"{due} due among {size:,} open: {bill(meter.record)}",
    )


def _sweep(scene: Scene, at: datetime) -> watching.Swept:
    return watching.sweep(
        lambda: scene.desk,
        at=at,
        counties=COUNTIES,
        enqueue=lambda _missing: None,
        is_out_of_time=lambda: False,
    )


# The rows ---------------------------------------------------------------------------------------

_AN_INTAKE: Final = (ONE_CALL, Figure("WRU", floor=2, goal=8))
_A_MOVE: Final = (
    Figure("read", floor=1, goal=1),
    Figure("transaction", floor=1, goal=1),
    Figure("WRU", floor=4, goal=8),
)
_A_TEXT: Final = (Figure("WRU", floor=2, goal=2), Figure("calls", floor=2, goal=6))
_IDLE: Final = (
    Figure("calls", floor=len(COUNTIES), goal=len(COUNTIES)),
    Figure("RRU", floor=len(COUNTIES) * 0.5, goal=len(COUNTIES) * 0.5),
)
_WHY_MORE: Final = (
    "outages, issues and papers fall due as orders do, with one query each whatever the counties"
    " are: half a unit each, about a cent a month."
)
_WHY_FIVE: Final = (
    "a complaint begins with five clocks, each with its limit, rule set and term: its first event"
    " is 15 bytes longer than a unit."
)


def _named(size: int) -> str:
    return f"{size // THOUSAND}k"


def _sweep_idle(size: int) -> Row:
    return Row(
        name=f"sweep-idle-{_named(size)}",
        what=f"sweep of {len(COUNTIES)} counties, nothing due, {_named(size)} open",
        figures=_IDLE,
        measure=partial(sweep_idle, size=size),
        why=_WHY_MORE,
        full_only=size > THOUSAND,
    )


def _sweep_due(size: int) -> Row:
    return Row(
        name=f"sweep-due-{_named(size)}",
        what=f"sweep with {DUE} due, {_named(size)} open",
        figures=(Figure("items read", times=1.05),),
        measure=partial(sweep_due, size=size),
        full_only=size > THOUSAND,
    )


def _counts(size: int) -> Row:
    return Row(
        name=f"counts-{_named(size)}",
        what=f"the counts above the queue, {_named(size)} open",
        figures=(ONE_CALL, Figure("RRU", goal=30)),
        measure=partial(counts, size=size),
        full_only=size > THOUSAND,
    )


_FEW: Final = (
    Row(
        name="sweep-function",
        what=f"the sweep as it is woken, {len(COUNTIES)} counties, nothing due",
        figures=_IDLE,
        measure=sweep_function,
        why=_WHY_MORE,
    ),
    Row(
        name="accept",
        what="accept a complaint, no place named",
        figures=_AN_INTAKE,
        measure=partial(accept, kind="complaint", place=False),
        why=_WHY_FIVE,
    ),
    Row(
        name="accept-place",
        what="accept a fault at a place",
        figures=_AN_INTAKE,
        measure=partial(accept, kind="fault"),
    ),
    Row(
        name="accept-longest",
        what=f"accept a complaint of {LONGEST:,} characters",
        figures=(ONE_CALL, Figure("WRU", floor=12, goal=20)),
        measure=partial(accept, kind="complaint", place=False, says="电" * LONGEST),
        why=_WHY_FIVE,
    ),
    Row(
        name="accept-request",
        what="POST /public/orders, a fault at a place, warm",
        figures=_AN_INTAKE,
        measure=accept_request,
    ),
    Row(
        name="move",
        what="the dearest move of a fault, without words",
        figures=_A_MOVE,
        measure=partial(move, with_words=False),
    ),
    Row(
        name="move-words",
        what="the dearest move of a fault, with words",
        figures=_A_MOVE,
        measure=partial(move, with_words=True),
        why=(
            "words are erasable, so they are an item of their own in the same transaction (2 WRU);"
            " a move that also changes when the order is due next then writes five rows."
        ),
    ),
    Row(
        name="effect",
        what="an effect: claim and settle",
        figures=(Figure("calls", floor=2, goal=2), Figure("WRU", floor=2, goal=2)),
        measure=effect,
    ),
    Row(
        name="text-accepted",
        what="a text, from its message to its outcome",
        figures=_A_TEXT,
        measure=partial(text, upto="opened"),
    ),
    Row(
        name="text-done",
        what="the text that asks for a rating",
        figures=_A_TEXT,
        measure=partial(text, upto="approve_reply"),
        why="the code in it, with which an order is rated without a login, is a row of its own.",
    ),
    Row(
        name="look-back",
        what="look whether an event's effects are there",
        figures=(
            Figure("calls", floor=3, goal=3),
            Figure("RRU", floor=1, goal=2),
            Figure("WRU", floor=2, goal=3),
        ),
        measure=look_back,
    ),
    Row(
        name="seal",
        what=f"an hour's seal, an event, {BATCH} events a batch",
        figures=(Figure("WRU", floor=1 / BATCH, goal=0.1), Figure("RRU", floor=0.01, goal=0.05)),
        measure=seal,
    ),
    Row(
        name="track",
        what="GET /public/orders/{number}, warm",
        figures=(ONE_CALL, Figure("RRU", floor=0.5, goal=1)),
        measure=track,
    ),
    Row(
        name="page",
        what="a page of 20 in the queue",
        figures=(ONE_CALL, Figure("RRU", times=1.2)),
        measure=page,
    ),
)


def rows() -> tuple[Row, ...]:
    """Return this module's rows, those at few open orders first: orders only ever become more."""
    return (
        *_FEW,
        *(
            make(size)
            for size in (THOUSAND, HUNDRED_THOUSAND)
            for make in (_counts, _sweep_idle, _sweep_due)
        ),
    )
