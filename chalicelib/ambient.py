"""The house's only clock, dice and environment. Entry points read it; everybody else is handed.

Settings are read once. What a function was not given is empty; `secret` is the exception: it roots
every HMAC, so asking for one that is missing or short raises.
"""

import os
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

LEAST_SECRET: Final = 32  # bytes


class NoSetting(RuntimeError):
    """A setting that this function needs is missing or cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, as text. Names: LIGHTKEEPER_ and the field in capitals.

    files, seals: `disk:<path>` or `s3:<bucket>`. site: the same, where public files lie beside the
    pages; empty for nowhere. seal_key: signs seals, raw Ed25519 in base64, only where they are
    made; seal_public: checks them. sms: `keep:<path>`, `sns` or `http:<url>`, with `#rate=400` the
    texts a second that it takes; sms_second: who is asked when that one is busy.
    bootstrap_admin: `<subject>:<name>` of the one who may sign in before any staff is kept.
    pages: a folder of built pages to serve instead of those in the package. demo: any text for yes.
    """

    prefix: str
    ruleset: str
    region: str
    dynamodb_endpoint: str
    public_url: str
    issuer: str
    audience: str
    client_id: str
    files: str
    site: str
    seals: str
    seal_key: str
    seal_public: str
    effects_queue: str
    notices_first_queue: str
    notices_queue: str
    sms: str
    sms_key: str
    sms_secret: str
    sms_signature: str
    sms_second: str
    sms_second_key: str
    sms_second_secret: str
    bootstrap_admin: str
    pages: str
    demo: str
    root: str

    @property
    def secret(self) -> bytes:
        """The root of every HMAC. Raises NoSetting for fewer than 32 bytes."""
        secret = self.root.encode()
        if len(secret) < LEAST_SECRET:
            raise NoSetting(f"LIGHTKEEPER_SECRET needs at least {LEAST_SECRET} bytes")
        return secret

    @property
    def is_local(self) -> bool:
        """Whether this is the local platform: it keeps its texts and shows them on a page."""
        return self.sms.startswith("keep:")

    def __repr__(self) -> str:
        return f"Settings({self.prefix})"


@cache
def settings() -> Settings:
    """Return the settings of this process."""

    def of(name: str, default: str = "") -> str:
        return os.environ.get(f"LIGHTKEEPER_{name}", default)

    return Settings(
        prefix=of("PREFIX", "lightkeeper"),
        ruleset=of("RULESET", "state_grid"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", ""),
        dynamodb_endpoint=of("DYNAMODB_ENDPOINT"),
        public_url=of("PUBLIC_URL"),
        issuer=of("ISSUER"),
        audience=of("AUDIENCE"),
        client_id=of("CLIENT_ID"),
        files=of("FILES"),
        site=of("SITE"),
        seals=of("SEALS"),
        seal_key=of("SEAL_KEY"),
        seal_public=of("SEAL_PUBLIC"),
        effects_queue=of("EFFECTS_QUEUE"),
        notices_first_queue=of("NOTICES_FIRST_QUEUE"),
        notices_queue=of("NOTICES_QUEUE"),
        sms=of("SMS"),
        sms_key=of("SMS_KEY"),
        sms_secret=of("SMS_SECRET"),
        sms_signature=of("SMS_SIGNATURE"),
        sms_second=of("SMS_SECOND"),
        sms_second_key=of("SMS_SECOND_KEY"),
        sms_second_secret=of("SMS_SECOND_SECRET"),
        bootstrap_admin=of("BOOTSTRAP_ADMIN"),
        pages=of("PAGES"),
        demo=of("DEMO"),
        root=of("SECRET"),
    )


_ahead = timedelta()


def now() -> datetime:
    """Return this instant, aware, UTC."""
    return datetime.now(UTC) + _ahead


def run_ahead(by: timedelta) -> None:
    """Let this process's clock run ahead: the local platform, to see next week's notices today."""
    global _ahead  # noqa: PLW0603 - one clock a process
    _ahead = by


def new_id() -> str:
    """Return an id that nobody has: 32 hex digits."""
    return uuid.uuid4().hex


def random_bytes(count: int) -> bytes:
    """Return bytes that nobody can guess."""
    return secrets.token_bytes(count)
