"""Who may do what (权限): role × capability × how the office stands to one's own. A table, no code.

Offices form one tree: province / city / county / station. An office's `path` is the tuple of ids
from the root to itself; ids never change, paths may. A person sees their own subtree: what lies
beside it answers exactly like what does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class OfficeLevel(StrEnum):
    """The four levels of offices (省、市、县、所)."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STATION = "station"


LEVELS: Final = tuple(OfficeLevel)


class Role(StrEnum):
    """The posts of a service desk. Chinese names: domain/words.py, `role.*`."""

    AGENT = "agent"
    DISPATCHER = "dispatcher"
    NETWORK_CONTROLLER = "network_controller"
    CREW = "crew"
    AREA_MANAGER = "area_manager"
    GRID_STAFF = "grid_staff"
    LIAISON = "liaison"
    RETURN_VISITOR = "return_visitor"
    CITY_HOST = "city_host"
    SUPERVISOR = "supervisor"
    PROVINCE_MONITOR = "province_monitor"
    DEPARTMENT = "department"
    DISCIPLINE = "discipline"
    LEADER = "leader"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Outsider(StrEnum):
    """Those who act on orders without being staff."""

    CITIZEN = "citizen"
    CHANNEL = "channel"
    SYSTEM = "system"


class Capability(StrEnum):
    """What an operation of the API asks for (`x-capability` in the OpenAPI)."""

    LOGIN = "login"
    INTAKE = "intake"
    TRACK = "track"
    ORDER_READ = "order.read"
    ORDER_LIST = "order.list"
    ORDER_MOVE = "order.move"
    ORDER_MERGE = "order.merge"
    CONTACT_REVEAL = "contact.reveal"
    UPLOAD = "upload"
    EXPORT = "export"
    CALL_LIST = "call.list"
    LEDGER_READ = "ledger.read"
    LEDGER_VERIFY = "ledger.verify"
    OUTAGE_CREATE = "outage.create"
    OUTAGE_UPDATE = "outage.update"
    OUTAGE_REPORT = "outage.report"
    GRID_IMPORT = "grid.import"
    GRID_READ = "grid.read"
    NEWS_UPDATE = "news.update"
    NOTICE_LIST = "notice.list"
    OFFICE_READ = "office.read"
    OFFICE_CREATE = "office.create"
    STAFF_READ = "staff.read"
    STAFF_CREATE = "staff.create"
    DUTY_UPDATE = "duty.update"
    KEY_CREATE = "key.create"
    WEBHOOK_CREATE = "webhook.create"
    LIMIT_READ = "limit.read"
    LIMIT_UPDATE = "limit.update"
    CALENDAR_UPDATE = "calendar.update"
    IMPORT = "import"
    MISCONDUCT_READ = "misconduct.read"
    ISSUE_LIST = "issue.list"
    ISSUE_READ = "issue.read"
    ISSUE_WORK = "issue.work"
    ISSUE_SIGN = "issue.sign"
    ISSUE_SUPERVISE = "issue.supervise"
    PAPER_READ = "paper.read"
    PAPER_WORK = "paper.work"
    RESOURCE_READ = "resource.read"
    RESOURCE_UPDATE = "resource.update"
    ASSURANCE_UPDATE = "assurance.update"


class Relation(StrEnum):
    """How an office stands to one's own."""

    OWN = "own"
    BELOW = "below"
    ABOVE = "above"
    SIBLING = "sibling"
    FOREIGN = "foreign"


def relation(mine: Sequence[str], theirs: Sequence[str]) -> Relation:
    """Return how the office at path `theirs` stands to the one at path `mine`."""
    own, other = tuple(mine), tuple(theirs)
    if own == other:
        return Relation.OWN
    if other[: len(own)] == own:
        return Relation.BELOW
    if own[: len(other)] == other:
        return Relation.ABOVE
    if len(own) == len(other) and own[:-1] == other[:-1]:
        return Relation.SIBLING
    return Relation.FOREIGN


_OWN: Final = frozenset({Relation.OWN})
_TREE: Final = frozenset({Relation.OWN, Relation.BELOW})
_UP: Final = frozenset({Relation.OWN, Relation.BELOW, Relation.ABOVE})

_C = Capability
_READ: Final = {_C.LOGIN: _OWN, _C.OFFICE_READ: _UP, _C.STAFF_READ: _TREE, _C.LIMIT_READ: _UP}
_ORDERS: Final = {
    _C.ORDER_READ: _TREE,
    _C.ORDER_LIST: _TREE,
    _C.NOTICE_LIST: _TREE,
    _C.RESOURCE_READ: _TREE,
    _C.GRID_READ: _TREE,
}
_PAPERS: Final = {_C.PAPER_READ: _TREE}
_ISSUES: Final = {_C.ISSUE_LIST: _TREE, _C.ISSUE_READ: _TREE}
_WORK: Final = {
    **_READ,
    **_ORDERS,
    **_PAPERS,
    **_ISSUES,
    _C.ORDER_MOVE: _TREE,
    _C.UPLOAD: _TREE,
    _C.ISSUE_WORK: _TREE,
    _C.PAPER_WORK: _TREE,
}
_OVERSEE: Final = {
    **_WORK,
    _C.LEDGER_READ: _TREE,
    _C.EXPORT: _TREE,
    _C.CONTACT_REVEAL: _TREE,
    _C.ISSUE_SIGN: _TREE,
    _C.ISSUE_SUPERVISE: _TREE,
}

_COMMAND: Final = {_C.RESOURCE_UPDATE: _TREE, _C.ASSURANCE_UPDATE: _TREE}

