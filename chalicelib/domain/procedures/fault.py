"""故障报修: no power, low voltage, damaged equipment, danger. A crew goes there.

Two arrival clocks run at once, because the promise (an average) and the regulator's floor are two
things (domain: §8.3). Restoration is counted from arrival.
"""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.clocks import QUIET_LADDER
from chalicelib.domain.procedure import ClockRule, Form, Move, Need, Procedure
from chalicelib.domain.staff import Role

WORKS: Final = (m.RECEIVED, m.ON_SITE)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.RETURN_VISIT, m.FINAL_RULING, m.MERGED)
SYMPTOMS: Final = (
    "no_power",
    "low_voltage",
    "wire_down",
    "smoke_or_sparks",
    "pole_leaning",
    "meter_box",
    "flicker",
    "other",
)
RESULTS: Final = (
    "repaired",
    "temporary_repair",
    "customer_side",
    "no_fault_found",
    "not_power_company",
    "known_outage",
)
CAUSES: Final = (
    "equipment",
    "weather",
    "trees",
    "animals",
    "vehicles_or_works",
    "overload",
    "customer_equipment",
    "theft_or_damage",
    "unknown",
)

PROCEDURE: Final = Procedure(
    kind="fault",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    ledger=("12398", "12345"),
    intake=(
        Need("symptom", Form.CHOICE, required=False, choices=SYMPTOMS),
        Need("description", Form.TEXT, required=False, longest=1000),
    ),
    moves=m.table(
        STAGES,
        m.line(works=WORKS, who=m.HANDLERS | {Role.NETWORK_CONTROLLER}),
        Move(
            "set_out",
            {m.RECEIVED: m.RECEIVED},
            who=m.HANDLERS,
            why="出发: the crew telephones the customer and leaves",
            needs=(m.NOTE,),
            gates=("not_set_out",),
            public=True,
        ),
        Move(
            "explain_delay",
            {m.DISPATCHED: m.DISPATCHED, m.RECEIVED: m.RECEIVED},
            who=m.HANDLERS,
            why="Where weather or traffic blocks arrival the customer is told why; the breach "
            "stays on record",
            needs=(Need("reason", Form.CHOICE, choices=m.DELAYS), m.NOTE),
            does=("delay",),
            public=True,
        ),
        Move(
            "arrive",
            {m.RECEIVED: m.ON_SITE, m.DISPATCHED: m.ON_SITE},
            who=m.HANDLERS,
            why="到达: the arrival promise is kept or broken at this instant; a crew that "
            "forgot to take the order may still say that it is there",
            needs=(m.NOTE, m.PHOTOS),
            does=("take",),
            tells=("arrived",),
            public=True,
        ),
        Move(
            "restore",
            {m.ON_SITE: m.ON_SITE},
            who=m.HANDLERS | m.SYSTEM | {Role.NETWORK_CONTROLLER},
            why="复电: power is back; the paperwork follows. The outage says it of its own order",
            needs=(m.NOTE,),
            gates=("power_off",),
            does=("power_back",),
            public=True,
        ),
        Move(
            "restore_part",
            {m.ON_SITE: m.ON_SITE},
            who=m.HANDLERS | {Role.NETWORK_CONTROLLER},
            why="部分复电: power is back for some; the outage's desk enters for whom",
            needs=(m.NOTE,),
            gates=("power_off", "repairs_outage"),
            does=("part_back",),
        ),
        m.reply(
            works=(m.ON_SITE, m.RECEIVED),
            needs=(
                Need("result", Form.CHOICE, choices=RESULTS),
                Need("cause", Form.CHOICE, required=False, choices=CAUSES),
                Need("power_back", Form.FLAG),
            ),
        ),
        m.reviewing(works=m.ON_SITE, to=m.RETURN_VISIT),
        m.visiting(),
        m.side(works=WORKS, visits=True),
        m.merging(works=WORKS),
    ),
    clocks=(
        m.dispatch_clock("fault", also=frozenset({"merge"})),
        ClockRule(
            "receive",
            "fault.receive",
            starts=m.DISPATCHES | {"reassign"},
            stops=frozenset({"receive", "arrive", "reject"}),
            ladder=QUIET_LADDER,
        ),
        ClockRule(
            "set_out",
            "fault.set_out",
            starts=frozenset({"receive"}),
            stops=frozenset({"set_out", "arrive", "reject", "reassign", "reply"}),
            ladder=QUIET_LADDER,
        ),
        ClockRule(
            "arrive",
            "fault.arrive.{terrain}",
            starts=m.BEGINS,
            stops=frozenset({"arrive", "reply"}),
            promise=True,
        ),
        ClockRule(
            "arrive_key",
            "fault.arrive_key_customer",
            starts=m.BEGINS,
            stops=frozenset({"arrive", "reply"}),
            when={"key_customer": (True,)},
        ),
        ClockRule(
            "arrive_legal",
            "fault.arrive_legal.{terrain}",
            starts=m.BEGINS,
            stops=frozenset({"arrive", "reply"}),
            pausable=False,
            whose="law",
            ladder=QUIET_LADDER,
        ),
        ClockRule(
            "restore",
            "fault.restore.{terrain}",
            starts=frozenset({"arrive"}),
            stops=frozenset({"restore", "reply"}),
            runs_on=m.REWORK,
            promise=True,
            when={"terrain": ("urban", "rural")},
        ),
        ClockRule(
            "reply",
            "fault.reply",
            starts=frozenset({"restore"}),
            stops=m.REPLIES,
            ladder=QUIET_LADDER,
        ),
        ClockRule(
            "return_visit",
            "fault.return_visit",
            starts=m.REPLIES,
            stops=m.VISITED | m.REWORK,
            pausable=False,
        ),
    ),
)
