"""What the desk asks about papers (文书): the lists, one paper and its moves, the tables.

Seen like orders: of one's own office and those below. What concerns misconduct is seen by those
alone who may read that; entries of accountability by who watches over others, and by whom they
concern. What was published is read by everybody below the office that published it.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import OnDesk, desk_at, staff
from chalicelib.api.asking import Asked
from chalicelib.api.desk import naming
from chalicelib.api.ports import files, upload_form
from chalicelib.api.routes import Routes, Security, answer, etag
from chalicelib.domain.issue import Issue
from chalicelib.domain.paper import AUDITORS, is_paper
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.refusal import BadInput, NotAllowed, Unknown
from chalicelib.domain.staff import Capability, Relation, Role, relation
from chalicelib.store import papers as kept
from chalicelib.store.desk_rows import Page
from chalicelib.store.papers import Head, Line
from chalicelib.usecases import attaching, paper_figures, paper_pages, papers
from chalicelib.usecases.papers import About
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "paper_models"
REFUSES: Final = ("unknown", "illegal-move", "gate-closed", "key-reused", "stale", "busy")
READS: Final = Capability.PAPER_READ
WORKS: Final = Capability.PAPER_WORK
SHUT: Final = frozenset({"accountability"})
"""Kinds that are not for everybody: who is accountable is nobody's talk."""
INSIDERS: Final = AUDITORS | {Role.AUDITOR}
A_PAPER: Final = {
    "kind": "complaint_risk_warning",
    "office": "C-QINGHE",
    "rule": "by_person",
    "note": "东山线一周内三户反映电压低",
}


# Whose ------------------------------------------------------------------------------------------


def knows_kind(on: OnDesk, kind: str) -> bool:
    """Return whether papers of a kind are for their role at all."""
    return kind not in SHUT or on.staff.role in INSIDERS


def seen(on: OnDesk, paper_id: str, capability: Capability = READS) -> Head:
    """Return a paper that is theirs to see, once they may do this to what they see.

    Raises Unknown for all others, and NotAllowed.
    """
    head = kept.get(paper_id[:40]) if not is_paper(paper_id) else None
    if head is None or not _sees(on, head):
        raise Unknown(what="paper")
    if capability is not READS and not on.reaches(capability, head.paper.office):
        raise NotAllowed(capability=capability.value)
    return head


def _sees(on: OnDesk, head: Head) -> bool:
    paper = head.paper
    secret = paper.facts.get("confidential") is True
    if secret and not on.reaches(Capability.MISCONDUCT_READ, paper.office):
        return False
    if paper.stage == kept.PUBLISHED and _is_below(on, paper.office):
        return True
    mine = paper.facts.get("person") == on.staff.staff_id
    return on.reaches(READS, paper.office) and (knows_kind(on, paper.kind) or mine)


def _is_below(on: OnDesk, office: str) -> bool:
    near = {Relation.OWN, Relation.ABOVE}
    return relation(on.staff.path, on.desk.path(office)) in near and bool(on.staff.path)


def _reads(on: OnDesk, line: Line) -> bool:
    """Return whether another paper of the same issue is theirs to see."""
    office = str(line.row["office"])
    return on.reaches(READS, office) and knows_kind(on, str(line.row["kind"]))


# Lists ------------------------------------------------------------------------------------------


@routes.get(
    "/papers",
    gives=f"{MODELS}:PaperRows",
    capability=READS,
    params=(
        asking.choice("kind", tuple(sorted(PAPERS))),
        asking.choice("state", kept.STATES, default=kept.OPEN),
        asking.code("office", about="An office of one's own tree; one's own, where none is named."),
        *asking.page(),
    ),
    refuses=("unknown", "busy"),
)
def list_papers(asked: Asked) -> Response:
    """Return an office's papers: open by what is due next, the others the latest first.

    `published` lists what one's own office and those above it have published.
    """
    on, asks = staff(asked, READS), asked.query
    office = asks["office"] or on.staff.office_id
    if not on.reaches(READS, office):
        raise Unknown(what="office")
    after = asked.opened(on.desk.secret, on.caller)
    kinds = [asks["kind"]] if asks["kind"] else sorted(PAPERS)
    kinds = [kind for kind in kinds if knows_kind(on, kind)]
    page = _page(on, office, asks["state"], kinds, limit=asks["limit"], after=after)
    body = {
        "items": [
            paper_pages.row(on.desk, line, language=asked.language, at=asked.at)
            for line in page.items
        ],
        "cursor": asked.sealed(on.desk.secret, on.caller, page.after),
        "as_of": stamp(asked.at),
    }
    return answer(body)


def _page(
    on: OnDesk, office: str, state: str, kinds: list[str], *, limit: int, after: str | None
) -> Page[Line]:
    """Return a page of the lists that are theirs: one partition a kind and office, merged."""
    found: list[Line] = []
    more = False
    for each, secret in _lists(on, office, state):
        part = kept.listed(each, state, kinds=kinds, limit=limit, after=after, confidential=secret)
        found += part.items
        more = more or part.after is not None
    found.sort(key=lambda line: line.place)
    shown = found[:limit]
    more = more or len(found) > limit
    return Page(tuple(shown), shown[-1].place if more and shown else None)


