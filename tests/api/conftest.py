"""The real app on the embedded store: chalice's test client, a county, and an issuer of ours."""

import base64
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pynamodb.connection import Connection

from chalicelib import ambient
from chalicelib.api import models, ports
from chalicelib.api.access import CITIZEN
from chalicelib.api.openapi import document, validated
from chalicelib.api.routes import Operation, operation_of
from chalicelib.domain import outage_moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Kind, State
from chalicelib.domain.reach import Reach
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.outbound.keys import issuer_from
from chalicelib.outbound.objects import Disk
from chalicelib.store import customers, outages, registry
from chalicelib.store.customers import Household, Place
from chalicelib.store.registry import Member
from chalicelib.store.rows import House
from chalicelib.usecases.desk import Desk, actor_of, open_desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report
from tests.conftest import _bound
from tests.rules.rights import held_to

AUDIENCE = "https://lightkeeper.test/api"
SECRET = "a secret of more than thirty-two bytes, for tests only"
SETUP = Actor("admin", "setup")
DISPATCHER = Actor("dispatcher", "d1")

PROVINCE, CITY, COUNTY, STATION, OTHER = "P-01", "M-02", "C-QINGHE", "S-QINGHE-03", "S-QINGHE-04"
ELSEWHERE, ELSEWHERE_STATION = "C-LINXI", "S-LINXI-01"
PLACE, ACCOUNT, PHONE = "TQ-0312", "1300004521", "13800138000"

OFFICES = (
    (PROVINCE, "冀北省公司", OfficeLevel.PROVINCE, (PROVINCE,)),
    (CITY, "安平市公司", OfficeLevel.CITY, (PROVINCE, CITY)),
    (COUNTY, "清河县公司", OfficeLevel.COUNTY, (PROVINCE, CITY, COUNTY)),
    (STATION, "城关供电所", OfficeLevel.STATION, (PROVINCE, CITY, COUNTY, STATION)),
    (OTHER, "河东供电所", OfficeLevel.STATION, (PROVINCE, CITY, COUNTY, OTHER)),
    (ELSEWHERE, "临溪县公司", OfficeLevel.COUNTY, (PROVINCE, CITY, ELSEWHERE)),
    (
        ELSEWHERE_STATION,
        "临溪供电所",
        OfficeLevel.STATION,
        (PROVINCE, CITY, ELSEWHERE, ELSEWHERE_STATION),
    ),
)
PEOPLE = {
    "agent-1": (Role.AGENT, COUNTY),
    "dispatcher-1": (Role.DISPATCHER, COUNTY),
    "supervisor-1": (Role.SUPERVISOR, COUNTY),
    "visitor-1": (Role.RETURN_VISITOR, COUNTY),
    "discipline-1": (Role.DISCIPLINE, COUNTY),
    "leader-1": (Role.LEADER, COUNTY),
    "admin-1": (Role.ADMIN, COUNTY),
    "auditor-1": (Role.AUDITOR, COUNTY),
    "crew-1": (Role.CREW, STATION),
    "crew-2": (Role.CREW, OTHER),
    "manager-1": (Role.AREA_MANAGER, STATION),
    "host-1": (Role.CITY_HOST, CITY),
    "stranger-1": (Role.DISPATCHER, ELSEWHERE),
}


# An issuer --------------------------------------------------------------------------------------


@dataclass
class TestIssuer:
    """An OpenID issuer on loopback: its keys are ours, so we may sign for anybody."""

    __test__ = False

    url: str = ""
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def token(self, subject: str, *, at: datetime | None = None, **claims: Any) -> str:
        """Return an access token as RFC 9068 has it."""
        issued = at or datetime.now(UTC)
        said = {
            "iss": self.url,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": int(issued.timestamp()),
            "exp": int((issued + timedelta(hours=1)).timestamp()),
            **claims,
        }
        return jwt.encode(said, self.key, algorithm="EdDSA", headers={"kid": "k1", "typ": "at+jwt"})

    @property
    def documents(self) -> Mapping[str, Any]:
        """What it publishes, by path."""
        raw = self.key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x}
        about = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        return {"/.well-known/openid-configuration": about, "/jwks": {"keys": [jwk]}}