MATRIX: Final[Mapping[Role, Mapping[Capability, frozenset[Relation]]]] = MappingProxyType(
    {
        Role.AGENT: {
            **_WORK,
            _C.INTAKE: _TREE,
            _C.CONTACT_REVEAL: _TREE,
            _C.CALL_LIST: _TREE,
        },
        Role.DISPATCHER: {
            **_WORK,
            _C.INTAKE: _TREE,
            _C.ORDER_MERGE: _TREE,
            _C.CONTACT_REVEAL: _TREE,
            _C.CALL_LIST: _TREE,
            _C.LEDGER_READ: _TREE,
            _C.OUTAGE_CREATE: _TREE,
            _C.OUTAGE_UPDATE: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.NEWS_UPDATE: _TREE,
            **_COMMAND,
        },
        Role.NETWORK_CONTROLLER: {
            **_WORK,
            _C.OUTAGE_CREATE: _TREE,
            _C.OUTAGE_UPDATE: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.LEDGER_READ: _TREE,
            **_COMMAND,
        },
        Role.CREW: {
            **_WORK,
            _C.CONTACT_REVEAL: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.ASSURANCE_UPDATE: _TREE,
        },
        Role.AREA_MANAGER: {
            **_WORK,
            _C.CONTACT_REVEAL: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.ASSURANCE_UPDATE: _TREE,
        },
        Role.GRID_STAFF: {
            **_WORK,
            _C.CONTACT_REVEAL: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.ASSURANCE_UPDATE: _TREE,
        },
        Role.LIAISON: {**_WORK, _C.CONTACT_REVEAL: _TREE, _C.ASSURANCE_UPDATE: _TREE},
        Role.RETURN_VISITOR: {**_WORK, _C.CONTACT_REVEAL: _TREE, _C.CALL_LIST: _TREE},
        Role.CITY_HOST: {
            **_OVERSEE,
            _C.INTAKE: _TREE,
            _C.ORDER_MERGE: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            **_COMMAND,
        },
        Role.SUPERVISOR: {
            **_OVERSEE,
            _C.ORDER_MERGE: _TREE,
            _C.CALL_LIST: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.NEWS_UPDATE: _TREE,
            **_COMMAND,
        },
        Role.PROVINCE_MONITOR: _OVERSEE,
        Role.DEPARTMENT: {**_OVERSEE, _C.OUTAGE_REPORT: _TREE, _C.NEWS_UPDATE: _TREE, **_COMMAND},
        Role.DISCIPLINE: {**_OVERSEE, _C.MISCONDUCT_READ: _TREE},
        Role.LEADER: {
            **_OVERSEE,
            _C.LEDGER_VERIFY: _TREE,
            _C.OUTAGE_REPORT: _TREE,
            _C.RESOURCE_UPDATE: _TREE,
        },
        Role.ADMIN: {
            **_READ,
            _C.OFFICE_CREATE: _TREE,
            _C.STAFF_CREATE: _TREE,
            _C.DUTY_UPDATE: _TREE,
            _C.KEY_CREATE: _TREE,
            _C.WEBHOOK_CREATE: _TREE,
            _C.LIMIT_UPDATE: _TREE,
            _C.CALENDAR_UPDATE: _TREE,
            _C.IMPORT: _TREE,
            _C.GRID_IMPORT: _TREE,
            _C.GRID_READ: _TREE,
            _C.LEDGER_VERIFY: _TREE,
        },
        Role.AUDITOR: {
            **_READ,
            **_ORDERS,
            **_PAPERS,
            **_ISSUES,
            _C.LEDGER_READ: _TREE,
            _C.LEDGER_VERIFY: _TREE,
            _C.EXPORT: _TREE,
            _C.MISCONDUCT_READ: _TREE,
        },
    }
)
"""The permission table, served at /api/v1/meta/permissions and obeyed by api/access.py.

An admin keeps the desk but works no orders; an auditor reads everything and changes nothing; a
report of misconduct (举报) is seen by the discipline role and the auditor only (S1.26)."""


@dataclass(frozen=True, slots=True)
class Office:
    """One office. `path` is the ids from the root to itself; `terrain` the default of its area."""

    office_id: str
    name: str
    level: OfficeLevel
    path: tuple[str, ...]
    terrain: str = "rural"
    phone: str = ""
    hours: str = ""
    active: bool = True

    @property
    def county(self) -> str:
        """The id of the county whose desk watches this office; an upper office watches its own."""
        index = LEVELS.index(OfficeLevel.COUNTY)
        return self.path[index] if len(self.path) > index else self.office_id

    @property
    def upwards(self) -> tuple[str, ...]:
        """The ids from this office up to the root."""
        return tuple(reversed(self.path))


@dataclass(frozen=True, slots=True)
class Staff:
    """One person on the staff, as our own table knows them (never as a token claims).

    root: the first administrator, who stands above all offices while there is none; anybody else
    without an office may nothing.
    """

    staff_id: str
    name: str
    role: Role
    office_id: str
    path: tuple[str, ...]
    active: bool = True
    root: bool = False

    def __repr__(self) -> str:
        return f"Staff({self.staff_id}, {self.role.value}, {self.office_id})"


def may(staff: Staff, capability: Capability, path: Sequence[str]) -> bool:
    """Return whether `staff` may use `capability` on something of the office at `path`."""
    if not staff.active or not (staff.path or staff.root):
        return False  # an empty path would stand above every office
    allowed = MATRIX[staff.role].get(capability, frozenset())
    return relation(staff.path, path) in allowed
