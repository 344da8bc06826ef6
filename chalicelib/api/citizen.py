"""What citizens ask, without a login: report, track, urge, add, take back, rate."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import CITIZEN, desk_at, slow_down, tracked
from chalicelib.api.asking import Asked
from chalicelib.api.ports import files, upload_form
from chalicelib.api.routes import Decorator, Routes, Security, answer, etag
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Capability
from chalicelib.store import customers
from chalicelib.usecases import (
    attaching,
    finding,
    progressing,
    publishing,
    reading,
    reporting,
    tracking,
)
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.OPEN)

PUBLIC: Final = "public"
"""Whom an Idempotency-Key of a citizen is bound to: nobody signed in, so the key must be random."""
MINUTES: Final = 10
MOST_REPORTS: Final = 600
"""A village may sit behind one address of its carrier; more in ten minutes is no village."""
FEW_REPORTS: Final = 3
"""A household's: each process counts them for itself, so that the usual report costs no write."""
MOST_GUESSES: Final = 30
MOST_UPLOADS: Final = 120
REPORT: Final = {
    "kind": "fault",
    "place": "TQ-0312",
    "phone": "13800138000",
    "answers": {"symptom": "no_power", "description": "家里没电了，邻居也没有"},
}
REFUSES: Final = ("unknown", "illegal-move", "gate-closed", "key-reused", "stale", "busy")


@routes.get("/public/config", gives="PublicConfig")
def get_config(asked: Asked) -> Response:
    """Return what the pages need to know of this deployment."""
    desk, settings = desk_at(asked), ambient.settings()
    return answer(
        {
            "county_name": finding.county_name(desk),
            "hotline": "95598",
            "languages": ["zh", "en"],
            "issuer": settings.issuer,
            "client_id": settings.client_id,
            "audience": settings.audience,
            "sms_signature": settings.sms_signature,
            "demo": bool(settings.demo),
            "local": settings.is_local,
            "now": stamp(asked.at),
        }
    )


@routes.get("/public/places", gives="Places", params=(asking.text("q", required=True),))
def get_places(asked: Asked) -> Response:
    """Find places by a part of their name, village or township, the likeliest first."""
    return answer({"items": finding.places(desk_at(asked), asked.query["q"], at=asked.at)})


@routes.get("/public/places/{code}", gives="Place", refuses=("unknown",))
def get_place(asked: Asked, code: str) -> Response:
    """Return a place by the code on its sign, with the state of its supply."""
    place = customers.known_place(code[:64], at=asked.at)
    if place is None:
        raise Unknown(what="place")
    outage = publishing.current_at(publishing.known(desk_at(asked), at=asked.at), place.code)
    return answer({"code": place.code, "name": place.name, "state": {"outage": outage}})


@routes.get("/public/outages", gives="Outages", params=(asking.code("place"),))
def get_outages(asked: Asked) -> Response:
    """Return the outages that we know of, at a place if one is named."""
    desk, place = desk_at(asked), asked.query["place"]
    shown = publishing.known(desk, at=asked.at)
    wanted = publishing.at_place(shown, place) if place else shown
    return answer(publishing.status(desk, wanted, at=asked.at))


@routes.get("/public/news", gives="SupplyNews")
def get_news(asked: Asked) -> Response:
    """Return the news of the supply that are on show, the latest first."""
    items = publishing.news(desk_at(asked), at=asked.at)
    return answer({"items": items}, headers={"Cache-Control": "public, max-age=60"})


@routes.post(
    "/public/orders",
    takes="NewOrder",
    gives="Accepted",
    status=201,
    capability=Capability.INTAKE,
    example=REPORT,
    refuses=("key-reused", "too-many", "busy"),
)
def post_order(asked: Asked) -> Response:
    """File a report. The same key and body give the same order again."""
    slow_down(asked, "report", most=MOST_REPORTS, minutes=MINUTES, spare=FEW_REPORTS)
    desk, sent = desk_at(asked), asked.body().report(asked.at)
    taken = attaching.take(files(), sent.files)
    reported = reporting.report(
        desk, sent, actor=CITIZEN, caller=PUBLIC, key=asked.key, salt=_salt(), at=asked.at
    )
    order_id = reported.head.order.order_id
    attaching.bind(order_id, taken, kind="citizen", at=asked.at)
    order = reading.for_citizen(desk, reported.head, language=asked.language, at=asked.at)
    body = {"number": order_id, "token": tracking.token(desk, order_id), "order": order}
    return answer(body, status=HTTPStatus.CREATED)


@routes.post(
    "/public/orders/lookup",
    takes="LookUp",
    gives="LookedUp",
    keyed=False,
    capability=Capability.TRACK,
    example={"number": "5820016339042275", "phone_tail": "8000"},
    refuses=("unknown", "too-many", "busy"),
)
def look_up(asked: Asked) -> Response:
    """Open an order by its number and the last four digits of the reporter's telephone."""
    slow_down(asked, "lookup", most=MOST_GUESSES, minutes=MINUTES)
    desk, sent = desk_at(asked), asked.body()
    head = tracking.lookup(desk, sent.number, sent.phone_tail, at=asked.at)
    order = reading.for_citizen(desk, head, language=asked.language, at=asked.at)
    return answer({"token": tracking.token(desk, head.order.order_id), "order": order})


@routes.get(
    "/public/orders/{number}",
    gives="PublicOrder",
    security=Security.TRACKING,
    capability=Capability.TRACK,
    refuses=("unknown", "busy"),
)
def get_order(asked: Asked, number: str) -> Response:
    """Return an order to whoever holds its tracking token."""
    desk, head = tracked(asked, number)
    order = reading.for_citizen(desk, head, language=asked.language, at=asked.at)
    return answer(order, headers=etag(head.order.version))


