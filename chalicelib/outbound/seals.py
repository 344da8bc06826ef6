"""Seals (封签): each hour's event digests in one signed object that cannot be written again.

A hash chain shows that a row in its middle was changed, not that its tail was cut off. A seal
names the digests that arrived in an hour, and the seal before it, signed with Ed25519; kept under
object lock, it outlives even whoever may delete rows. The signature of the same hour with the
same digests is the same, byte for byte, so writing a seal twice is writing it once.

The object is JSON: `body` (hour, count, root, previous, digests), `key` (which public key) and
`signature` over the canonical form of `body`: sorted names, no spaces, ASCII.
"""

import base64
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws, objects

RETAIN: Final = timedelta(days=3 * 366)  # [design] three years; audit records need six months
VERSION: Final = 1
FIRST: Final = "0" * 64  # what the first seal names as its previous one

_KEY_BYTES: Final = 32


class SealBroken(Exception):
    """An object that is not a seal of ours, or not any more. The message is a slug."""


class SealedAlready(Exception):
    """The hour has a seal with other content; it stays. Alarm: two sealers disagree."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One hour's seal.

    hour: aware, UTC, on the hour. digests: (event, SHA-256 in hex), sorted by event.
    previous: the `id` of the seal before, or FIRST. content: the object's bytes, signature and all.
    """

    hour: datetime
    digests: tuple[tuple[str, str], ...]
    previous: str
    content: bytes

    @property
    def id(self) -> str:
        """What the next seal names as its previous one: the SHA-256 of the whole object."""
        return hashlib.sha256(self.content).hexdigest()


def seal(
    hour: datetime, digests: Iterable[tuple[str, str]], *, previous: str, private_key: str
) -> Seal:
    """Sign one hour's digests. Pure: the same input gives the same bytes.

    digests: (event, SHA-256 in hex) in any order, repetitions allowed; the stream may bring one
    event twice. private_key: raw Ed25519, 32 bytes in base64. Raises ValueError for a key that
    is none, an hour that is not on the hour, or one event with two digests.
    """
    if hour.utcoffset() != timedelta(0) or hour.replace(minute=0, second=0, microsecond=0) != hour:
        raise ValueError("an hour is aware, UTC and on the hour")
    listed = sorted(set(digests))
    if len({event for event, _ in listed}) != len(listed):
        raise ValueError("one event has two digests")
    body = {
        "version": VERSION,
        "hour": _stamp(hour),
        "count": len(listed),
        "root": _root(listed),
        "previous": previous,
        "digests": listed,
    }
    key = _private(private_key)
    signed = {
        "body": body,
        "key": _key_id(key.public_key().public_bytes_raw()),
        "signature": _base64(key.sign(_canonical(body))),
    }
    return Seal(hour, tuple(listed), previous, _canonical(signed))


def verify(content: bytes, *, public_key: str) -> Seal:
    """Return the seal, if these bytes are one. Raises SealBroken with what is wrong first.

    public_key: raw Ed25519, 32 bytes in base64; see `public_key_of`.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as in _private

    try:
        signed = json.loads(content)
        body, signature = signed["body"], base64.b64decode(signed["signature"], validate=True)
        canonical = _canonical(body)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SealBroken("unreadable") from None
    raw, verifier = _public(public_key)
    if signed.get("key") != _key_id(raw):
        raise SealBroken("other-key")
    again = {"body": body, "key": _key_id(raw), "signature": _base64(signature)}
    try:
        verifier.verify(signature, canonical)
    except InvalidSignature:
        raise SealBroken("signature") from None
    digests = tuple((event, digest) for event, digest in body["digests"])
    if (
        _canonical(again) != content
        or body["count"] != len(digests)
        or body["root"] != _root(digests)
    ):
        raise SealBroken("content")
    return Seal(datetime.fromisoformat(body["hour"]), digests, body["previous"], content)


def sign(content: bytes, *, private_key: str) -> tuple[str, str]:
    """Return (which key, signature in base64) of any content. Raises ValueError for no key."""
    key = _private(private_key)
    return _key_id(key.public_key().public_bytes_raw()), _base64(key.sign(content))


def is_signed(content: bytes, *, key: str, signature: str, public_key: str) -> bool:
    """Return whether a signature is that of a key over this content."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as in _private

    raw, verifier = _public(public_key)
    try:
        verifier.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return key == _key_id(raw)