@pytest.fixture(scope="session")
def issuer() -> Iterator[TestIssuer]:
    """The issuer, listening."""
    made = TestIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(made.documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


# The app ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One answer of the app."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """What it says, read."""
        return json.loads(self.raw)


@cache
def documented(app: Any) -> Mapping[str, Any]:
    """Return the app's OpenAPI, made once."""
    return document(app)


@dataclass
class Api:
    """The app as callers see it, within the rights of its policy.

    `as_` says who; keys are made up, each another one.
    """

    app: Any
    client: Client
    issuer: TestIssuer
    made: int = 0

    def key(self) -> str:
        """Return a fresh Idempotency-Key."""
        self.made += 1
        return f"key-{self.made:08}"

    def reported(self, **fields: Any) -> tuple[str, str]:
        """Report as a citizen and return number and token."""
        filed = self.post("/api/v1/public/orders", a_report(**fields))
        assert filed.status == 201, filed.raw.decode()
        return filed.body["number"], filed.body["token"]

    def move(self, number: str, move: str, as_: str, **answers: Any) -> Any:
        """Make a move that is expected to work, and return the order."""
        answer = self.post(f"/api/v1/orders/{number}/moves/{move}", answers, as_=as_)
        assert answer.status == 200, answer.raw.decode()
        return answer.body

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        as_: str = "",
        token: str = "",
        key: str | None = None,
        language: str = "zh-CN",
        **headers: str,
    ) -> Answer:
        """Call the app. body: JSON; raw: bytes as they are; token: an order's tracking token."""
        sent = {"Accept-Language": language, "Content-Type": "application/json"}
        if as_:
            bearer = as_ if as_.startswith("lk_") else self.issuer.token(as_)
            sent["Authorization"] = f"Bearer {bearer}"
        if token:
            sent["Tracking-Token"] = token
        if method != "GET" and key != "":
            sent["Idempotency-Key"] = key or self.key()
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body).encode() if body is not None else (raw or b"")
        with held_to("api_handler") as held:
            answered = self.client.http.request(method, path, headers=sent, body=content)
        assert held.refused == [], (method, path)
        answer = Answer(answered.status_code, dict(answered.headers), answered.body)
        self.check(method, path, answer)
        return answer

    @property
    def at(self) -> datetime:
        """This instant."""
        return ambient.now()

    @property
    def citizen(self) -> Actor:
        """Whom the ledger names for a citizen."""
        return CITIZEN

    def desk(self) -> Desk:
        """The desk as it stands now."""
        settings = ambient.settings()
        return open_desk(secret=settings.secret, ruleset=settings.ruleset, at=ambient.now())

    def outage(
        self,
        reach: Reach,
        *,
        at: datetime,
        outage_id: str = "Q1",
        by: Actor = DISPATCHER,
        since: datetime | None = None,
        grade: State = State.CONFIRMED,
        on_trip: bool = False,
    ) -> outages.Head:
        """Keep an outage of the county: what of it is dark, by the word of its desk."""
        made = outage_moves.open_outage(
            outage_moves.Act(by, at, at),
            outage_id=outage_id,
            kind=Kind.FAULT,
            county=COUNTY,
            office=STATION,
            devices=["B1"],
            feeders=["F1"],
            reach=reach,
            since=since or at,
            grade=grade,
            rules=self.desk().rules(COUNTY),
            on_trip=on_trip,
        )
        return outages.commit(outages.Change(None, made))[0]

    def report(self, **fields: Any) -> Report:
        """Return a report as the journey takes it."""
        report: Report = models.read(models.NewOrder, a_report(**fields)).report(self.at)
        return report

    def command(self, move: str, staff_id: str, *, key: str, **answers: Any) -> Command:
        """Return a command of somebody of the staff."""
        by = actor_of(self.desk().snapshot.staff[staff_id])
        return Command(move, by, f"staff/{staff_id}", key, b"s" * 16, self.at, answers)

    def files(self) -> Disk:
        """Where files are kept."""
        found = ports.files()
        assert isinstance(found, Disk)
        return found

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Hold every answer against what the OpenAPI says of its operation."""
        operation = self.operation(method, path)
        declared = documented(self.app)["paths"][operation.path][method.lower()]["responses"]
        assert str(answer.status) in declared, (path, answer.status)
        if answer.status >= 400:
            problem = models.Problem.model_validate(answer.body)
            assert problem.status == answer.status
            assert problem.type.startswith("/problems/")
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        elif operation.media == "application/json":
            validated(operation, answer.body)

    def operation(self, method: str, path: str) -> Operation:
        """Return the operation that answers a path."""
        bare = path.partition("?")[0]
        for route, entries in self.app.routes.items():
            pattern = "[^/]+".join(map(re.escape, re.split(r"\{\w+\}", route)))
            if method in entries and re.fullmatch(pattern, bare) and self._is_best(route, bare):
                return operation_of(entries[method].view_function)
        raise AssertionError(f"{method} {path} is no operation")

    def _is_best(self, route: str, bare: str) -> bool:
        return bare not in self.app.routes or route == bare

    def get(self, path: str, **said: Any) -> Answer:
        """Read."""
        return self.call("GET", path, **said)

    def post(self, path: str, body: Any = None, **said: Any) -> Answer:
        """Write."""
        return self.call("POST", path, body=body, **said)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this run keeps files, seals and texts."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def app(issuer: TestIssuer, kept: Path) -> Any:
    """The app, imported once with settings of its own."""
    os.environ.update(
        LIGHTKEEPER_SECRET=SECRET,
        LIGHTKEEPER_RULESET="state_grid",
        LIGHTKEEPER_ISSUER=issuer.url,
        LIGHTKEEPER_AUDIENCE=AUDIENCE,
        LIGHTKEEPER_CLIENT_ID="desk",
        LIGHTKEEPER_FILES=f"disk:{kept / 'files'}",
        LIGHTKEEPER_SITE=f"disk:{kept / 'site'}",
        LIGHTKEEPER_SEALS=f"disk:{kept / 'seals'}",
        LIGHTKEEPER_SMS=f"keep:{kept / 'phone.jsonl'}",
        LIGHTKEEPER_SMS_SIGNATURE="清河供电",
        LIGHTKEEPER_PUBLIC_URL="https://qinghe.test",
        LIGHTKEEPER_BOOTSTRAP_ADMIN="first-admin:第一位管理员",
    )
    ambient.settings.cache_clear()
    issuer_from.cache_clear()
    import app as wired  # noqa: PLC0415 - reads its settings at import

    return wired.app


@pytest.fixture
def api(app: Any, issuer: TestIssuer, store: House) -> Iterator[Api]:  # noqa: ARG001 - binds the tables
    """The app with a county, on tables of its own."""
    a_county()
    with Client(app) as client:
        yield Api(app, client, issuer)


@pytest.fixture(scope="module")
def calm(app: Any, issuer: TestIssuer, embedded: str, shared: Connection) -> Iterator[Api]:
    """One county for a whole module, whose tests write nothing but orders of their own."""
    for _ in _bound(embedded, shared):
        a_county()
        with Client(app) as client:
            yield Api(app, client, issuer)


def a_county() -> None:
    """Keep two counties with their people, a place and a household."""
    at = datetime.now(UTC)
    paths = {office_id: path for office_id, _, _, path in OFFICES}
    offices = [Office(office_id, name, level, path) for office_id, name, level, path in OFFICES]
    registry.take_over(offices, by=SETUP, at=at)
    members = [
        Member(Staff(staff_id, f"员工{staff_id}", role, office, paths[office]))
        for staff_id, (role, office) in PEOPLE.items()
    ]
    registry.take_over(members, by=SETUP, at=at)
    registry.save(registry.Setting("default_county", COUNTY), version=0, by=SETUP, at=at)
    place = Place(
        code=PLACE,
        name="建设路3-2台区",
        county=COUNTY,
        office_id=STATION,
        township="城关镇",
        terrain="urban",
        households=46,
    )
    customers.put_places(customers.compare_places(COUNTY, [place]))
    household = Household(
        account_no=ACCOUNT,
        transformer_id=PLACE,
        name="欧阳小明",
        address="清河县城关镇建设路12号3单元",
        phones=(Phone("+8613800138000"),),
        flags=frozenset({"life_support"}),
    )
    customers.put_households(customers.compare_households(COUNTY, [household]))


def a_report(**fields: Any) -> dict[str, Any]:
    """Return the body of a report: no power in town."""
    return {
        "kind": "fault",
        "place": PLACE,
        "phone": PHONE,
        "name": "欧阳小明",
        "address": "清河县城关镇建设路12号3单元",
        "answers": {"symptom": "no_power", "description": "家里没电了，邻居也没有"},
        **fields,
    }
