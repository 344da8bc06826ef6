"""Who is asking, and what is theirs to see: the only place that decides it.

Staff come with the issuer's access token; role and office are read from our own table, never from
the token, so a change bites within a minute. Integrators come with a key, citizens with an order's
tracking token. What is foreign, what is confidential and what does not exist answer alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib import ambient
from chalicelib.api.asking import Asked
from chalicelib.domain.order import Actor, Order, is_order_number
from chalicelib.domain.refusal import NotAllowed, NotSignedIn, TooMany, Unknown
from chalicelib.domain.staff import Capability, Outsider, Relation, Role, Staff, may, relation
from chalicelib.outbound.keys import issuer_from
from chalicelib.store import orders, registry
from chalicelib.store.orders import Head
from chalicelib.store.registry import ApiKey
from chalicelib.usecases import relaying, tracking
from chalicelib.usecases.desk import Desk, actor_of, open_desk
from chalicelib.usecases.handling import Command

SCHEME: Final = "bearer"
KEY_PREFIX: Final = "lk_"
_TRACKING: Final = re.compile(r"[A-Za-z0-9_-]{22}\Z")


def desk_at(asked: Asked) -> Desk:
    """Return the desk as it stands at the instant of a request."""
    settings = ambient.settings()
    return open_desk(secret=settings.secret, ruleset=settings.ruleset, at=asked.at)


# Staff ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnDesk:
    """One of the staff at work: who, the desk that they see, and when they asked."""

    staff: Staff
    desk: Desk
    at: datetime

    @property
    def caller(self) -> str:
        """To whom keys and cursors are bound."""
        return f"staff/{self.staff.staff_id}"

    def allow(self, capability: Capability, office_id: str = "") -> None:
        """Refuse what the role may not do at an office; at their own, where none is named.

        Raises NotAllowed.
        """
        path = self.desk.path(office_id) if office_id else self.staff.path
        if not may(self.staff, capability, path):
            raise NotAllowed(capability=capability.value)

    def sees(self, order: Order, capability: Capability = Capability.ORDER_READ) -> bool:
        """Return whether an order is theirs: that of its office, or that of its county's desk.

        A confidential kind (举报) is seen by those alone who may read misconduct (S1.26).
        """
        places = (order.office, order.county)
        return self.reaches(capability, *places) and self.knows(order.kind, *places)

    def knows(self, kind: str, *office_ids: str) -> bool:
        """Return whether they may know that there are orders of a kind at one of these offices."""
        procedure = self.desk.procedures.get(kind)
        if procedure is not None and not procedure.confidential:
            return True
        return self.reaches(Capability.MISCONDUCT_READ, *office_ids)

    def reaches(self, capability: Capability, *office_ids: str) -> bool:
        """Return whether they may do this at one of these offices."""
        return any(may(self.staff, capability, self.desk.path(each)) for each in office_ids)

    def order(self, number: str, capability: Capability = Capability.ORDER_READ) -> Head:
        """Return an order that is theirs to see, once they may do this to what they see.

        Raises Unknown for all others, and NotAllowed.
        """
        if not is_order_number(number):
            raise Unknown(what="order")
        head = orders.get(number)
        if not self.sees(head.order):
            raise Unknown(what="order")
        if not self.sees(head.order, capability):
            raise NotAllowed(capability=capability.value)
        return head

    def to_verify(self, number: str) -> Head:
        """Return an order whose chain they may verify, even where they work no orders themselves.

        Raises Unknown.
        """
        if not is_order_number(number):
            raise Unknown(what="order")
        head = orders.get(number)
        if not self.sees(head.order, Capability.LEDGER_VERIFY):
            raise Unknown(what="order")
        return head

    def may_move(self, order: Order, capability: Capability = Capability.ORDER_MOVE) -> bool:
        """Return whether they may change an order: measured by the office that has it now."""
        return may(self.staff, capability, self.desk.path(order.office))

    def to_move(self, number: str, capability: Capability = Capability.ORDER_MOVE) -> Head:
        """Return an order that they may change. Raises Unknown, NotAllowed."""
        head = self.order(number)
        if not self.may_move(head.order, capability):
            raise NotAllowed(capability=capability.value)
        return head

    def command(
        self,
        asked: Asked,
        move: str,
        answers: Mapping[str, Any],
        *,
        occurred_at: datetime | None = None,
    ) -> Command:
        """Return the command that they give with a request, of the version that it names."""
        return Command(
            move=move,
            actor=actor_of(self.staff),
            caller=self.caller,
            key=asked.key,
            salt=ambient.random_bytes(16),
            at=asked.at,
            answers=answers,
            occurred_at=occurred_at,
            if_match=asked.if_match,
        )


def staff(asked: Asked, capability: Capability) -> OnDesk:
    """Return who is signed in, once they may do this at all. Raises NotSignedIn or NotAllowed."""
    desk = desk_at(asked)
    token = _bearer(asked)
    if token.startswith(KEY_PREFIX):
        raise NotSignedIn(reason="key")
    settings = ambient.settings()
    issuer = issuer_from(settings.issuer, audience=settings.audience, client_id=settings.client_id)
    subject = issuer.verify(token, at=asked.at).subject
    person = desk.snapshot.staff.get(subject) or _bootstrap(desk, subject)
    if person is None or not person.active:
        raise NotAllowed(reason="no-staff")
    found = OnDesk(person, desk, asked.at)
    found.allow(capability)
    return found


def _bootstrap(desk: Desk, subject: str) -> Staff | None:
    """Return the first administrator, named by the environment, while no office has another."""
    named, _, name = ambient.settings().bootstrap_admin.partition(":")
    if not named or subject != named:
        return None
    if any(
        each.role is Role.ADMIN and each.active and each.office_id in desk.snapshot.offices
        for each in desk.snapshot.staff.values()
    ):
        return None
    return Staff(subject, name or subject, Role.ADMIN, office_id="", path=(), root=True)


def _bearer(asked: Asked) -> str:
    scheme, _, token = asked.header("authorization").strip().partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise NotSignedIn(reason="no-token")
    return token.strip()


# Integrators ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Integrator:
    """Another platform, by its key."""

    key: ApiKey
    desk: Desk

    @property
    def caller(self) -> str:
        """To whom keys are bound."""
        return f"key/{self.key.key_id}"

    @property
    def actor(self) -> Actor:
        """Whom the ledger names."""
        return Actor(Outsider.CHANNEL.value, self.key.key_id[:16], self.key.office_id)

    def order(self, number: str) -> Head:
        """Return an order that came by this platform's channel, of its offices. Raises Unknown."""
        if not is_order_number(number):
            raise Unknown(what="order")
        head = orders.get(number)
        mine = self.desk.path(self.key.office_id)
        stands = relation(mine, self.desk.path(head.order.county))
        is_ours = not self.key.channel or head.order.channel == self.key.channel
        if not is_ours or not mine or stands not in {Relation.OWN, Relation.BELOW}:
            raise Unknown(what="order")
        procedure = self.desk.procedures.get(head.order.kind)
        if (procedure is None or procedure.confidential) and not self._brought(head.order):
            raise Unknown(what="order")
        return head

    def _brought(self, order: Order) -> bool:
        """Return whether an order came by this very channel of this very office (S1.26)."""
        made = relaying.number_of(self.desk, self.key.office_id, self.key.channel, order.case_no)
        return made == order.order_id