def public_key_of(private_key: str) -> str:
    """Return the base64 public key that checks what the private one signs."""
    return _base64(_private(private_key).public_key().public_bytes_raw())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(key: str) -> bytes:
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise ValueError("an Ed25519 key is 32 bytes in base64")
    return raw


def _private(key: str) -> Any:
    # cryptography is 14 MB; only the hourly seal and its check need it here
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(_raw(key))


def _public(key: str) -> tuple[bytes, Any]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    raw = _raw(key)
    return raw, Ed25519PublicKey.from_public_bytes(raw)


def _key_id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def _canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _root(digests: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"{event} {digest}\n" for event, digest in digests)
    return hashlib.sha256(lines.encode()).hexdigest()


def _stamp(hour: datetime) -> str:
    return hour.strftime("%Y-%m-%dT%H:00:00Z")


def _name(hour: datetime) -> str:
    return hour.astimezone(UTC).strftime("seals/%Y/%m/%d/%H.json")


class Seals(Protocol):
    """Where seals lie. What is put stays."""

    def put(self, sealed: Seal, *, at: datetime) -> None:
        """Keep a seal. The same one again is no news. Raises SealedAlready or Busy."""

    def find(self, hour: datetime) -> bytes | None:
        """Return an hour's object, unchecked, or None. Raises Busy."""


class S3Seals:
    """A versioned bucket under object lock, in compliance mode: nobody shortens the retention."""

    def __init__(self, bucket: str, *, retain: timedelta = RETAIN, client: Any = None) -> None:
        """retain: from the moment of writing."""
        self._bucket = bucket
        self._retain = retain
        self._client = client or aws.client("s3")

    def put(self, sealed: Seal, *, at: datetime) -> None:
        """Put the object only if there is none, locked."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=_name(sealed.hour),
                Body=sealed.content,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",  # object lock demands a checksum
                IfNoneMatch="*",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=at + self._retain,
            )
        except ClientError as error:
            # 412: there is one. 409: another put of it is under way.
            if aws.code_of(error) not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise objects.busy(error) from error
            _compare(sealed, self.find(sealed.hour))
        except aws.UNANSWERED as error:
            raise Busy(what="seals") from error

    def find(self, hour: datetime) -> bytes | None:
        """Get the object."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_name(hour))
            with closing(answer["Body"]) as stream:
                found: bytes = stream.read()
        except ClientError as error:
            if aws.code_of(error) == "NoSuchKey":
                return None
            raise objects.busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="seals") from error
        return found


class DiskSeals:
    """A folder, for the local platform. It refuses to overwrite; it cannot refuse its owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, sealed: Seal, *, at: datetime) -> None:  # noqa: ARG002 - a disk retains as long as it lives
        """Write aside, sync, and link: a link fails where a name is taken, and is never torn."""
        path = self._folder / _name(sealed.hour)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file, aside = tempfile.mkstemp(dir=path.parent, prefix=".aside-")
            with os.fdopen(file, "wb") as writing:
                writing.write(sealed.content)
                writing.flush()
                os.fsync(writing.fileno())
            try:
                path.hardlink_to(aside)
            finally:
                Path(aside).unlink()
            path.chmod(0o444)
            objects.sync_folder(path.parent)
        except FileExistsError:
            _compare(sealed, self.find(sealed.hour))
        except OSError as error:
            raise Busy(what="seals") from error

    def find(self, hour: datetime) -> bytes | None:
        """Read the file."""
        path = self._folder / _name(hour)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Busy(what="seals") from error


def _compare(sealed: Seal, found: bytes | None) -> None:
    if found is None:  # a put that was under way did not end well: try again
        raise Busy(what="seals")
    if found != sealed.content:
        raise SealedAlready(_stamp(sealed.hour))


@functools.cache
def seals_from(setting: str, *, retain: timedelta = RETAIN) -> Seals:
    """Return the seals that a setting names: `s3:<bucket>` or `disk:<path>`.

    Always the same ones for the same setting. Raises ValueError for anything else.
    """
    kind, _, rest = setting.partition(":")
    if kind == "s3" and rest:
        return S3Seals(rest, retain=retain)
    if kind == "disk" and rest:
        return DiskSeals(Path(rest))
    raise ValueError("seals are s3:<bucket> or disk:<path>")