def _lists(on: OnDesk, office: str, state: str) -> Iterator[tuple[str, bool]]:
    offices = on.desk.path(office) if state == kept.PUBLISHED else (office,)
    for each in offices:
        yield each, False
    if state != kept.PUBLISHED and on.reaches(Capability.MISCONDUCT_READ, office):
        yield office, True


@routes.get(
    "/papers/figures",
    gives=f"{MODELS}:PaperFigures",
    capability=READS,
    params=(asking.code("office"), asking.text("month", longest=7, about="Such as 2026-11.")),
    refuses=("unknown", "busy"),
)
def get_paper_figures(asked: Asked) -> Response:
    """Return a month's figures of an office: appeals upheld beside those submitted, complaints."""
    on, asks = staff(asked, READS), asked.query
    office = asks["office"] or on.staff.office_id
    if not on.reaches(READS, office):
        raise Unknown(what="office")
    month, figures = paper_figures.of_month(on.desk, office, asks["month"], at=asked.at)
    body = {
        "office": office,
        "office_name": on.desk.office(office).name,
        "month": month,
        "figures": [paper_pages.figure_row(each, language=asked.language) for each in figures],
    }
    return answer(body)


# One paper --------------------------------------------------------------------------------------


@routes.post(
    "/papers",
    takes=f"{MODELS}:NewPaper",
    gives=f"{MODELS}:PaperPage",
    status=201,
    capability=WORKS,
    example=A_PAPER,
    refuses=("gate-closed", "key-reused", "stale", "busy"),
)
def open_paper(asked: Asked) -> Response:
    """Open a paper. What its kind asks for are fields of the body; see /meta/papers."""
    on, sent = staff(asked, WORKS), asked.body()
    answers = sent.answers
    concerns = papers.about(answers)
    _check_theirs(on, concerns)
    new = sent.new
    if new.office and not on.reaches(WORKS, new.office):
        raise BadInput.of("office", "office.unknown")
    with naming(on.desk):
        head = papers.open_paper(on.desk, new, concerns, on.command(asked, "open", answers))
    return _shown(asked, on, head, status=HTTPStatus.CREATED)


def _check_theirs(on: OnDesk, concerns: About) -> None:
    """Refuse an issue or an order that is not theirs to see like one that is not there."""
    if concerns.issue is not None and not sees_issue(on, concerns.issue):
        raise BadInput.of("issue", "issue.unknown")
    if concerns.order is not None and not on.sees(concerns.order):
        raise BadInput.of("order", "order.unknown")


def sees_issue(on: OnDesk, issue: Issue) -> bool:
    """Return whether an issue is theirs to write a paper about."""
    offices = (issue.office, issue.county)
    if issue.confidential and not on.reaches(Capability.MISCONDUCT_READ, *offices):
        return False
    return on.reaches(WORKS, *offices)


@routes.get(
    "/papers/{paper}", gives=f"{MODELS}:PaperPage", capability=READS, refuses=("unknown", "busy")
)
def read_paper(asked: Asked, paper: str) -> Response:
    """Return a paper with its history, clocks, words, files and moves."""
    on = staff(asked, READS)
    return _shown(asked, on, seen(on, paper))


@routes.post(
    "/papers/{paper}/moves/{move}",
    takes=f"{MODELS}:PaperMoveIn",
    gives=f"{MODELS}:PaperPage",
    matched=True,
    capability=WORKS,
    example={"note": "同意"},
    refuses=REFUSES,
)
def move_paper(asked: Asked, paper: str, move: str) -> Response:
    """Make a move. Its needs are the fields of the body, as the paper's page lists them."""
    on, sent = staff(asked, WORKS), asked.body()
    head = seen(on, paper, WORKS)
    answers = sent.answers
    photos = attaching.named_in(answers)
    taken = attaching.take(files(), photos, documents=True)
    command = on.command(asked, move, answers, occurred_at=sent.occurred_at)
    with naming(on.desk):
        moved = papers.move(on.desk, head.paper_id, command)
    attaching.bind(moved.paper.order_id, taken, kind="staff", at=asked.at)
    return _shown(asked, on, moved)


@routes.post(
    "/papers/{paper}/uploads",
    takes="NewUpload",
    gives="UploadForm",
    capability=Capability.UPLOAD,
    example={"content_type": "image/jpeg", "bytes": 240_000},
    refuses=("unknown", "too-large"),
)
def upload_for_paper(asked: Asked, paper: str) -> Response:
    """Sign for one photo, film or document; name its id in the move that it belongs to."""
    on, sent = staff(asked, Capability.UPLOAD), asked.body()
    seen(on, paper, Capability.UPLOAD)
    return answer(upload_form(asked, sent, on.desk, caller=on.caller, documents=True))


@routes.get(
    "/meta/papers", gives=f"{MODELS}:PaperTables", security=Security.OPEN, refuses=("busy",)
)
def get_paper_tables(asked: Asked) -> Response:
    """Return every table of papers as data: procedures, behaviours, rules, levels, with sources."""
    return answer(paper_pages.meta(desk_at(asked), language=asked.language, at=asked.at))


def _shown(asked: Asked, on: OnDesk, head: Head, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = paper_pages.page(
        on.desk,
        head,
        on.staff,
        may_work=on.reaches(WORKS, head.paper.office),
        reads=lambda line: _reads(on, line),
        files=files(),
        language=asked.language,
        at=asked.at,
    )
    return answer(body, status=status, headers=etag(head.paper.version))
