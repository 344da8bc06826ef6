"""What the staff ask about issues: the ledger, the board, one issue and its moves, the table.

Seen like orders: of one's own office and those below. What is foreign, and what is confidential to
who may not read misconduct, answers like what is not there.
"""

from http import HTTPStatus
from typing import Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import OnDesk, desk_at, staff
from chalicelib.api.asking import Asked
from chalicelib.api.desk import CSV, MEDIA, XLSX, naming
from chalicelib.api.ports import files, upload_form
from chalicelib.api.routes import Routes, Security, answer, download, etag
from chalicelib.domain.issue import aggregate
from chalicelib.domain.order import is_order_number
from chalicelib.domain.refusal import BadInput, NotAllowed, Unknown
from chalicelib.domain.staff import Capability, OfficeLevel
from chalicelib.store import issues as kept
from chalicelib.store.issues import VIEWS, Head
from chalicelib.usecases import answering, attaching, clearing, overseeing, revealing
from chalicelib.usecases.desk import actor_of

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "issue_models"
REFUSES: Final = ("unknown", "illegal-move", "gate-closed", "key-reused", "stale", "busy")
LISTED: Final = frozenset({OfficeLevel.PROVINCE, OfficeLevel.CITY, OfficeLevel.COUNTY})
VIEW: Final = asking.choice("view", VIEWS, default="open")
OFFICE: Final = asking.code("office", about="One's own, or one below; one's own if left out.")
SECRET: Final = asking.flag("misconduct", about="Reports of misconduct, which lie apart.")


def seen(on: OnDesk, issue_id: str, capability: Capability = Capability.ISSUE_READ) -> Head:
    """Return an issue that is theirs to see, once they may do this to what they see.

    Raises Unknown for all others, and NotAllowed.
    """
    if not is_order_number(issue_id):
        raise Unknown(what="issue")
    head = kept.get(issue_id)
    if not overseeing.may(on, head.issue, Capability.ISSUE_READ):
        raise Unknown(what="issue")
    if not overseeing.may(on, head.issue, capability):
        raise NotAllowed(capability=capability.value)
    return head


def _office(on: OnDesk, asked_for: str, *, whole: bool = False) -> str:
    """Return whose ledger is meant: an office of three levels. Raises Unknown.

    A station has no lines of its own: it finds what is its own among its county's. whole: what is
    asked for is of all of the office, which a station may not know of its county.
    """
    office = on.desk.snapshot.offices.get(asked_for or on.staff.office_id)
    if office is None or not on.reaches(Capability.ISSUE_LIST, office.office_id):
        raise Unknown(what="office")
    listed = office.office_id if office.level in LISTED else office.county
    if whole and not on.reaches(Capability.ISSUE_LIST, listed):
        raise Unknown(what="office")
    return listed


def _secret(on: OnDesk, asked: Asked, office: str) -> bool:
    """Return whether the lines that lie apart are meant. Raises NotAllowed."""
    if not asked.query["misconduct"]:
        return False
    if not on.reaches(Capability.MISCONDUCT_READ, office):
        raise NotAllowed(capability=Capability.MISCONDUCT_READ.value)
    return True


@routes.get(
    "/issues",
    gives=f"{MODELS}:IssueRows",
    capability=Capability.ISSUE_LIST,
    params=(VIEW, OFFICE, SECRET, *asking.page(default=20)),
    refuses=("unknown", "busy"),
)
def list_issues(asked: Asked) -> Response:
    """Return a page of a view of an office's ledger, and how many stand in each view."""
    on, asks = staff(asked, Capability.ISSUE_LIST), asked.query
    office = _office(on, asks["office"])
    after = asked.opened(on.desk.secret, on.caller)
    body, after = overseeing.listed(
        on,
        office,
        asks["view"],
        confidential=_secret(on, asked, office),
        language=asked.language,
        limit=asks["limit"],
        after=after,
    )
    return answer({**body, "cursor": asked.sealed(on.desk.secret, on.caller, after)})


