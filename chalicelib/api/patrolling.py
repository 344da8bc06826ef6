"""Readings of the network, from the platforms that meter it, with a key of scope `events`."""

from http import HTTPStatus
from typing import Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api.access import integrator
from chalicelib.api.asking import Asked
from chalicelib.api.routes import Routes, Security, answer
from chalicelib.domain.staff import Capability
from chalicelib.usecases import patrolling

routes = Routes(__name__, security=Security.KEY)

MODELS: Final = "patrolling_models"
MOST_BODY: Final = 3_000_000
"""Ten thousand readings of three phases."""


@routes.post(
    "/readings",
    takes=f"{MODELS}:ReadingsIn",
    gives=f"{MODELS}:ReadingsTaken",
    status=202,
    most_body=MOST_BODY,
    capability=Capability.INTAKE,
    example={
        "readings": [
            {
                "kind": "voltage",
                "subject": {"transformer": "TQ-0312"},
                "source": "ami",
                "occurred_at": "2026-11-21T06:45:00+08:00",
                "values": [229.5, 3.0, 230.1],
            }
        ]
    },
)
def take_readings(asked: Asked) -> Response:
    """Judge readings of load, voltage and trips; what stands out opens an order before it fails.

    A reading is one of a set: sent again it changes nothing.
    """
    by, sent = integrator(asked, "events"), asked.body()
    taken = patrolling.take(
        by.desk,
        [each.read for each in sent.readings],
        office_id=by.key.office_id,
        salt=ambient.random_bytes(16),
        at=asked.at,
    )
    body = {
        "accepted": taken.accepted,
        "unknown": [
            {"index": index, "subject": "/".join(sent.readings[index].read.subject)}
            for index in taken.unknown
        ],
        "refused": [{"index": index, "code": code} for index, code in taken.refused],
        "found": [
            {"kind": each.kind, "subject": each.subject, "order": each.order_id}
            for each in taken.found
        ],
    }
    return answer(body, status=HTTPStatus.ACCEPTED)
