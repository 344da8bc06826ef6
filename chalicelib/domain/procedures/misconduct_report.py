"""举报: misconduct, theft, breach, damage. Seen by the discipline role; may be anonymous."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.procedure import ANY, Form, Move, Need, Procedure
from chalicelib.domain.staff import Role

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.RETURN_VISIT, m.FINAL_RULING)
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
    ledger=(ANY,),
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
        m.dispatch_clock("misconduct_report"),
        m.contact_clock("misconduct_report"),
        m.promise_clock("misconduct_report.reply"),
        m.visit_clock("misconduct_report", when=m.IF_NAMED),
    ),
)
