"""Files: one port, kept in S3 or on a disk. Uploads go past us, by a form that we sign.

The form binds key, type and size; whoever holds it can put that one file and nothing else, for
ten minutes. S3 enforces it there, `Disk` here; the use case reads the file again before use,
because a form says what was promised, not what is inside.
"""

import base64
import functools
import hashlib
import hmac
import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from chalicelib.domain.refusal import BadInput, Busy, TooLarge, Unknown
from chalicelib.outbound import aws

UPLOAD_WITHIN: Final = timedelta(minutes=10)
DOWNLOAD_WITHIN: Final = timedelta(minutes=5)
LOCAL_PATH: Final = "/_local/files"  # where the local runner mounts a Disk

_SEGMENT: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_KEY: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,7}}\Z")
_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form for the browser: POST multipart to `url`, all `fields` first, the file last."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it lies there."""

    content_type: str
    body: bytes


class Files(Protocol):
    """Where files are kept. Keys are ours: ids in letters, digits, dots and slashes."""

    def presign_upload(
        self, key: str, *, content_type: str, max_bytes: int, at: datetime
    ) -> Upload:
        """Return a form that puts one file of this type, 1 to `max_bytes` long."""

    def presign_download(self, key: str, *, at: datetime) -> str:
        """Return a URL that reads one file for five minutes."""

    def read(self, key: str, *, max_bytes: int) -> Stored:
        """Return a file. Raises Unknown, TooLarge (nothing is read then) or Busy."""

    def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Keep a file, in place of any before it. Raises Busy."""

    def delete(self, key: str) -> None:
        """Forget a file; one that is not there is forgotten already. Raises Busy."""


def _key(key: str) -> str:
    """Return a key that is one. Ours are made of ids, so anything else is a bug: ValueError."""
    if not _KEY.match(key):
        raise ValueError("a file's key has 1 to 8 segments of letters, digits, dots and hyphens")
    return key


def _type(content_type: str) -> str:
    if not _TYPE.match(content_type):
        raise ValueError("a content type is type/subtype, in lower case, without parameters")
    return content_type


class S3:
    """A private bucket. It must keep no versions, or deleting would not forget."""

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        """client: botocore's; by default the shared one."""
        self._bucket = bucket
        self._client = client or aws.client("s3")

    def presign_upload(
        self,
        key: str,
        *,
        content_type: str,
        max_bytes: int,
        at: datetime,  # noqa: ARG002 - the SDK signs by its own clock
    ) -> Upload:
        """Sign a POST policy on key, type and size."""
        fields = {"Content-Type": _type(content_type), "success_action_status": "201"}
        form = self._client.generate_presigned_post(
            Bucket=self._bucket,
            Key=_key(key),
            Fields=dict(fields),
            Conditions=[
                *({name: value} for name, value in fields.items()),
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=int(UPLOAD_WITHIN.total_seconds()),
        )
        return Upload(url=form["url"], fields=form["fields"])

    def presign_download(self, key: str, *, at: datetime) -> str:  # noqa: ARG002 - as above
        """Sign a GET."""
        url: str = self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": _key(key)},
            ExpiresIn=int(DOWNLOAD_WITHIN.total_seconds()),
        )
        return url

    def read(self, key: str, *, max_bytes: int) -> Stored:
        """Get one object; its length is looked at before its body."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_key(key))
            with closing(answer["Body"]) as stream:  # `with` alone gives the raw one
                if answer["ContentLength"] > max_bytes:
                    raise TooLarge(limit=max_bytes)
                kind = answer.get("ContentType", "application/octet-stream")
                return Stored(kind, stream.read())
        except ClientError as error:
            if aws.code_of(error) == "NoSuchKey":
                raise Unknown(what="file") from error
            raise busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="files") from error

    def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Put one object."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=_key(key), Body=body, ContentType=_type(content_type)
            )
        except ClientError as error:
            raise busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="files") from error

    def delete(self, key: str) -> None:
        """Delete one object."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=_key(key))
        except ClientError as error:
            raise busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="files") from error


def busy(error: ClientError) -> Exception:
    """Return Busy for a service in trouble; what it says of our request is a bug of ours."""
    status = aws.status_of(error)
    is_trouble = status >= 500 or aws.code_of(error) in ("SlowDown", "RequestTimeout")  # noqa: PLR2004 - HTTP
    return Busy(what="files") if is_trouble else error


