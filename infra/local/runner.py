"""Runs everything on this machine, and stops it again.

In this order, so that nothing is offered before it works: the data folder is ours, the ports are
free, the store is up with its tables, the sign-in is up, the app is imported with its settings,
the demo is seeded, then HTTP and the loops begin. Going down is the same backwards. A kill -9 at
any point is as good as a stop: children die with us, the lock goes with us, and every file is
replaced whole.

Settings are read from the environment: PORT (8000), ISSUER_PORT (PORT + 1), LIGHTKEEPER_DATA
(.data/), DEMO (1), STAGE (empty; `api` serves under /api as a deployed stage does) and the
LIGHTKEEPER_ ones of chalicelib/ambient.py, which the platform fills in where they are not given.
"""

import argparse
import importlib.util
import io
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, Self, cast

from chalicelib import ambient
from chalicelib.outbound.objects import Disk, files_from
from infra.local import functions, issuer
from infra.local.children import LOOPBACK, Child, need_port
from infra.local.clock import Clock
from infra.local.folder import DataFolder, Secrets
from infra.local.gateway import Server
from infra.local.issuer import Person, read_staff, write_staff
from infra.local.loops import Loops
from infra.local.pages import Pages
from infra.local.queues import Queues
from infra.local.store import EmbeddedStore, client, create_tables
from infra.local.template import REGION, Declared, declared
from infra.local.tools import ROOT, CannotRun

_LOG_BYTES: Final = 20 * 1024 * 1024
_ADMIN: Final = "admin:管理员"
_SHOWN_LOGINS: Final = 8
_AMAZON: Final = ".amazonaws."


@dataclass(frozen=True)
class Settings:
    """What the person at the terminal chose."""

    port: int
    issuer_port: int
    data: Path
    demo: bool
    stage: str
    project: Path

    @classmethod
    def of(cls, environment: Mapping[str, str], *, project: Path) -> Self:
        """Read the settings.

        Raises CannotRun for one that cannot be used.
        """
        port = _port(environment.get("PORT", "8000"), "PORT")
        stage = environment.get("STAGE", "").strip("/")
        if stage and not stage.isalnum():
            raise CannotRun("STAGE is a word of letters and digits, or empty.")
        issuer_port = _port(environment.get("ISSUER_PORT", str(port + 1)), "ISSUER_PORT")
        if issuer_port == port:
            raise CannotRun("PORT and ISSUER_PORT are the same: choose two ports.")
        return cls(
            port=port,
            issuer_port=issuer_port,
            data=Path(environment.get("LIGHTKEEPER_DATA") or project / ".data"),
            demo=environment.get("DEMO", "1") != "0",
            stage=stage,
            project=project,
        )

    @property
    def url(self) -> str:
        """Return the address of the citizens' page."""
        return f"http://{LOOPBACK}:{self.port}{f'/{self.stage}' if self.stage else ''}"


