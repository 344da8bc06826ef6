"""Build what is deployed: one zip for all functions and one template, in infra/build/package/.

`make package` runs this in the virtual environment; the functions run on the Python that runs it
(release with 3.13). Steps, each a function below:

1. stage   a copy of app.py, chalicelib, the built pages and .chalice
2. fetch   the wheels of infra/requirements/runtime.txt for the function's machine, by hash
3. chalice `chalice package` with infra/resources.yaml merged in
4. slim    drop what no function reads and compile the rest
5. prove   import every module of ours from what is left, and from nothing else
6. zip     byte for byte the same each time
7. check   no placeholder of config.json is left in the template, and cfn-lint has nothing to say;
           AWS_DEFAULT_REGION says where, and cn-… leaves out what mainland China does not have
8. report  what is in the zip, with a reason for each part over 1 MB

Chalice alone would download without hashes, ship botocore's 400 services and no `.pyc`: each cold
start would compile everything again, because a function cannot write beside its code.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
BUILD: Final = ROOT / "infra" / "build"
PAGES: Final = ROOT / "frontend" / "dist"
STAGE: Final = "prod"

# Newest glibc of the function's system, by Python; a wheel may ask for any older one.
GLIBC_MINOR: Final = {(3, 11): 26, (3, 12): 34, (3, 13): 34}
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}

SERVICES: Final = frozenset({"dynamodb", "s3", "sns", "sqs"})
"""What the functions call: of botocore's descriptions, only these are shipped."""

WITHOUT: Final = (
    "bin",
    "**/__pycache__",
    "**/tests",
    "**/*.pyi",
    "**/py.typed",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "aws_lambda_powertools/event_handler",  # Chalice routes
    "pydantic/v1",  # its old interface, whole
    "pycparser*",  # reads C for cffi where something is built; nothing is built here
    # Pillow reads JPEG, PNG and WebP for us; it writes no words and opens no windows.
    "PIL/_avif.*",
    "PIL/_imagingcms.*",
    "PIL/_imagingft.*",
    "PIL/_imagingtk.*",
    "pillow.libs/libavif-*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "pillow.libs/liblcms2-*",
    "pillow.libs/libpng16-*",
)

PROOF: Final = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
from PIL import features
for codec in ("jpg", "zlib", "webp"):
    assert features.check(codec), codec
