"""Somebody of the staff takes a report in for a citizen (代受理), and may send it out at once."""

from chalicelib.domain.refusal import NotAllowed
from chalicelib.domain.staff import Relation, relation
from chalicelib.store.orders import Head
from chalicelib.usecases import handling, reporting
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report

DISPATCH = "dispatch"


def take_in(desk: Desk, sent: Report, command: Command) -> Head:
    """File a report and, where the command names an office, dispatch it. Both under one key.

    Whom it goes to is checked before anything is filed, so a report that is refused leaves nothing.
    Raises what `reporting.report` and `handling.move` raise.
    """
    if command.answers:
        _check(desk, sent, command)
    filed = reporting.report(
        desk,
        sent,
        actor=command.actor,
        caller=command.caller,
        key=command.key,
        salt=command.salt,
        at=command.at,
    )
    if not command.answers:
        return filed.head
    return handling.move(desk, filed.head.order.order_id, command)


def _check(desk: Desk, sent: Report, command: Command) -> None:
    by = command.actor
    move = desk.procedure(sent.kind).moves[DISPATCH]
    if by.role not in move.who:
        raise NotAllowed(move=DISPATCH, role=by.role)
    county = desk.office(reporting.office_of(desk, sent, at=command.at)).county
    mine = desk.path(by.office_id)
    if not mine or relation(mine, desk.path(county)) not in {Relation.OWN, Relation.BELOW}:
        raise NotAllowed(move=DISPATCH)  # it is filed at another desk, which sends it out itself
    handling.check_targets(desk, county, move, command.answers, by=by)
