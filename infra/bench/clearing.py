"""What the ledger of issues costs to look at, counted by the meter, at two sizes.

The issues that a page shows came in through the domain and the store. The thousands around them
are lines of the city and its county, written in bulk under other numbers: a page reads no more of
them than it shows, and that is what is measured. The counts above are as the store kept them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final

from chalicelib.api.access import OnDesk
from chalicelib.domain.clocks import millis
from chalicelib.domain.issue import Linked
from chalicelib.domain.issue_moves import open_issue
from chalicelib.domain.order import order_number
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import issues
from chalicelib.store.issues import Change
from chalicelib.store.rows import house
from chalicelib.usecases import clearing, overseeing
from infra.bench.costs import HUNDRED_THOUSAND, THOUSAND, bill
from infra.bench.scene import CITY, COUNTIES, NOON, PROVINCE, Scene
from infra.bench.table import Figure, Measured, Reading, Row

PAGE: Final = 20
OWN: Final = 40
"""Issues that are there whole: two pages, which fall due before all others."""
_BATCH: Final = 25
_LOADERS: Final = 3
_written: dict[str, int] = {}


def _open(scene: Scene, number: int) -> None:
    county = COUNTIES[number % len(COUNTIES)]
    at = NOON - timedelta(minutes=number)
    order_id = order_number(b"the orders of the ledger", "bench", str(number))
    linked = Linked("opened_by", "complaint", "95598", at, "system", at, stage="accepted", seen=1)
    made = open_issue(
        clearing.by_system(at),
        issue_id=order_number(b"the issues of the ledger", "bench", str(number)),
        source="complaint",
        place=clearing.place_of(scene.desk, county),
        rules=scene.desk.rules(county),
        category="supply_quality",
        orders={order_id: linked},
    )
    issues.commit(Change(None, made, shown={"summary": "晚上电压低，灯发暗"}))


def _fill(scene: Scene, size: int) -> None:
    """Let so many issues stand on the city's ledger. Never makes them fewer."""
    if CITY not in _written:
        for number in range(OWN):
            _open(scene, number)
        _written[CITY] = OWN
    lines = _lines(_written[CITY], size)
    with ThreadPoolExecutor(_LOADERS) as pool:
        list(pool.map(partial(_put, scene), _batches(lines)))
    _written[CITY] = max(size, _written[CITY])


def _lines(first: int, last: int) -> Iterator[dict[str, Any]]:
    for number in range(first, last):
        issue_id = order_number(b"the many issues", "bench", str(number))
        due = millis(NOON + timedelta(days=30, seconds=17 * number))
        yield {
            "pk": {"S": f"{CITY}/issues/open"},
            "sk": {"S": f"{due:015d}#{issue_id}"},
            "row": {"S": "{}"},
            "version": {"N": "0"},
        }


def _batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _put(scene: Scene, items: list[dict[str, Any]]) -> None:
    table = house().table_name("daybook")
    wanted = {table: [{"PutRequest": {"Item": item}} for item in items]}
    while wanted:
        wanted = scene.own.batch_write_item(RequestItems=wanted).get("UnprocessedItems") or {}


def _viewer(scene: Scene) -> OnDesk:
    host = Staff("host", "周师傅", Role.CITY_HOST, CITY, (PROVINCE, CITY))
    return OnDesk(host, scene.desk, NOON + timedelta(seconds=30))


def page(scene: Scene, *, size: int) -> Measured:
    """Open the city's ledger: the twenty issues that fall due first, and the counts."""
    _fill(scene, size)
    with scene.meter() as meter:
        body, _ = overseeing.listed(
            _viewer(scene),
            CITY,
            "open",
            confidential=False,
            language="zh",
            limit=PAGE,
            after=None,
        )
    if len(body["items"]) != PAGE:
        raise RuntimeError(f"the page has {len(body['items'])} rows, not {PAGE}")
    readings = (Reading(meter.calls), Reading(meter.rru))
    return Measured(readings, f"{size} on the ledger: {bill(meter.record)}")


def board(scene: Scene, *, size: int) -> Measured:
    """Open the city's supervision board: every county, the city, its rates."""
    _fill(scene, size)
    with scene.meter() as meter:
        shown = overseeing.board(scene.desk, CITY, confidential=False, at=NOON)
    if len(shown["rows"]) != len(COUNTIES):
        raise RuntimeError(f"the board has {len(shown['rows'])} rows, not {len(COUNTIES)}")
    readings = (Reading(meter.calls), Reading(meter.rru))
    return Measured(readings, f"{size} on the ledger: {bill(meter.record)}")


def move(scene: Scene) -> Measured:
    """Open an issue: head, event, the lines of three levels, the counts."""
    _fill(scene, OWN)
    with scene.meter() as meter:
        _open(scene, HUNDRED_THOUSAND + 1)
    return Measured((Reading(meter.calls), Reading(meter.wru)), bill(meter.record))


def _named(size: int) -> str:
    return f"{size // THOUSAND}k"


def _sized(size: int) -> tuple[Row, ...]:
    return (
        Row(
            name=f"issues-page-{_named(size)}",
            what=f"a page of {PAGE} of the ledger, {_named(size)} issues",
            figures=(Figure("calls", floor=2, goal=4), Figure("RRU", floor=10, goal=30)),
            measure=partial(page, size=size),
            full_only=size > THOUSAND,
        ),
        Row(
            name=f"issues-board-{_named(size)}",
            what=f"the supervision board of a city, {_named(size)} issues",
            figures=(Figure("calls", floor=1, goal=4), Figure("RRU", floor=1, goal=6)),
            measure=partial(board, size=size),
            full_only=size > THOUSAND,
        ),
    )


ROWS: Final = (
    Row(
        name="issue-open",
        what="open an issue",
        figures=(Figure("call", floor=1, goal=1), Figure("WRU", floor=10, goal=40)),
        measure=move,
    ),
    *_sized(THOUSAND),
    *_sized(HUNDRED_THOUSAND),
)