"""

# Amazon's regions in mainland China have no Cognito and no CloudFront of this kind, and reject a
# template that so much as names them. The staff's issuer is one's own there, and the API serves
# the pages alone.
NOT_IN_CHINA: Final = frozenset({"HasEdge", "HasSiteDomain", "OwnSignIn"})
UNASKED_IN_CHINA: Final = frozenset({"Edge", "SiteDomain", "SiteCertificate"})

LIMIT: Final = 20_000_000
BIG: Final = 1_000_000
REASONS: Final = {
    "PIL": "photos are re-encoded, which is what removes their EXIF; imported at an upload only",
    "aws_lambda_powertools": "logs, metrics, partial batches; its parts load one by one",
    "botocore": "speaks to DynamoDB, SQS, SNS and S3; PynamoDB stands on it",
    "chalicelib": "this project",
    "cryptography": "checks the staff's tokens and signs seals; imported where that is done",
    "openpyxl": "XLSX in and out; imported at an import or an export only",
    "pillow.libs": "Pillow's JPEG and WebP decoders",
    "pydantic": "what a body may hold, and the OpenAPI made from it; imported by the API only",
    "pydantic_core": "pydantic's engine",
}


class CannotPackage(Exception):
    """What is wrong and what to do about it, as one sentence for a person at a terminal."""


@dataclass(frozen=True)
class Part:
    """A top-level package in the zip: bytes as packed and as unpacked."""

    name: str
    packed: int
    unpacked: int


def build(*, pages: Path = PAGES, build_in: Path = BUILD) -> Path:
    """Build everything and return the folder with `deployment.zip` and `template.json`.

    pages: the built front end. build_in: a folder that is ours to empty.
    Raises CannotPackage.
    """
    here = next(
        (name for name, machine in MACHINES.items() if machine == platform.machine()), "x86_64"
    )
    there = str(config()["lambda_architecture"])
    for architecture in dict.fromkeys((here, there)):  # once if they are one
        made = build_in / architecture
        shutil.rmtree(made, ignore_errors=True)
        stage(made / "staging", pages=pages)
        fetch(made / "staging" / "vendor", architecture=architecture)
        chalice(made / "staging", out=made / "chalice")
        slim(made / "chalice" / "deployment.zip", tree=made / "tree")
    prove(build_in / here / "tree")

    package = build_in / "package"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir()
    zip_same(build_in / there / "tree", package / "deployment.zip")
    template = template_of(build_in / there / "chalice" / "sam.yaml")
    if region().startswith("cn-"):
        template = for_china(template)
    (package / "template.json").write_text(json.dumps(template, ensure_ascii=False, indent=1))
    lint(package / "template.json")
    return package


def region() -> str:
    """Return where this will be deployed; Chalice insists on an answer, even offline."""
    return os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"


def config() -> dict[str, Any]:
    """Return .chalice/config.json."""
    read: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return read


def stage(staging: Path, *, pages: Path) -> None:
    """Copy what is deployed, and nothing else, to a folder of its own.

    Raises CannotPackage if the pages are not built.
    """
    if not (pages / "index.html").exists():
        raise CannotPackage(f"{pages} holds no built pages: run `make pages` first.")
    shutil.copytree(
        ROOT / "chalicelib",
        staging / "chalicelib",
        ignore=shutil.ignore_patterns("__pycache__", "pages"),
    )
    shutil.copytree(pages, staging / "chalicelib" / "pages", ignore=shutil.ignore_patterns(".*"))
    (staging / ".chalice").mkdir()
    for file in (ROOT / ".chalice").glob("*.json"):
        shutil.copy2(file, staging / ".chalice")
    shutil.copy2(ROOT / "app.py", staging)
    shutil.copy2(ROOT / "infra" / "resources.yaml", staging)
    # Chalice insists on the file; its own downloads know no hashes, so it is left nothing to do.
    (staging / "requirements.txt").write_text("")


def fetch(vendor: Path, *, architecture: str) -> None:
    """Install the run-time requirements for the function's machine, every file checked by hash.

    Raises CannotPackage if this Python is none that Lambda runs, or a wheel is missing.
    """
    version = sys.version_info[:2]
    if version not in GLIBC_MINOR:
        known = ", ".join(f"{major}.{minor}" for major, minor in GLIBC_MINOR)
        raise CannotPackage(f"Package with one of Python {known}, not {version[0]}.{version[1]}.")
    machine = MACHINES[architecture]
    names = [f"manylinux_2_{minor}_{machine}" for minor in range(17, GLIBC_MINOR[version] + 1)]
    python(
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"),
        *("--implementation=cp", f"--python-version={version[0]}.{version[1]}"),
        *(f"--platform={name}" for name in (f"manylinux2014_{machine}", *names)),
        *(f"--target={vendor}", "-r", str(ROOT / "infra/requirements/runtime.txt")),
        cwd=ROOT,
        doing="fetching the run-time requirements",
    )


def chalice(staging: Path, *, out: Path) -> None:
    """Run `chalice package` in the staging copy."""
    python(
        *("-c", "from chalice.cli import main; raise SystemExit(main())"),
        *("package", "--stage", STAGE, "--merge-template", "resources.yaml", str(out)),
        cwd=staging,
        doing="chalice package",
        env={"AWS_DEFAULT_REGION": region()},
    )


def slim(package: Path, *, tree: Path) -> None:
    """Unpack Chalice's zip, drop what no function reads and compile the rest where it will lie.

    The `.pyc` are never compared with their sources (`unchecked-hash`): both are in one zip.
    """
    shutil.rmtree(tree, ignore_errors=True)
    with zipfile.ZipFile(package) as packed:
        packed.extractall(tree)
    for pattern in WITHOUT:
        for found in sorted(tree.glob(pattern)):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    for service in sorted((tree / "botocore" / "data").iterdir()):
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    python(
        *("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(tree), "-p", "/var/task", str(tree)),
        cwd=tree,
        doing="compiling",
        env={"PYTHONHASHSEED": "0"},  # else sets are written in another order each time
    )


def prove(tree: Path) -> None:
    """Import app.py and every module of chalicelib from the tree and the standard library alone.

    The tree is for this machine, so its twin for the functions' machine lacks nothing either.
    Raises CannotPackage, with the error of the import.
    """
    python(
        *("-I", "-S", "-c", PROOF, str(tree)),
        cwd=tree,
        doing="importing what is shipped",
        env={
            **config()["stages"][STAGE]["environment_variables"],
            "AWS_DEFAULT_REGION": region(),
        },
    )


def zip_same(tree: Path, package: Path) -> None:
    """Zip a folder so that the same files give the same bytes: sorted, without times or owners."""
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(tree.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(tree).as_posix())
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                packed.writestr(entry, file.read_bytes(), compresslevel=9)


def template_of(merged: Path) -> dict[str, Any]:
    """Return Chalice's merged template, ready to deploy.

    As JSON: CloudFormation reads no YAML aliases, and Chalice writes many.
    Raises CannotPackage if what infra/resources.yaml says of a function met no function of app.py,
    or a function would start with a placeholder of config.json.
    """
    template: dict[str, Any] = yaml.safe_load(merged.read_text())
    for name, properties in functions(template):
        if "Handler" not in properties or len(properties.get("Events", {})) > 1:
            raise CannotPackage(
                f"{name} and its events are called otherwise in infra/resources.yaml than in app.py"
            )
        for setting, value in properties["Environment"]["Variables"].items():
            if isinstance(value, str) and setting.startswith("LIGHTKEEPER_"):
                raise CannotPackage(
                    f"{name} would get {setting}={value!r} from .chalice/config.json:"
                    " infra/resources.yaml must set it for that function."
                )
    return template


def for_china(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template without what the regions in mainland China do not have."""
    made: dict[str, Any] = {
        part: {
            name: _without_conditions(each)
            for name, each in value.items()
            if not (isinstance(each, dict) and each.get("Condition") in NOT_IN_CHINA)
        }
        if isinstance(value, dict)
        else value
        for part, value in template.items()
    }
    used = json.dumps([made["Resources"], made["Outputs"]])
    made["Conditions"] = {
        name: each for name, each in made["Conditions"].items() if f'"{name}"' in used
    }
    made["Parameters"] = {
        name: each for name, each in made["Parameters"].items() if name not in UNASKED_IN_CHINA
    }
    made["Parameters"]["Issuer"].pop("Default")
    made["Rules"] = {
        name: each
        for name, each in made["Rules"].items()
        if not any(f'"{parameter}"' in json.dumps(each) for parameter in UNASKED_IN_CHINA)
    }
    return made