def integrator(asked: Asked, scope: str) -> Integrator:
    """Return whose key came with a request. Raises NotSignedIn, NotAllowed without the scope."""
    token = _bearer(asked)
    key = registry.find_key(token) if token.startswith(KEY_PREFIX) else None
    if key is None:
        raise NotSignedIn(reason="key")
    if scope not in key.scopes:
        raise NotAllowed(scope=scope)
    return Integrator(key, desk_at(asked))


# Citizens ---------------------------------------------------------------------------------------

CITIZEN: Final = Actor(Outsider.CITIZEN.value, "citizen")


def tracked(asked: Asked, number: str) -> tuple[Desk, Head]:
    """Return the order that a tracking token opens. Raises Unknown for any other pair."""
    desk = desk_at(asked)
    given = asked.header("tracking-token")
    if not _TRACKING.match(given):
        raise Unknown(what="order")
    return desk, tracking.track(desk, number, given)


EDGE: Final = 50
"""How many callers an edge may stand for, or one caller pretend to be. [design]"""


def slow_down(asked: Asked, purpose: str, *, most: int, minutes: int, spare: int = 0) -> None:
    """Count a call from one network address. Raises TooMany with the seconds to wait, and Busy.

    spare: how many of an address each process lets pass without a write (see `registry.hit`); not
    where somebody could guess.
    """
    window = timedelta(minutes=minutes)
    counted = {f"{purpose}#{asked.viewer}": most}
    if asked.viewer != asked.ip:
        counted[f"{purpose}#edge#{asked.ip}"] = most * EDGE
    for bucket, limit in counted.items():
        hit = registry.hit(bucket, limit=limit, window=window, at=asked.at, spare=spare)
        if hit.retry_after:
            raise TooMany(retry_after=hit.retry_after)
