"""What the processor has to do: instructions of a cold start and of a warm request, and log bytes.

Instructions are counted by valgrind's cachegrind, else by the processor's own counter (perf). On a
machine with neither it is CPU time, the least of several runs, and the unit says so. Either way
both sides of a ratio are counted in the same run by the same means.
"""

import compileall
import io
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from botocore.client import ClientCreator

from chalicelib import telemetry
from chalicelib.usecases import tracking
from infra.bench import events
from infra.bench.scene import HOME, PHONE, SAYS, Scene
from infra.bench.table import CannotMeasure, Figure, Measured, Reading, Row, number
from infra.local.tools import ROOT

FEW, MANY = 5, 45
"""Requests of the two processes whose difference is the cost of MANY - FEW requests."""
WARM: Final = 20
_TRIES: Final = 5  # of CPU time, which is noisy; instructions are not

NOTHING: Final = ""
BOTO3: Final = "import boto3"
OURS: Final = "import app"
BOUGHT: Final = (
    "import botocore.session, chalice.app, pynamodb.models, pynamodb.transactions;"
    " from aws_lambda_powertools import Logger;"
    " from aws_lambda_powertools.metrics import EphemeralMetrics"
)
BOTO3_CLIENT: Final = "import boto3; boto3.client('dynamodb')"
OUR_CLIENT: Final = "import app; from chalicelib.store.rows import house; house().connection.client"


# Counting ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counter:
    """How instructions are counted here. unit: what the figures are in."""

    unit: str
    count: Callable[[Sequence[str], Path, Mapping[str, str]], float]


@cache
def counter() -> Counter:
    """Return the best counter that this machine has."""
    if shutil.which("valgrind"):
        return Counter("M instructions", _by_valgrind)
    if shutil.which("perf") and _perf(["true"], ROOT, os.environ) is not None:
        return Counter("M instructions", _by_perf)
    return Counter("ms of CPU", _by_time)