def _without_conditions(value: Any) -> Any:
    """Return a piece of template in which what China lacks is decided: it is not there."""
    if isinstance(value, list):
        return [_without_conditions(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value and value["Fn::If"][0] in NOT_IN_CHINA:
        return _without_conditions(value["Fn::If"][2])
    return {name: _without_conditions(each) for name, each in value.items()}


def functions(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each function's logical name and properties."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield name, resource["Properties"]


def lint(template: Path) -> None:
    """Raise CannotPackage unless cfn-lint has nothing at all to say."""
    entry = "from cfnlint.runner import main; raise SystemExit(main())"
    python(
        *("-c", entry, "--regions", region(), "--", str(template)),
        cwd=ROOT,
        doing="cfn-lint",
    )


def parts(package: Path) -> list[Part]:
    """Return what a zip is made of, largest first."""
    packed: Counter[str] = Counter()
    unpacked: Counter[str] = Counter()
    with zipfile.ZipFile(package) as opened:
        for entry in opened.infolist():
            name = entry.filename.partition("/")[0]
            packed[name] += entry.compress_size
            unpacked[name] += entry.file_size
    return [Part(name, size, unpacked[name]) for name, size in packed.most_common()]


def report(package: Path) -> bool:
    """Print what the zip is made of; return whether it keeps its limit and every big part a reason.

    Sizes in MB of 1,000,000 bytes.
    """
    total, found = package.stat().st_size, parts(package)
    print(f"{'packed':>7} {'unpacked':>8}  MB")
    for part in found:
        if part.unpacked >= BIG:
            reason = REASONS.get(part.name, "NO REASON GIVEN in infra/package.py")
            print(f"{part.packed / 1e6:7.2f} {part.unpacked / 1e6:8.2f}  {part.name}: {reason}")
    small = [part for part in found if part.unpacked < BIG]
    rest = sum(part.packed for part in small), sum(part.unpacked for part in small)
    print(f"{rest[0] / 1e6:7.2f} {rest[1] / 1e6:8.2f}  {len(small)} others")
    unpacked = sum(part.unpacked for part in found)
    print(f"{total / 1e6:7.2f} {unpacked / 1e6:8.2f}  all; the limit is {LIMIT / 1e6:.0f} packed")
    reasoned = all(part.name in REASONS for part in found if part.unpacked >= BIG)
    return reasoned and total <= LIMIT


def python(*arguments: str, cwd: Path, doing: str, env: Mapping[str, str] | None = None) -> None:
    """Run the Python that runs this. Raises CannotPackage with all that it said if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotPackage(f"{doing} failed:\n{done.stdout.strip()}")


def main() -> int:
    """Build, report and say how to deploy. Returns the exit status."""
    try:
        package = build()
    except CannotPackage as error:
        print(error, file=sys.stderr)
        return 1
    kept = report(package / "deployment.zip")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    print(
        f"\nBuilt for Python {version} on {config()['lambda_architecture']}, region {region()};"
        " cfn-lint has nothing to say. To deploy:"
    )
    template = (package / "template.json").relative_to(ROOT)
    packaged = (package / "packaged.json").relative_to(ROOT)
    print(
        f"  aws cloudformation package --use-json --template-file {template}"
        f" --s3-bucket BUCKET --output-template-file {packaged}\n"
        f"  aws cloudformation deploy --template-file {packaged} --s3-bucket BUCKET"
        " --stack-name lightkeeper --capabilities CAPABILITY_IAM"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
