"""How reliable supply was: indices, and who was dark too often, for offices and for customers."""

from datetime import date, timedelta
from typing import Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import staff, tracked
from chalicelib.api.asking import Asked
from chalicelib.api.desk import CSV, MEDIA
from chalicelib.api.routes import Routes, Security, answer, download, params
from chalicelib.domain.indicators import Base, By
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Capability
from chalicelib.usecases import measuring, recurring
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "measuring_models"
LONGEST_MOMENTARY: Final = 60
TABLE: Final = params(
    asking.day("from", about="The first day; the first of this month, where none is named."),
    asking.day("to", about="The last day; today, where none is named."),
    asking.choice("by", tuple(By), default=By.OFFICE),
    asking.choice("base", tuple(Base), default=Base.CUSTOMERS),
    asking.number(
        "momentary_minutes",
        0,
        LONGEST_MOMENTARY,
        default=0,
        about="An interruption up to this is momentary; 0: as the limits say.",
    ),
    asking.text(
        "exclude", longest=600, about="Kinds, categories or causes left out, commas between."
    ),
    asking.text("without", longest=400, about="Days left out, such as major event days."),
    asking.number("cemi", 2, 20, default=3, about="The n of CEMI-n."),
)


def _wanted(asked: Asked) -> measuring.Asked:
    asks = asked.query
    minutes = asks["momentary_minutes"]
    return measuring.Asked(
        first=asks["from"],
        last=asks["to"],
        by=By(asks["by"]),
        base=Base(asks["base"]),
        momentary=timedelta(minutes=minutes) if minutes else None,
        exclude=_parts(asks["exclude"]),
        without=frozenset(_day(part) for part in _parts(asks["without"])),
        cemi=asks["cemi"],
    )


def _parts(raw: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in raw.split(",") if (part := each.strip())))


def _day(raw: str) -> date:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise BadInput.of("without", "field.date") from None


@routes.get(
    "/outages/indices",
    gives=f"{MODELS}:IndexTable",
    capability=Capability.ORDER_LIST,
    params=TABLE,
)
def get_indices(asked: Asked) -> Response:
    """Return SAIFI, SAIDI, CAIDI, ASAI, MAIFI, CEMI-n and RS-1 of a period."""
    on = staff(asked, Capability.ORDER_LIST)
    return answer(measuring.measure(on, _wanted(asked)))


@routes.get("/exports/indices", capability=Capability.EXPORT, media=CSV, params=TABLE)
def export_indices(asked: Asked) -> Response:
    """Return the same as a table; on record."""
    on = staff(asked, Capability.EXPORT)
    made = measuring.export(on, _wanted(asked), language=asked.language)
    text = made.content.decode()
    return download(text, media=MEDIA["csv"], name="indices.csv", rows=made.rows)


@routes.get(
    "/outages/frequent",
    gives=f"{MODELS}:FrequentRows",
    capability=Capability.ORDER_LIST,
    params=(
        asking.choice("subject", recurring.SUBJECTS, default=recurring.SUBJECTS[0]),
        asking.choice("level", recurring.LEVELS),
        *asking.page(default=50),
    ),
)
def list_frequent(asked: Asked) -> Response:
    """Return who was dark, or had low voltage, too often within the window."""
    on, asks = staff(asked, Capability.ORDER_LIST), asked.query
    after = asked.opened(on.desk.secret, on.caller)
    found = recurring.frequent(on, subject=asks["subject"], level=asks["level"])
    ids = [row["id"] for row in found]
    start = ids.index(after) + 1 if after in ids else 0
    rows = found[start : start + asks["limit"]]
    is_more = start + len(rows) < len(found)
    cursor = asked.sealed(on.desk.secret, on.caller, rows[-1]["id"] if is_more else None)
    return answer({"items": rows, "cursor": cursor, "as_of": stamp(asked.at)})


@routes.get(
    "/orders/{number}/supply",
    gives=f"{MODELS}:SupplyOut",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def get_supply(asked: Asked, number: str) -> Response:
    """Return how often the place of an order was dark or low lately."""
    on = staff(asked, Capability.ORDER_READ)
    return answer(recurring.supply_of(on.desk, on.order(number), at=asked.at))


@routes.get(
    "/public/orders/{number}/supply",
    gives=f"{MODELS}:SupplyOut",
    security=Security.TRACKING,
    capability=Capability.TRACK,
    refuses=("unknown", "busy"),
)
def get_own_supply(asked: Asked, number: str) -> Response:
    """Return the same to whoever holds the order's tracking token."""
    desk, head = tracked(asked, number)
    return answer(recurring.supply_of(desk, head, at=asked.at))
