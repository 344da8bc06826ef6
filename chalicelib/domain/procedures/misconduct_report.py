"""举报: misconduct, theft, breach, damage. Seen by the discipline role; may be anonymous."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.clocks import QUIET_LADDER
from chalicelib.domain.procedure import ClockRule, Form, Move, Need, Procedure
from chalicelib.domain.staff import Role

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = (
    m.ACCEPTED,
    m.DISPATCHED,
    *WORKS,
    m.REPLIED,
    m.RETURN_VISIT,
    m.FINAL_RULING,
    m.ARCHIVED,
    m.WITHDRAWN,
    m.TERMINATED,
)
THEMES: Final = ("conduct", "power_theft", "contract_breach", "damage_to_equipment")
INVESTIGATORS: Final = m.HANDLERS | {Role.DISCIPLINE}


def _with_discipline(moves: Mapping[str, Move]) -> Mapping[str, Move]:
    """Let the discipline role make whatever staff make: nobody else who works sees it (S1.26)."""
    staff = frozenset(Role)
    return MappingProxyType(
        {
            name: replace(move, who=move.who | {Role.DISCIPLINE}) if move.who & staff else move
            for name, move in moves.items()
        }
    )


PROCEDURE: Final = Procedure(
    kind="misconduct_report",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    confidential=True,
    intake=(
        Need("theme", Form.CHOICE, choices=THEMES),
        Need("description", Form.TEXT, longest=2000),
    ),
    moves=_with_discipline(
        m.table(
            STAGES,
            m.line(works=WORKS, who=INVESTIGATORS),
            m.contact(works=WORKS, who=INVESTIGATORS),
            m.reply(
                works=WORKS,
                needs=(
                    Need("verdict", Form.CHOICE, choices=("upheld", "partly_upheld", "not_upheld")),
                ),
                who=INVESTIGATORS,
            ),
            m.reviewing(works=m.IN_PROGRESS, to=m.RETURN_VISIT),
            m.visiting(),
            m.side(works=WORKS, visits=True),
        )
    ),
    clocks=(
        ClockRule(
            "dispatch",
            "misconduct_report.dispatch",
            starts=m.BEGINS,
            stops=m.DISPATCHES,
            runs_on=frozenset({"reject"}),
            pausable=False,
        ),
        ClockRule(
            "contact",
            "misconduct_report.contact",
            starts=m.BEGINS,
            stops=frozenset({"contact"}),
            when={"anonymous": (None, False)},
        ),
        ClockRule(
            "promise",
            "misconduct_report.reply",
            starts=m.BEGINS,
            stops=m.REPLIES,
            runs_on=m.REWORK,
            promise=True,
        ),
        ClockRule(
            "return_visit",
            "misconduct_report.return_visit",
            starts=m.REPLIES,
            stops=m.VISITED | m.REWORK,
            pausable=False,
            ladder=QUIET_LADDER,
            when={"anonymous": (None, False)},
        ),
    ),
)