@routes.get(
    "/issues/board",
    gives=f"{MODELS}:IssueBoard",
    capability=Capability.ISSUE_LIST,
    params=(OFFICE, SECRET),
    refuses=("unknown", "busy"),
)
def get_issue_board(asked: Asked) -> Response:
    """Return the supervision board: the offices right below, the office itself, its rates."""
    on = staff(asked, Capability.ISSUE_LIST)
    office = _office(on, asked.query["office"], whole=True)
    secret = _secret(on, asked, office)
    return answer(overseeing.board(on.desk, office, confidential=secret, at=asked.at))


@routes.get(
    "/issues/export",
    capability=Capability.EXPORT,
    media=f"{CSV}, {XLSX}",
    params=(asking.choice("format", ("csv", "xlsx"), default="csv"), VIEW, OFFICE, SECRET),
    refuses=("unknown", "busy"),
)
def export_issues(asked: Asked) -> Response:
    """Return a view of the ledger as a table; on record. For XLSX send its Accept."""
    on, asks = staff(asked, Capability.EXPORT), asked.query
    office = _office(on, asks["office"])
    form = asks["format"]
    if form == "xlsx":
        asked.takes_back(XLSX)
    content, rows = overseeing.export(
        on,
        office,
        asks["view"],
        confidential=_secret(on, asked, office),
        form=form,
        language=asked.language,
    )
    body = content if form == "xlsx" else content.decode()
    return download(body, media=MEDIA[form], name=f"issues.{form}", rows=rows)


@routes.post(
    "/issues",
    takes=f"{MODELS}:NewIssue",
    gives=f"{MODELS}:IssuePage",
    status=201,
    capability=Capability.ISSUE_WORK,
    example={"source": "public_opinion", "office": "qinghe", "note": "网帖反映电压低"},
    refuses=("key-reused", "busy"),
)
def create_issue(asked: Asked) -> Response:
    """Open an issue by hand: a supervisor's, a post, a case of a hotline."""
    on, sent = staff(asked, Capability.ISSUE_WORK), asked.body()
    if not on.reaches(Capability.ISSUE_WORK, sent.office):
        raise BadInput.of("office", "office.unknown")
    if sent.confidential and not on.reaches(Capability.MISCONDUCT_READ, sent.office):
        raise NotAllowed(capability=Capability.MISCONDUCT_READ.value)
    command = on.command(asked, "create", {}, occurred_at=sent.occurred_at)
    with naming(on.desk):
        head = clearing.create(on.desk, sent.new(), command, sees=on.sees)
    return _page(asked, on, head, status=HTTPStatus.CREATED)


@routes.get(
    "/issues/{issue}",
    gives=f"{MODELS}:IssuePage",
    capability=Capability.ISSUE_READ,
    refuses=("unknown", "busy"),
)
def read_issue(asked: Asked, issue: str) -> Response:
    """Return an issue with its gates, clocks, orders, history, signatures and moves."""
    on = staff(asked, Capability.ISSUE_READ)
    return _page(asked, on, seen(on, issue))


@routes.post(
    "/issues/{issue}/uploads",
    takes="NewUpload",
    gives="UploadForm",
    capability=Capability.UPLOAD,
    example={"content_type": "image/jpeg", "bytes": 240_000},
    refuses=("unknown", "too-large"),
)
def sign_issue_upload(asked: Asked, issue: str) -> Response:
    """Sign for one file of an issue's evidence: a photo, a film or a paper."""
    on, sent = staff(asked, Capability.UPLOAD), asked.body()
    seen(on, issue, Capability.ISSUE_WORK)
    return answer(upload_form(asked, sent, on.desk, caller=on.caller, documents=True))


