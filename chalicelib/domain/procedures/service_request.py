"""服务申请: the customer asks for a job to be done. Each sub-type has its own limit."""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.procedure import ClockRule, Form, Move, Need, Procedure
from chalicelib.domain.staff import Role

WORKS: Final = (m.RECEIVED, m.ON_SITE)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.RETURN_VISIT, m.FINAL_RULING)
SUB_TYPES: Final = (
    "arrears_reconnect",
    "appliance_damage",
    "meter_abnormal",
    "reading_abnormal",
    "ev_fast_charging",
    "other",
)
ON_SITE_FIRST: Final = ("appliance_damage", "ev_fast_charging")

PROCEDURE: Final = Procedure(
    kind="service_request",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    ledger=("12398", "12345"),
    sub_types=SUB_TYPES,
    intake=(
        Need("appointment", Form.INSTANT, required=False),
        Need("description", Form.TEXT, longest=2000),
    ),
    moves=m.table(
        STAGES,
        m.line(works=WORKS),
        Move(
            "contact",
            {m.RECEIVED: m.RECEIVED, m.ON_SITE: m.ON_SITE},
            who=m.HANDLERS | {Role.AGENT},
            why="联系客户: agree on a time before going (两预约)",
            needs=(
                Need("by", Form.CHOICE, choices=("phone", "visit", "message")),
                Need("note", Form.TEXT),
            ),
            public=True,
        ),
        Move(
            "arrive",
            {m.RECEIVED: m.ON_SITE},
            who=m.HANDLERS,
            why="到达: where the limit is on being there",
            needs=(m.NOTE, m.PHOTOS),
            does=("take",),
            tells=("arrived",),
            public=True,
        ),
        Move(
            "complete",
            {m.RECEIVED: m.RECEIVED, m.ON_SITE: m.ON_SITE},
            who=m.HANDLERS,
            why="办结: the job is done (reconnected, repaired, checked); the reply limit starts",
            needs=(m.NOTE, m.PHOTOS),
            public=True,
        ),
        m.reply(
            works=WORKS,
            needs=(Need("result", Form.CHOICE, choices=("done", "not_possible", "customer_side")),),
        ),
        m.reviewing(works=m.RECEIVED, to=m.RETURN_VISIT),
        m.visiting(),
        m.side(works=WORKS, visits=True),
    ),
    clocks=(
        m.dispatch_clock("service_request"),
        ClockRule(
            "arrive",
            "service_request.{sub_type}.arrive",
            starts=m.BEGINS,
            stops=frozenset({"arrive", "reply"}),
            promise=True,
            when={"sub_type": ON_SITE_FIRST},
        ),
        m.promise_clock(
            "service_request.{sub_type}.handle",
            stops=frozenset({"complete", "reply"}),
            when={"sub_type": ("arrears_reconnect", "meter_abnormal", "reading_abnormal", "other")},
        ),
        ClockRule(
            "reply",
            "service_request.{sub_type}.reply",
            starts=frozenset({"complete"}),
            stops=m.REPLIES,
            runs_on=m.REWORK,
            when={"sub_type": ("arrears_reconnect", "appliance_damage", "ev_fast_charging")},
        ),
        m.visit_clock("service_request"),
    ),
)
