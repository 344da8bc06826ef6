"""How large the package is, and what in it is large."""

from pathlib import Path
from typing import Final

from infra import package
from infra.bench.scene import Scene
from infra.bench.table import CannotMeasure, Figure, Measured, Reading, Row

MB: Final = 1e6
BUILT: Final = package.BUILD / "package" / "deployment.zip"
MADE_OF: Final = ("app.py", "chalicelib", ".chalice", "infra/package.py", "infra/resources.yaml",
                  "infra/requirements/runtime.txt", "frontend/dist")  # fmt: skip


def size(_scene: Scene) -> Measured:
    """Weigh the zip that is there if it is newer than its sources; build it if not."""
    zipped = BUILT if _is_fresh(BUILT) else _build()
    parts = [part for part in package.parts(zipped) if part.unpacked >= package.BIG]
    unreasoned = [part for part in parts if part.name not in package.REASONS]
    listed = [
        f"{part.name} {part.packed / MB:.2f} ({package.REASONS.get(part.name, 'NO REASON GIVEN')})"
        for part in parts
    ]
    readings = (zipped.stat().st_size / MB, float(len(unreasoned)))
    return Measured(tuple(map(Reading, readings)), f"over 1 MB unpacked: {'; '.join(listed)}")


def _build() -> Path:
    try:
        return package.build() / "deployment.zip"
    except package.CannotPackage as refused:
        raise CannotMeasure(str(refused)) from refused


def _is_fresh(zipped: Path) -> bool:
    if not zipped.exists():
        return False
    made = zipped.stat().st_mtime
    sources = (package.ROOT / name for name in MADE_OF)
    files = (
        file for source in sources for file in ([source] if source.is_file() else source.rglob("*"))
    )
    return all(file.stat().st_mtime <= made for file in files if "__pycache__" not in file.parts)


ROWS: Final = (
    Row(
        name="package",
        what="the functions' zip, with .pyc",
        figures=(
            Figure("MB", floor=5.6, goal=package.LIMIT / MB),
            Figure("parts over 1 MB without a reason", floor=0, goal=0),
        ),
        measure=size,
    ),
)
