"""The demo staff's sign-in, as a child process: see issuer.mjs for what it does."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infra.local.children import Child
from infra.local.tools import need_node, npm_bits

CLIENT: Final = "lightkeeper-office"
AUDIENCE: Final = "urn:lightkeeper:api"
DEMO_GRANT: Final = "urn:lightkeeper:demo"
_SCRIPT: Final = Path(__file__).resolve().parent / "issuer.mjs"
# Where the office page may be when it sends people to sign in: as deployed, and as a file server
# or `vite` names it.
_OFFICE_PAGES: Final = ("/office", "/office/", "/office.html")


@dataclass(frozen=True)
class Person:
    """Somebody who can be picked at the demo sign-in, as `staff.json` lists them.

    sub: the subject that staff records name; role and office: words to show.
    """

    sub: str
    name: str
    role: str
    office: str


def write_staff(file: Path, people: Sequence[Person]) -> None:
    """Say who can be picked. The sign-in reads the file anew each time."""
    file.write_text(
        json.dumps([asdict(person) for person in people], ensure_ascii=False, indent=1), "utf-8"
    )


def read_staff(file: Path) -> list[Person]:
    """Return who can be picked; nobody before the file exists."""
    if not file.exists():
        return []
    return [Person(**person) for person in json.loads(file.read_text("utf-8"))]


def start(data: Path, *, port: int, origins: Sequence[str], stage: str = "") -> Child:
    """Start the sign-in for pages of these origins, `http://127.0.0.1:8000` for one.

    data: holds its keys (`issuer.json`, made if missing) and `staff.json`. It takes half a second:
    do something else, then ask whether it is `ready`.

    Raises CannotRun if it cannot be started.
    """
    base = f"/{stage}" if stage else ""
    config = {
        "modules": str(npm_bits()),
        "port": port,
        "keys": str(data / "issuer.json"),
        "staff": str(data / "staff.json"),
        "clock": str(data / "clock.json"),
        "origins": list(origins),
        "redirects": [f"{origin}{base}{page}" for origin in origins for page in _OFFICE_PAGES],
        "client": CLIENT,
        "audience": AUDIENCE,
    }
    command = [need_node().node, str(_SCRIPT), json.dumps(config)]
    return Child("The demo sign-in", command, port=port, log=data / "issuer.log")
