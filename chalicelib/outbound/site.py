"""Plain files that anybody may read without us: the public page's data, in a folder or a bucket.

They lie under their own names beside the built pages, so that whatever serves files serves them
while every function of ours is down. Each is written whole.
"""

import functools
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws
from chalicelib.outbound.objects import busy, replace

KEPT: Final = "public, max-age=15"
"""How long a copy may be shown: short beside the 30 s in which a change has to be there."""


class Site(Protocol):
    """Where public files lie."""

    def read(self, name: str) -> bytes | None:
        """Return a file, None where there is none. Raises Busy."""

    def write(self, name: str, body: bytes, *, content_type: str) -> None:
        """Keep a file whole, in place of the one before. Raises Busy."""


class Folder:
    """A folder that something serves as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """Read one file."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Busy(what="site") from error

    def write(self, name: str, body: bytes, *, content_type: str) -> None:  # noqa: ARG002 - its name says it
        """Write aside, sync, rename; others may read it."""
        path = self._folder / name
        try:
            replace(path, body)
            path.chmod(0o644)
        except OSError as error:
            raise Busy(what="site") from error


class Bucket:
    """The bucket of the built pages, behind CloudFront or whatever serves it."""

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        """client: botocore's; by default the shared one."""
        self._bucket = bucket
        self._client = client or aws.client("s3")

    def read(self, name: str) -> bytes | None:
        """Get one object."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=name)
            with closing(answer["Body"]) as stream:
                body: bytes = stream.read()
                return body
        except ClientError as error:
            if aws.code_of(error) == "NoSuchKey":
                return None
            raise busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="site") from error

    def write(self, name: str, body: bytes, *, content_type: str) -> None:
        """Put one object."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ContentType=content_type,
                CacheControl=KEPT,
            )
        except ClientError as error:
            raise busy(error) from error
        except aws.UNANSWERED as error:
            raise Busy(what="site") from error


@functools.cache
def site_from(setting: str) -> Site | None:
    """Return where a setting says that public files lie: `s3:<bucket>`, `disk:<path>`, or nowhere.

    Always the same one for the same setting. Raises ValueError for anything else.
    """
    kind, _, rest = setting.partition(":")
    if not setting:
        return None
    if kind == "s3" and rest:
        return Bucket(rest)
    if kind == "disk" and rest:
        return Folder(Path(rest))
    raise ValueError("a site is s3:<bucket> or disk:<path>")