def _by_valgrind(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    said = _run([*tool, *command], folder, environment)
    found = re.search(r"I\s+refs:\s+([\d,]+)", said)
    if found is None:
        raise CannotMeasure(f"valgrind counted nothing: {said[-200:]}")
    return int(found[1].replace(",", "")) / 1e6


def _by_perf(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    counted = _perf(command, folder, environment)
    if counted is None:
        raise CannotMeasure("perf counted before and does not any more")
    return counted / 1e6


def _perf(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int | None:
    tool = ["perf", "stat", "-x,", "-e", "instructions:u"]
    found = re.search(r"^(\d+),", _run([*tool, *command], folder, environment), re.MULTILINE)
    return int(found[1]) if found else None


def _by_time(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    spent = []
    for _ in range(_TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _run(command, folder, environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent) * 1e3


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command and return what it said. Raises CannotMeasure with it if it failed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotMeasure(f"`{' '.join(command[-4:])}` failed: {done.stdout[-400:].strip()}")
    return done.stdout


# Processes --------------------------------------------------------------------------------------


@cache
def compiled() -> Path:
    """Return a copy of what ships, compiled as `make package` compiles it, and of the bench."""
    folder = Path(tempfile.mkdtemp(prefix="bench-compiled-"))
    ignored = shutil.ignore_patterns("__pycache__", "pages", "node_modules")
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=ignored)
    shutil.copytree(ROOT / "infra" / "bench", folder / "infra" / "bench", ignore=ignored)
    shutil.copytree(ROOT / "infra" / "local", folder / "infra" / "local", ignore=ignored)
    shutil.copy2(ROOT / "app.py", folder)
    if not compileall.compile_dir(folder, quiet=1):
        raise CannotMeasure("app.py does not compile")
    return folder


def forget_compiled() -> None:
    """Remove the copy, if there is one."""
    if compiled.cache_info().currsize:
        shutil.rmtree(compiled())
        compiled.cache_clear()


def _counted(environment: Mapping[str, str], *commands: Sequence[str]) -> list[float]:
    """Count commands of this Python, two at a time: counting does not mind the company.

    Each runs once before, so that every `.pyc` is there.
    """
    by = counter()
    own = {**environment, "PYTHONHASHSEED": "0", "PATH": os.environ["PATH"]}

    def count(command: Sequence[str]) -> float:
        whole = [sys.executable, *command]
        _run(whole, compiled(), own)
        return by.count(whole, compiled(), own)

    if by.count is _by_time:
        return [count(command) for command in commands]
    compiled()
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(count, commands))


def cold_start(scene: Scene, *, ours: str, theirs: str) -> Measured:
    """Start Python and import. Both sides pay for the interpreter; the note takes it off."""
    commands = [("-c", text) for text in (ours, theirs, NOTHING, BOUGHT)]
    mine, other, bare, bought = _counted(scene.environment, *commands)
    note = (
        f"{counter().unit} of Python {sys.version_info[0]}.{sys.version_info[1]} with every .pyc:"
        f" the interpreter {number(bare)}, and without it {(mine - bare) / (other - bare):.2f}×;"
        f" what we import and did not write {number(bought - bare)}"
    )
    return Measured((Reading(mine, other),), note)


def warm_request(scene: Scene) -> Measured:
    """Look at an order through the function, and read the same order with boto3."""
    order_id = scene.file().head.order.order_id
    token = tracking.token(scene.desk, order_id)
    runs = [
        ("-m", "infra.bench.warm", what, str(times), order_id, token)
        for what in ("track", "raw")
        for times in (FEW, MANY)
    ]
    few, many, raw_few, raw_many = _counted(scene.environment, *runs)
    spent, raw = (many - few) / (MANY - FEW), (raw_many - raw_few) / (MANY - FEW)
    return Measured((Reading(spent, raw),), f"{counter().unit} a request")


# Inside this process ----------------------------------------------------------------------------


def clients_made(scene: Scene) -> Measured:
    """Count the clients that warm requests make, by watching botocore's one way to make one."""
    asked = _a_track(scene)
    events.answered(scene.app, asked, status=200)
    made = 0

    def watch(frame: Any, what: str, _argument: Any) -> None:
        nonlocal made
        made += what == "call" and frame.f_code is ClientCreator.create_client.__code__

    sys.setprofile(watch)
    try:
        for _ in range(WARM):
            events.answered(scene.app, asked, status=200)
    finally:
        sys.setprofile(None)
    return Measured((Reading(made),), f"in {WARM} requests")


def log_bytes(scene: Scene) -> Measured:
    """Return what the longest-winded of several requests writes to the log."""
    body = {
        "kind": "fault",
        "place": f"TQ-{HOME}",
        "phone": PHONE,
        "answers": {"symptom": "no_power", "description": SAYS},
    }
    said = {
        "track": _logged(lambda: events.answered(scene.app, _a_track(scene), status=200)),
        "report": _logged(
            lambda: events.answered(scene.app, events.report(body, key=scene.key()), status=201)
        ),
        "refusal": _logged(
            lambda: events.answered(scene.app, events.track("1" * 16, "no"), status=404)
        ),
    }
    least = _logged(lambda: telemetry.log("api.answered"))
    each = ", ".join(f"{name} {size}" for name, size in said.items())
    note = f"{each} bytes; Lambda's own START, END and REPORT come on top"
    return Measured((Reading(max(said.values()), least),), note)


def _logged(run: Callable[[], object]) -> int:
    caught = io.StringIO()
    with redirect_stdout(caught):
        run()
    return len(caught.getvalue().encode())


def _a_track(scene: Scene) -> dict[str, Any]:
    order_id = scene.file().head.order.order_id
    return events.track(order_id, tracking.token(scene.desk, order_id))


# The rows ---------------------------------------------------------------------------------------

_WHY_COLD: Final = (
    "what we import and did not write is as much as boto3 by itself, so with an empty house of our"
    " own the row would be near its goal. Of what is ours a third is the domain, a quarter the"
    " jobs' use cases, a quarter the API, a sixth the store; pydantic, cryptography, Pillow,"
    " openpyxl and all clients wait for their first use. About half of it is dataclasses: before"
    " Python 3.13 the standard library writes and compiles six methods one by one for each of"
    " three hundred and thirty classes at every start. Records whose methods are not compiled at"
    " the start, or SnapStart, would take that away; PynamoDB and botocore put off to the first"
    " call would only move it into the first answer."
)


def rows() -> tuple[Row, ...]:
    """Return this module's rows; which counter there is decides their unit."""
    unit = counter().unit
    return (
        Row(
            name="cold-start",
            what="import app beside import boto3",
            figures=(Figure(unit, times=1.15),),
            measure=lambda scene: cold_start(scene, ours=OURS, theirs=BOTO3),
            why=_WHY_COLD,
        ),
        Row(
            name="cold-start-client",
            what="the same, with a DynamoDB client made",
            figures=(Figure(unit, times=1.15),),
            measure=lambda scene: cold_start(scene, ours=OUR_CLIENT, theirs=BOTO3_CLIENT),
            why=_WHY_COLD,
        ),
        Row(
            name="warm-request",
            what="track an order, warm, beside one raw get_item",
            figures=(Figure(unit, times=1.5),),
            measure=warm_request,
        ),
        Row(
            name="clients-made",
            what="clients made by warm requests",
            figures=(Figure("clients", floor=0, goal=0),),
            measure=clients_made,
        ),
        Row(
            name="log-bytes",
            what="log of one request",
            figures=(Figure("bytes", goal=400),),
            measure=log_bytes,
        ),
    )
