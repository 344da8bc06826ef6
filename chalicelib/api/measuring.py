"""How reliable supply was: indices for whoever sees the orders of the offices in them."""

from datetime import date, timedelta
from typing import Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import staff
from chalicelib.api.asking import Asked
from chalicelib.api.desk import CSV, MEDIA
from chalicelib.api.routes import Routes, Security, answer, download, params
from chalicelib.domain.indicators import Base, By
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Capability
from chalicelib.usecases import measuring

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