class Disk:
    """A folder. Each file is named by its key's SHA-256, so that no key can leave the folder.

    A file is one line of JSON (its key and type) and then the bytes; it is written aside, brought
    to disk and renamed, so that a crash leaves the old file or the new one.
    """

    def __init__(self, folder: Path, *, secret: bytes, base_url: str = "") -> None:
        """secret: at least 32 bytes; signs forms and links. base_url: goes before LOCAL_PATH."""
        if len(secret) < hashlib.sha256().digest_size:
            raise ValueError("the secret needs at least 32 bytes")
        self._folder = folder
        self._secret = hmac.digest(secret, b"files", "sha256")
        self._url = base_url.rstrip("/") + LOCAL_PATH

    def presign_upload(
        self, key: str, *, content_type: str, max_bytes: int, at: datetime
    ) -> Upload:
        """Sign a form that `accept_upload` takes."""
        policy = {
            "key": _key(key),
            "type": _type(content_type),
            "max": max_bytes,
            "until": int((at + UPLOAD_WITHIN).timestamp()),
        }
        encoded = base64.urlsafe_b64encode(json.dumps(policy, sort_keys=True).encode()).decode()
        fields = {
            "key": key,
            "Content-Type": content_type,
            "policy": encoded,
            "signature": self._sign("upload", encoded),
        }
        return Upload(url=self._url, fields=fields)

    def accept_upload(self, fields: Mapping[str, str], body: bytes, *, at: datetime) -> str:
        """Keep what was posted with a form of ours, and return its key.

        Raises BadInput (file.policy, file.expired, file.type, file.empty) or TooLarge.
        """
        encoded = fields.get("policy", "")
        if not self._is_signed("upload", encoded, signature=fields.get("signature", "")):
            raise BadInput.of("file", "file.policy")
        policy = json.loads(base64.urlsafe_b64decode(encoded))
        if fields.get("key") != policy["key"]:
            raise BadInput.of("file", "file.policy")
        if at.timestamp() >= policy["until"]:
            raise BadInput.of("file", "file.expired")
        if fields.get("Content-Type") != policy["type"]:
            raise BadInput.of("file", "file.type")
        if not body:
            raise BadInput.of("file", "file.empty")
        if len(body) > policy["max"]:
            raise TooLarge(limit=policy["max"])
        self.write(policy["key"], body, content_type=policy["type"])
        return str(policy["key"])

    def presign_download(self, key: str, *, at: datetime) -> str:
        """Sign a link that `accept_download` takes."""
        until = str(int((at + DOWNLOAD_WITHIN).timestamp()))
        signature = self._sign("download", f"{_key(key)}\n{until}")
        query = urlencode({"key": key, "until": until, "signature": signature})
        return f"{self._url}?{query}"

    def accept_download(self, query: Mapping[str, str], *, max_bytes: int, at: datetime) -> Stored:
        """Return the file that a link of ours names.

        A link that is forged, changed or late answers like a file that is not there: Unknown.
        """
        key, until = query.get("key", ""), query.get("until", "")
        signature = query.get("signature", "")
        is_ours = self._is_signed("download", f"{key}\n{until}", signature=signature)
        if not is_ours or at.timestamp() >= int(until):
            raise Unknown(what="file")
        return self.read(key, max_bytes=max_bytes)

    def read(self, key: str, *, max_bytes: int) -> Stored:
        """Read one file."""
        try:
            with self._path(key).open("rb") as file:
                about = json.loads(file.readline())
                body = file.read(max_bytes + 1)
        except FileNotFoundError:
            raise Unknown(what="file") from None
        except OSError as error:
            raise Busy(what="files") from error
        if len(body) > max_bytes:
            raise TooLarge(limit=max_bytes)
        return Stored(about["type"], body)

    def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Write aside, sync, rename."""
        about = json.dumps({"key": key, "type": _type(content_type)}).encode()
        try:
            replace(self._path(key), about + b"\n" + body)
        except OSError as error:
            raise Busy(what="files") from error

    def delete(self, key: str) -> None:
        """Unlink one file."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise Busy(what="files") from error

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(_key(key).encode()).hexdigest()
        return self._folder / name[:2] / name

    def _sign(self, purpose: str, what: str) -> str:
        # a form may hold anything, lone surrogates too
        message = f"{purpose}\n{what}".encode(errors="surrogatepass")
        return hmac.new(self._secret, message, "sha256").hexdigest()

    def _is_signed(self, purpose: str, what: str, *, signature: str) -> bool:
        given = signature.encode(errors="surrogatepass")
        return hmac.compare_digest(self._sign(purpose, what).encode(), given)


def replace(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, and on disk before returning. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file, aside = tempfile.mkstemp(dir=path.parent, prefix=".aside-")
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(content)
            writing.flush()
            os.fsync(writing.fileno())
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to disk: a rename is not kept by syncing the file alone."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


@functools.cache
def files_from(setting: str, *, secret: bytes = b"", base_url: str = "") -> Files:
    """Return the files that a setting names: `s3:<bucket>` or `disk:<path>`.

    Always the same one for the same setting. Raises ValueError for anything else.
    """
    kind, _, rest = setting.partition(":")
    if kind == "s3" and rest:
        return S3(rest)
    if kind == "disk" and rest:
        return Disk(Path(rest), secret=secret, base_url=base_url)
    raise ValueError("files are s3:<bucket> or disk:<path>")