def _port(text: str, setting: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 - TCP's own limit
        raise CannotRun(f"{setting} is {text!r}, which is no port: give a number below 65536.")
    return int(text)


class Seed(Protocol):
    """What infra/local/seed.py offers: a demo county, made by the app's own use cases.

    It may be called again after a crash in the middle and then completes what is there, and it
    writes `staff.json` (`infra.local.issuer.write_staff`) for the demo sign-in.
    """

    def run(self, *, data: Path, at: datetime, say: Callable[[str], None]) -> None:
        """Make the demo county as of `at`; `say` reports progress."""


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM.

    Raises CannotRun, with one sentence, if something needed is missing or breaks.
    """
    began = time.monotonic()
    with _interruptible(), ExitStack() as down:
        folder = DataFolder(settings.data)
        down.callback(folder.close)
        server = _reserved(settings)
        down.callback(server.server_close)
        log = _Log(folder.path / "app.log")
        down.callback(log.close)
        children: list[Child | EmbeddedStore] = []

        template = declared(
            settings.project / "infra" / "resources.yaml",
            prefix=os.environ.get("LIGHTKEEPER_PREFIX", "lightkeeper"),
            region=_region(),
        )
        refuse_the_cloud(os.environ)
        secrets = folder.secrets()
        clock = Clock(folder.path / "clock.json")
        foreign = os.environ.get("LIGHTKEEPER_ISSUER")
        sign_in = foreign or f"http://{LOOPBACK}:{settings.issuer_port}"
        issuing = None if foreign else _issuer(settings, folder.path, down)
        endpoint, store = _store(settings, folder, template, down)
        if store:
            children.append(store)
        say(f"store     {endpoint}" + ("" if store else "  (yours)"))

        _fill_environment(settings, secrets, endpoint=endpoint, sign_in=sign_in)
        down.enter_context(log.takes_output())
        queues = Queues(template.queues, region=_region())  # open to the end: nothing leaves
        for name, url in queues.urls.items():
            # lightkeeper-notices-first → LIGHTKEEPER_NOTICES_FIRST_QUEUE
            prefix = os.environ.get("LIGHTKEEPER_PREFIX", "lightkeeper")
            setting = name.removeprefix(f"{prefix}-")
            os.environ.setdefault(f"LIGHTKEEPER_{setting.replace('-', '_').upper()}_QUEUE", url)
        app = functions.load(settings.project)
        if issuing:
            issuing.ready()  # it came up while we did the above
            children.append(issuing)
        say(f"sign-in   {sign_in}" + ("  (yours)" if foreign else ""))
        _people(settings, folder.path, say)

        dynamodb = client("dynamodb", endpoint)
        loops = Loops(
            app,
            declared=template,
            queues=queues,
            dynamodb=dynamodb,
            streams_client=client("dynamodbstreams", endpoint),
            data=folder.path,
            file=store.file if store else None,
            say=say,
            log=log.line,
        )
        pages = Pages(texts=_texts(), files=_disk(secrets), clock=clock)
        server.open(
            app, pages=pages, log=log.line, templates=template.gateway, stage=settings.stage
        )
        down.callback(server.close)
        loops.start()
        down.callback(loops.stop)
        folder.announce(
            {
                "url": settings.url,
                "issuer": sign_in,
                "dynamodb": endpoint,
                "store_pid": store.pid if store else None,
            }
        )
        seconds = time.monotonic() - began
        say(f"ready in {seconds:.1f} s; data in {folder.path}, the app's log in {log.file}")
        _greet(settings, [] if foreign else read_staff(folder.path / "staff.json"), say)
        _wait_while_alive(children)


def _reserved(settings: Settings) -> Server:
    need_port(settings.port, setting="PORT")
    if not os.environ.get("LIGHTKEEPER_ISSUER"):
        need_port(settings.issuer_port, setting="ISSUER_PORT")
    server = Server(LOOPBACK, settings.port)
    server.reserve()
    return server


def _store(
    settings: Settings, folder: DataFolder, template: Declared, down: ExitStack
) -> tuple[str, EmbeddedStore | None]:
    """Return the endpoint to use, and the store if it is our own child."""
    given = os.environ.get("LIGHTKEEPER_DYNAMODB_ENDPOINT")
    if given:
        create_tables(client("dynamodb", given), template.tables)
        return given, None
    store = EmbeddedStore(
        folder.path,
        resources=settings.project / "infra" / "resources.yaml",
        prefix=os.environ.get("LIGHTKEEPER_PREFIX", "lightkeeper"),
        keep_open=[folder.lock_handle],
    )
    return down.enter_context(store).endpoint, store


def _issuer(settings: Settings, data: Path, down: ExitStack) -> Child:
    # 5173 is the front end's own development server.
    origins = [
        f"http://{host}:{port}"
        for host in (LOOPBACK, "localhost")
        for port in (settings.port, 5173)
    ]
    child = issuer.start(data, port=settings.issuer_port, origins=origins, stage=settings.stage)
    down.callback(child.stop)
    return child


def _fill_environment(settings: Settings, secrets: Secrets, *, endpoint: str, sign_in: str) -> None:
    """Set what the app reads at import; what the person set already stays as it is."""
    data = settings.data.resolve()
    ours = {
        "LIGHTKEEPER_PREFIX": "lightkeeper",
        "LIGHTKEEPER_RULESET": "state_grid",
        "LIGHTKEEPER_SECRET": secrets.secret,
        "LIGHTKEEPER_SEAL_KEY": secrets.seal_key,
        "LIGHTKEEPER_ISSUER": sign_in,
        "LIGHTKEEPER_AUDIENCE": issuer.AUDIENCE,
        "LIGHTKEEPER_CLIENT_ID": issuer.CLIENT,
        "LIGHTKEEPER_SMS": f"keep:{data / 'phone.jsonl'}",
        "LIGHTKEEPER_SMS_SIGNATURE": "清河供电",
        "LIGHTKEEPER_FILES": f"disk:{data / 'files'}",
        "LIGHTKEEPER_SITE": f"disk:{data / 'site'}",
        "LIGHTKEEPER_SEALS": f"disk:{data / 'seals'}",
        "LIGHTKEEPER_DYNAMODB_ENDPOINT": endpoint,
        "LIGHTKEEPER_PUBLIC_URL": settings.url,
        "AWS_DEFAULT_REGION": _region(),
        "POWERTOOLS_SERVICE_NAME": "lightkeeper",
        "POWERTOOLS_METRICS_NAMESPACE": "Lightkeeper",
    }
    built = settings.project / "frontend" / "dist"
    if built.exists():
        ours["LIGHTKEEPER_PAGES"] = str(built)
        # The pages lie beside what is published, so that any server of files shows them without us.
        shutil.copytree(built, data / "site", dirs_exist_ok=True)
    if settings.demo:
        ours["LIGHTKEEPER_DEMO"] = "1"
    else:
        ours["LIGHTKEEPER_BOOTSTRAP_ADMIN"] = _ADMIN
    if _AMAZON not in endpoint:  # made-up credentials must never hide a person's real ones
        ours |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
            os.environ.pop(name, None)
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        del os.environ[name]
    for name, value in ours.items():
        os.environ.setdefault(name, value)


def _region() -> str:
    """Return the region of a DynamoDB at Amazon, if that is what was asked for; else ours."""
    if _AMAZON in os.environ.get("LIGHTKEEPER_DYNAMODB_ENDPOINT", ""):
        return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    return REGION


def refuse_the_cloud(environment: Mapping[str, str]) -> None:
    """Refuse settings that need Amazon's other services: here they would be kept in memory only.

    Raises CannotRun naming the setting.
    """
    for name in ("LIGHTKEEPER_FILES", "LIGHTKEEPER_SITE", "LIGHTKEEPER_SEALS", "LIGHTKEEPER_SMS"):
        if environment.get(name, "").startswith(("s3:", "sns")):
            raise CannotRun(
                f"{name} names an Amazon service, which the local platform does not reach: leave it"
                " out, or deploy."
            )


def _people(settings: Settings, data: Path, say: Callable[[str], None]) -> None:
    """Seed the demo county once; an empty county has one administrator to sign in as."""
    staff = data / "staff.json"
    if not settings.demo:
        if not staff.exists():
            sub, _, name = os.environ["LIGHTKEEPER_BOOTSTRAP_ADMIN"].partition(":")
            write_staff(staff, [Person(sub=sub, name=name or sub, role="admin", office="—")])
        return
    done = data / "seeded"
    if done.exists():
        return
    if importlib.util.find_spec("infra.local.seed") is None:
        raise CannotRun(
            "infra/local/seed.py is missing, so there is no demo county: start an empty one with"
            " DEMO=0."
        )
    say("seeding the demo county, once …")
    seed = cast("Seed", importlib.import_module("infra.local.seed"))
    seed.run(data=data, at=ambient.now(), say=say)
    done.write_text(ambient.now().isoformat())


def _texts() -> Path:
    kind, _, path = os.environ["LIGHTKEEPER_SMS"].partition(":")
    return Path(path) if kind == "keep" else Path(os.devnull)


def _disk(secrets: Secrets) -> Disk | None:
    files = files_from(
        os.environ["LIGHTKEEPER_FILES"],
        secret=os.environ.get("LIGHTKEEPER_SECRET", secrets.secret).encode(),
        base_url="",
    )
    return files if isinstance(files, Disk) else None


def _greet(settings: Settings, people: list[Person], say: Callable[[str], None]) -> None:
    base = settings.url
    say("")
    say(f"  群众 citizens     {base}/")
    say(f"  停电 outages      {base}/status")
    say(f"  坐席 office       {base}/office")
    say(f"  短信 the phone    http://{LOOPBACK}:{settings.port}/_local/phone")
    say("")
    if people:
        say("  Sign in at the office as one of these, without a password:")
        shown = _one_a_role(people)
        width = max(len(person.sub) for person in shown)
        for person in shown:
            say(f"    {person.sub:<{width}}  {person.name}  {person.role}  {person.office}")
        if len(people) > len(shown):
            say(f"    … and {len(people) - len(shown)} more")
        say("  or take a token by hand:")
        say(
            f"    curl -d grant_type={issuer.DEMO_GRANT} -d client_id={issuer.CLIENT}"
            f" -d sub={shown[0].sub} http://{LOOPBACK}:{settings.issuer_port}/token"
        )
        say("")
    say("Ctrl-C stops it; the data stays.")


def _one_a_role(people: list[Person]) -> list[Person]:
    first = {person.role: person for person in reversed(people)}
    return [person for person in people if person is first[person.role]][:_SHOWN_LOGINS]


def _wait_while_alive(children: "list[Child | EmbeddedStore]") -> None:
    while True:
        time.sleep(0.5)
        for child in children:
            if not child.is_alive:
                raise CannotRun(f"{child.name} ended by itself: {child.last_words()}")


class _Interrupted(BaseException):
    """SIGINT or SIGTERM."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the body from wherever it is, once; a second one waits."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, signal.SIG_IGN)
        raise _Interrupted

    before = {kind: signal.signal(kind, interrupt) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class _Log(io.TextIOBase):
    """The app's log: a file that is set aside when it is full, once.

    The app writes JSON lines to standard output, as on Lambda; the terminal is for people.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._writing = threading.Lock()
        self._out = file.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def writable(self) -> bool:
        """Return True: it is standard output."""
        return True

    def write(self, text: str) -> int:
        """Write, turning the file over when it is full."""
        with self._writing:
            if self._out.closed:
                return len(text)
            if self._out.tell() > _LOG_BYTES:
                self._out.close()
                self.file.replace(self.file.with_suffix(".log.1"))
                self._out = self.file.open("a", encoding="utf-8", buffering=1)
            return self._out.write(text)

    def line(self, text: str) -> None:
        """Write a line of our own."""
        self.write(f"{text.rstrip()}\n")

    def close(self) -> None:
        """Close the file; what comes later is dropped."""
        with self._writing:
            self._out.close()

    @contextmanager
    def takes_output(self) -> Iterator[None]:
        """Send standard output and error here while the app is loaded."""
        kept = sys.stdout, sys.stderr
        out: Any = self
        sys.stdout = sys.stderr = out
        try:
            yield
        finally:
            sys.stdout, sys.stderr = kept


def main() -> int:
    """Run from the command line; return the exit status."""
    arguments = argparse.ArgumentParser(prog="runner", description=__doc__.partition("\n")[0])
    arguments.add_argument("--project", type=Path, default=ROOT, help="folder with app.py")
    project = arguments.parse_args().project.resolve()
    terminal = sys.stdout

    def say(text: str) -> None:
        print(text, file=terminal, flush=True)

    try:
        run(Settings.of(os.environ, project=project), say)
    except _Interrupted:
        say("stopped; the data stays.")
        return 0
    except CannotRun as refused:
        print(f"lightkeeper: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
