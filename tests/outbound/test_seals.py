"""Seals: the same hour gives the same bytes, and no change of them goes unseen."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws, seals
from chalicelib.outbound.seals import (
    FIRST,
    DiskSeals,
    S3Seals,
    Seal,
    SealBroken,
    SealedAlready,
    Seals,
    public_key_of,
    seal,
    seals_from,
    verify,
)

HOUR = datetime(2026, 7, 1, 4, tzinfo=UTC)
AT = HOUR + timedelta(hours=1, minutes=5)
PRIVATE = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
PUBLIC = public_key_of(PRIVATE)
DIGESTS = [(f"order/{n}#1", hashlib.sha256(bytes([n])).hexdigest()) for n in range(3)]


def a_seal(digests: list[tuple[str, str]] | None = None, hour: datetime = HOUR) -> Seal:
    return seal(hour, DIGESTS if digests is None else digests, previous=FIRST, private_key=PRIVATE)


# --- what a seal says


def test_a_seal_names_hour_count_root_digests_previous():
    body = json.loads(a_seal().content)["body"]

    lines = "".join(f"{event} {digest}\n" for event, digest in DIGESTS)
    assert body == {
        "version": 1,
        "hour": "2026-07-01T04:00:00Z",
        "count": 3,
        "root": hashlib.sha256(lines.encode()).hexdigest(),
        "previous": FIRST,
        "digests": [list(pair) for pair in DIGESTS],
    }


def test_a_seal_that_is_whole_is_read_back():
    sealed = a_seal()

    assert verify(sealed.content, public_key=PUBLIC) == sealed


def test_an_hour_in_which_nothing_happened_is_sealed_too():
    assert verify(a_seal([]).content, public_key=PUBLIC).digests == ()


@given(st.permutations(DIGESTS * 2))
def test_order_and_repetition_on_the_stream_change_nothing(digests):
    assert a_seal(digests).content == a_seal().content


def test_each_seal_names_the_one_before():
    first = a_seal()
    second = seal(HOUR + timedelta(hours=1), [], previous=first.id, private_key=PRIVATE)

    assert verify(second.content, public_key=PUBLIC).previous == first.id
    assert first.id == hashlib.sha256(first.content).hexdigest()


@pytest.mark.parametrize(
    "hour",
    [
        HOUR.replace(tzinfo=None),
        HOUR + timedelta(minutes=5),
        HOUR + timedelta(microseconds=1),
        HOUR.astimezone(timezone(timedelta(hours=8))),
    ],
)
def test_an_hour_is_utc_and_on_the_hour(hour):
    with pytest.raises(ValueError, match="on the hour"):
        a_seal(hour=hour)


def test_one_event_with_two_digests_is_not_sealed():
    with pytest.raises(ValueError, match="two digests"):
        a_seal([("order/1#1", "a"), ("order/1#1", "b")])


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(b"x" * 31).decode(), "密钥"])
def test_a_key_is_32_bytes(key):
    with pytest.raises(ValueError, match="32 bytes"):
        seal(HOUR, [], previous=FIRST, private_key=key)
    with pytest.raises(ValueError, match="32 bytes"):
        verify(a_seal().content, public_key=key)


# --- what changed


def broken(content: bytes, public_key: str = PUBLIC) -> str:
    with pytest.raises(SealBroken) as caught:
        verify(content, public_key=public_key)
    return str(caught.value)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(a_seal().content)
    change(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["body"]["digests"].pop(),
        lambda it: it["body"]["digests"].append(["order/9#1", "0" * 64]),
        lambda it: it["body"]["digests"][0].__setitem__(1, "0" * 64),
        lambda it: it["body"].update(hour="2026-07-01T05:00:00Z"),
        lambda it: it["body"].update(previous="1" * 64),
        lambda it: it["body"].update(count=2),
        lambda it: it["body"].update(extra=1),
        lambda it: it.update(signature=base64.b64encode(b"0" * 64).decode()),
        lambda it: it.update(signature=""),
    ],
)
def test_a_changed_body_breaks_the_signature(change):
    assert broken(changed(change)) == "signature"


def test_a_seal_by_another_key_is_not_ours():
    theirs = seal(HOUR, DIGESTS, previous=FIRST, private_key=OTHER)

    assert broken(theirs.content) == "other-key"
    assert broken(changed(lambda it: it.update(key="0" * 16))) == "other-key"


def test_something_beside_the_body_or_another_spelling_is_noticed():
    assert broken(changed(lambda it: it.update(extra=1))) == "content"
    assert broken(a_seal().content + b"\n") == "content"
    # the last character of 64 bytes in base64 holds four bits that mean nothing
    signature = json.loads(a_seal().content)["signature"]
    twin = chr(ord(signature[85]) + 1)
    spelt = signature[:85] + twin + "=="
    assert base64.b64decode(spelt, validate=True) == base64.b64decode(signature)
    assert broken(changed(lambda it: it.update(signature=spelt))) == "content"


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"not json", b"[" * 100_000, b"\xff", b'{"body":1}',
                b'{"body":{},"signature":"*"}', b'{"body":{},"signature":1}'],
)  # fmt: skip
def test_what_is_no_seal_is_unreadable(content):
    assert broken(content) == "unreadable"


@given(st.data())
def test_no_byte_can_be_changed(data):
    content = bytearray(a_seal().content)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))

    assert broken(bytes(content))


# --- where seals lie


@pytest.fixture
def bucket() -> Iterator[S3Seals]:
    with mock_aws():
        aws.client("s3").create_bucket(
            Bucket="seals",
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": "cn-north-1"},
        )
        yield S3Seals("seals", retain=timedelta(days=200))


@pytest.fixture
def disk(tmp_path) -> DiskSeals:
    return DiskSeals(tmp_path)


@pytest.fixture(params=["disk", "bucket"])
def kept(request) -> Seals:
    found: Seals = request.getfixturevalue(request.param)
    return found


def test_a_kept_seal_is_found_by_its_hour(kept):
    kept.put(a_seal(), at=AT)

    assert kept.find(HOUR) == a_seal().content
    assert kept.find(HOUR.astimezone(timezone(timedelta(hours=8)))) == a_seal().content
    assert kept.find(HOUR + timedelta(hours=1)) is None


def test_keeping_the_same_seal_again_is_no_news(kept):
    kept.put(a_seal(), at=AT)
    kept.put(a_seal(), at=AT + timedelta(minutes=1))

    assert kept.find(HOUR) == a_seal().content


def test_an_hour_once_sealed_stays_as_it_is(kept):
    kept.put(a_seal(), at=AT)

    with pytest.raises(SealedAlready, match="2026-07-01T04:00:00Z"):
        kept.put(a_seal(DIGESTS[:1]), at=AT)
    assert kept.find(HOUR) == a_seal().content


def test_s3_locks_the_object_against_everybody(bucket):
    bucket.put(a_seal(), at=AT)

    head = aws.client("s3").head_object(Bucket="seals", Key="seals/2026/07/01/04.json")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] == AT + timedelta(days=200)
    with pytest.raises(aws_error(), match="AccessDenied"):
        aws.client("s3").delete_object(
            Bucket="seals", Key="seals/2026/07/01/04.json", VersionId=head["VersionId"]
        )


def aws_error() -> type[Exception]:
    found: type[Exception] = aws.client("s3").exceptions.ClientError
    return found


def test_s3_in_trouble_is_busy_and_what_it_says_of_us_is_a_bug(strangers):
    denied = strangers.answers(403, b"<Error><Code>AccessDenied</Code></Error>")
    conflict = strangers.answers(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    for url, failure in (
        (strangers.nobody(), Busy),
        (strangers.resets().url, Busy),
        (strangers.answers(503, b"<Error><Code>SlowDown</Code></Error>").url, Busy),
        (denied.url, aws_error()),
        (conflict.url, aws_error()),
    ):
        kept = S3Seals("seals", client=aws.client("s3", attempts=1, endpoint=url))
        with pytest.raises(failure):
            kept.put(a_seal(), at=AT)
        with pytest.raises(failure):
            kept.find(HOUR)


def test_a_put_that_another_one_hindered_and_that_left_nothing_is_tried_again(strangers):
    def script(line, heard) -> None:
        code = "ConditionalRequestConflict" if heard.method == "PUT" else "NoSuchKey"
        status = 409 if heard.method == "PUT" else 404
        body = f"<Error><Code>{code}</Code></Error>".encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)

    url = strangers.speaks(script).url
    kept = S3Seals("seals", client=aws.client("s3", attempts=1, endpoint=url))

    with pytest.raises(Busy):
        kept.put(a_seal(), at=AT)


def test_a_disk_keeps_nothing_beside_the_seal_and_lets_nobody_write_it(disk, tmp_path):
    disk.put(a_seal(), at=AT)
    with pytest.raises(SealedAlready):
        disk.put(a_seal([]), at=AT)

    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.relative_to(tmp_path).as_posix() == "seals/2026/07/01/04.json"
    assert oct(file.stat().st_mode & 0o777) == "0o444"


def test_a_disk_that_fails_is_busy(tmp_path):
    (tmp_path / "seals").write_bytes(b"")  # a file stands where the folder should

    with pytest.raises(Busy):
        DiskSeals(tmp_path).put(a_seal(), at=AT)
    with pytest.raises(Busy):
        DiskSeals(tmp_path).find(HOUR)


def test_a_setting_names_its_seals_and_always_the_same_ones(tmp_path):
    assert isinstance(seals_from(f"disk:{tmp_path}"), DiskSeals)
    assert seals_from(f"disk:{tmp_path}") is seals_from(f"disk:{tmp_path}")
    assert isinstance(seals_from("s3:seals"), S3Seals)
    assert timedelta(days=183) <= seals.RETAIN  # audit records are kept for six months at least


@pytest.mark.parametrize("setting", ["", "s3", "s3:", "disk:", "ftp:x"])
def test_a_misspelt_setting_stops_the_start(setting):
    with pytest.raises(ValueError, match="s3:<bucket> or disk:<path>"):
        seals_from(setting)