@routes.get(
    "/public/orders/{number}/files",
    gives="FileList",
    security=Security.TRACKING,
    capability=Capability.TRACK,
    refuses=("unknown", "busy"),
)
def get_files(asked: Asked, number: str) -> Response:
    """Return the photos that the reporter sent, each with a link for five minutes."""
    _, head = tracked(asked, number)
    rows = reading.file_rows(head.order.order_id, files=files(), at=asked.at)
    return answer({"items": [row for row in rows if row["kind"] == "citizen"]})


def _moves(move: str, takes: str, example: Mapping[str, Any]) -> Decorator:
    return routes.post(
        f"/public/orders/{{number}}/{move}",
        takes=takes,
        gives="PublicOrder",
        security=Security.TRACKING,
        capability=Capability.TRACK,
        example=example,
        refuses=REFUSES,
    )


@_moves("expedite", "Remark", {"note": "已经等了一个多小时"})
def expedite(asked: Asked, number: str) -> Response:
    """Urge (催办), once half of the promise has run."""
    return _move(asked, number, "expedite", note=asked.body().note)


@_moves("supplement", "Supplement", {"note": "电表箱在楼后"})
def supplement(asked: Asked, number: str) -> Response:
    """Add words or photos. No clock moves."""
    sent = asked.body()
    return _move(asked, number, "supplement", note=sent.note, files=sent.files)


@_moves("withdraw", "Remark", {"note": "已经来电了"})
def withdraw(asked: Asked, number: str) -> Response:
    """Take the report back before anybody is on site."""
    return _move(asked, number, "withdraw", note=asked.body().note)


@_moves("reopen", "Supplement", {"note": "还是没有电"})
def reopen(asked: Asked, number: str) -> Response:
    """Say that it is not solved."""
    sent = asked.body()
    done = _move(asked, number, "reopen", note=sent.note, files=sent.files)
    desk, head = tracked(asked, number)
    command = _command(asked, number, "reopen", {"note": sent.note})
    progressing.also_not_solved(desk, head.order, command, at=asked.at)
    return done


@_moves("add", "Remark", {"note": "今天又停了一次"})
def add(asked: Asked, number: str) -> Response:
    """Add words to the issue of the complaint ledger, after the order is filed too."""
    return _say(asked, number, "add")


@_moves("not-solved", "Remark", {"note": "电压还是低"})
def not_solved(asked: Asked, number: str) -> Response:
    """Say that the issue is not solved: it is handled again, however far it was."""
    return _say(asked, number, "not_solved")


def _say(asked: Asked, number: str, what: str) -> Response:
    """Say something about an order's issue and return the order as it then is."""
    desk, head = tracked(asked, number)
    progressing.say(desk, head.order, _command(asked, number, what, {"note": asked.body().note}))
    order = reading.for_citizen(desk, head, language=asked.language, at=asked.at)
    return answer(order, headers=etag(head.order.version))


@_moves("rate", "Rating", {"score": 5})
def rate(asked: Asked, number: str) -> Response:
    """Rate the work, one to five, once."""
    sent = asked.body()
    return _move(asked, number, "rate", note=sent.note, score=sent.score)


def _move(asked: Asked, number: str, move: str, **answers: Any) -> Response:
    """Make a move of the reporter's own and return the order as it then is."""
    desk, _ = tracked(asked, number)
    sent = answers.get("files", [])
    taken = attaching.take(files(), sent)
    head = tracking.act(desk, number, _command(asked, number, move, answers))
    attaching.bind(number, taken, kind="citizen", at=asked.at)
    order = reading.for_citizen(desk, head, language=asked.language, at=asked.at)
    return answer(order, headers=etag(head.order.version))


@routes.post(
    "/public/uploads",
    takes="NewUpload",
    gives="UploadForm",
    capability=Capability.UPLOAD,
    example={"content_type": "image/jpeg", "bytes": 240_000},
    refuses=("unknown", "too-large", "too-many", "busy"),
)
def post_upload(asked: Asked) -> Response:
    """Sign for one photo. With a number, the order's tracking token is needed too."""
    slow_down(asked, "upload", most=MOST_UPLOADS, minutes=MINUTES)
    sent = asked.body()
    desk: Desk = tracked(asked, sent.number)[0] if sent.number else desk_at(asked)
    return answer(upload_form(asked, sent, desk, caller=PUBLIC))


@routes.post(
    "/public/ratings",
    takes="CodedRating",
    gives="Done",
    example={"code": "K7M2Q9XWPT", "score": 5},
    refuses=("unknown", "gate-closed", "illegal-move", "too-many", "busy"),
)
def post_rating(asked: Asked) -> Response:
    """Rate by the code of a text. It can rate, and nothing else."""
    slow_down(asked, "rating", most=MOST_GUESSES, minutes=MINUTES)
    sent = asked.body()
    answers = {"score": sent.score, "note": sent.note}
    command = _command(asked, sent.code, "rate", answers)
    tracking.rate_by_code(desk_at(asked), sent.code, command)
    return answer({"ok": True})


def _command(asked: Asked, whose: str, move: str, answers: Mapping[str, Any]) -> Command:
    return Command(
        move=move,
        actor=CITIZEN,
        caller=f"citizen/{whose}",
        key=asked.key,
        salt=_salt(),
        at=asked.at,
        answers={name: value for name, value in answers.items() if value not in ("", [])},
    )


def _salt() -> bytes:
    return ambient.random_bytes(16)