@routes.post(
    "/issues/{issue}/moves/{move}",
    takes=f"{MODELS}:IssueMoveIn",
    gives=f"{MODELS}:IssuePage",
    matched=True,
    capability=Capability.ISSUE_READ,
    example={"note": "已核实"},
    refuses=REFUSES,
)
def move_issue(asked: Asked, issue: str, move: str) -> Response:
    """Make a move. Its needs are the fields of the body, as the issue's page lists them."""
    on, sent = staff(asked, Capability.ISSUE_READ), asked.body()
    head = seen(on, issue, clearing.right_for(move))
    answers = sent.answers
    uploads = attaching.named_in(answers)
    command = on.command(asked, move, answers, occurred_at=sent.occurred_at)
    taken = attaching.take(files(), uploads, documents=True)
    with naming(on.desk):
        moved = clearing.move(on.desk, head.issue.issue_id, command, sees=on.sees)
    attaching.bind(aggregate(head.issue.issue_id), taken, kind="staff", at=asked.at)
    return _page(asked, on, moved)


def _page(asked: Asked, on: OnDesk, head: Head, *, status: int = HTTPStatus.OK) -> Response:
    body = overseeing.page(
        on,
        head,
        files=files(),
        actor_level=clearing.level_of(on.desk, on.staff.office_id),
        language=asked.language,
    )
    return answer(body, status=status, headers=etag(head.issue.version))


# A hotline is answered, and a person is looked at ----------------------------------------------

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@routes.get(
    "/issues/{issue}/proof",
    gives=f"{MODELS}:IssueProof",
    capability=Capability.ISSUE_READ,
    refuses=("unknown", "busy"),
)
def get_issue_proof(asked: Asked, issue: str) -> Response:
    """Return our own orders about an issue with what was done when: that we were asked first."""
    on = staff(asked, Capability.ISSUE_READ)
    head = seen(on, issue)
    return answer({"items": answering.proof(head.issue, language=asked.language)})


@routes.get(
    "/issues/{issue}/letter",
    capability=Capability.ISSUE_WORK,
    media=DOCX,
    refuses=("unknown", "busy"),
)
def get_issue_letter(asked: Asked, issue: str) -> Response:
    """Return a draft of the reply to the hotline, as a document; on record. Send its Accept."""
    on = staff(asked, Capability.ISSUE_WORK)
    head = seen(on, issue, Capability.ISSUE_WORK)
    asked.takes_back(DOCX)
    by = actor_of(on.staff)
    data = {"issue": head.issue.issue_id, "letter": True}
    revealing.record(revealing.EXPORTED, head.issue.county, data, by=by, at=asked.at)
    content = answering.letter(on.desk, head.issue, at=asked.at)
    return download(content, media=DOCX, name=f"reply-{head.issue.issue_id}.docx", rows=1)


@routes.post(
    "/issues/{issue}/reveal",
    takes=f"{MODELS}:IssueReveal",
    gives="Revealed",
    capability=Capability.CONTACT_REVEAL,
    example={"order": "5820016339042275", "reason": "约定上门时间"},
    refuses=("unknown", "busy"),
)
def reveal_issue_contact(asked: Asked, issue: str) -> Response:
    """Return in full who reported one of its orders. Who looked, when and why goes on record."""
    on, sent = staff(asked, Capability.CONTACT_REVEAL), asked.body()
    head = seen(on, issue)
    if sent.order not in head.issue.orders:
        raise BadInput.of("order", "issue.order_not_linked")
    order = on.order(sent.order, Capability.CONTACT_REVEAL)
    by = actor_of(on.staff)
    found = revealing.reveal(
        order, reason=sent.reason, by=by, at=asked.at, issue=head.issue.issue_id
    )
    return answer(found)


# The tables as data -----------------------------------------------------------------------------

about = Routes("chalicelib.api.meta", security=Security.OPEN)


@about.get(
    "/meta/issues",
    gives=f"{MODELS}:IssueTables",
    params=(asking.code("office", about="Whose checklists; as shipped if left out."),),
    refuses=("unknown",),
)
def get_issue_tables(asked: Asked) -> Response:
    """Return what the ledger goes by: commands, gates, levels, checklists, clocks."""
    tables = overseeing.tables(desk_at(asked), asked.query["office"], asked.language, at=asked.at)
    return answer(tables, headers={"Cache-Control": "public, max-age=300"})
