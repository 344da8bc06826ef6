"""Files: what a signed form lets in, what a link lets out, and what a disk survives."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.domain.refusal import BadInput, Busy, Refused, TooLarge, Unknown
from chalicelib.outbound import aws, objects
from chalicelib.outbound.objects import S3, Disk, Files, Stored, files_from

AT = datetime(2026, 7, 1, 4, 15, tzinfo=UTC)
KEY = "orders/01JZK4D3/photo-1.jpg"
SECRET = b"s" * 32


@pytest.fixture
def disk(tmp_path) -> Disk:
    return Disk(tmp_path / "files", secret=SECRET, base_url="http://127.0.0.1:8000")


@pytest.fixture
def bucket() -> Iterator[S3]:
    with mock_aws():
        client = aws.client("s3")
        client.create_bucket(
            Bucket="files", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"}
        )
        yield S3("files")


@pytest.fixture(params=["disk", "bucket"])
def files(request) -> Files:
    found: Files = request.getfixturevalue(request.param)
    return found


# --- both


def test_what_is_written_is_read_with_its_type(files):
    files.write(KEY, b"pixels", content_type="image/jpeg")

    assert files.read(KEY, max_bytes=6) == Stored("image/jpeg", b"pixels")


def test_writing_again_replaces(files):
    files.write(KEY, b"old", content_type="image/png")
    files.write(KEY, b"new", content_type="image/jpeg")

    assert files.read(KEY, max_bytes=10) == Stored("image/jpeg", b"new")


def test_a_file_that_is_not_there_is_unknown(files):
    with pytest.raises(Unknown):
        files.read(KEY, max_bytes=1)


def test_a_file_over_the_reader_s_limit_is_not_read(files):
    files.write(KEY, b"1234567", content_type="image/jpeg")

    with pytest.raises(TooLarge) as caught:
        files.read(KEY, max_bytes=6)
    assert caught.value.facts == {"limit": 6}


def test_a_deleted_file_is_gone_and_may_be_deleted_again(files):
    files.write(KEY, b"x", content_type="image/jpeg")

    files.delete(KEY)
    files.delete(KEY)

    with pytest.raises(Unknown):
        files.read(KEY, max_bytes=1)


@pytest.mark.parametrize(
    "key",
    ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".a", "a/.b", "a\\b", "a b",
     "a\0b", "a\n", "图", "a" * 129, "/".join("abcdefghi"), "C:a", "%2e%2e/a"],
)  # fmt: skip
def test_a_key_that_is_no_key_is_a_bug_of_ours(files, key):
    uses: list[Callable[[], object]] = [
        lambda: files.read(key, max_bytes=1),
        lambda: files.write(key, b"x", content_type="image/jpeg"),
        lambda: files.delete(key),
        lambda: files.presign_download(key, at=AT),
        lambda: files.presign_upload(key, content_type="image/jpeg", max_bytes=1, at=AT),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="key has 1 to 8 segments"):
            use()


@pytest.mark.parametrize(
    "content_type", ["", "jpeg", "image/JPEG", "image/jpeg; q=1", "a/b\r\nX: y"]
)
def test_a_type_that_is_no_type_is_a_bug_of_ours(files, content_type):
    with pytest.raises(ValueError, match="content type"):
        files.write(KEY, b"x", content_type=content_type)
    with pytest.raises(ValueError, match="content type"):
        files.presign_upload(KEY, content_type=content_type, max_bytes=1, at=AT)


# --- S3


def policy_of(fields: dict[str, str]) -> Any:
    return json.loads(base64.b64decode(fields["policy"]))


def test_s3_is_told_to_enforce_key_type_and_size(bucket):
    form = bucket.presign_upload(KEY, content_type="image/jpeg", max_bytes=5000, at=AT)

    conditions = policy_of(form.fields)["conditions"]
    assert {"key": KEY} in conditions
    assert {"bucket": "files"} in conditions
    assert {"Content-Type": "image/jpeg"} in conditions
    assert ["content-length-range", 1, 5000] in conditions
    assert form.fields["key"] == KEY
    assert form.fields["Content-Type"] == "image/jpeg"
    assert form.url == "https://files.s3.cn-north-1.amazonaws.com.cn/"


def test_s3_s_form_lasts_ten_minutes_and_its_link_five(bucket):
    form = bucket.presign_upload(KEY, content_type="image/jpeg", max_bytes=5000, at=AT)
    signed_at = datetime.strptime(form.fields["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    until = datetime.fromisoformat(policy_of(form.fields)["expiration"])
    link = parse_qs(urlsplit(bucket.presign_download(KEY, at=AT)).query)

    assert abs(until - signed_at - timedelta(minutes=10)) <= timedelta(seconds=2)
    assert link["X-Amz-Expires"] == ["300"]
    assert link["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_a_browser_s_post_with_the_form_arrives(bucket):
    form = bucket.presign_upload(KEY, content_type="image/jpeg", max_bytes=5000, at=AT)

    answer = requests.post(form.url, data=form.fields, files={"file": b"pixels"}, timeout=5)

    assert int(answer.status_code) == 201  # moto gives text
    assert bucket.read(KEY, max_bytes=5000).body == b"pixels"


def an_s3_at(url: str) -> S3:
    return S3("files", client=aws.client("s3", attempts=1, endpoint=url))


def test_an_s3_in_trouble_is_busy(strangers):
    slow = b"<Error><Code>SlowDown</Code></Error>"
    for url in (
        strangers.nobody(),
        strangers.resets().url,
        strangers.answers(503, slow).url,
        strangers.answers(500, b"").url,
        strangers.answers(200, b"<", {"Content-Length": "10"}).url,
    ):
        with pytest.raises(Busy):
            an_s3_at(url).read(KEY, max_bytes=100)
    for url in (strangers.nobody(), strangers.resets().url, strangers.answers(500, b"").url):
        with pytest.raises(Busy):
            an_s3_at(url).write(KEY, b"x", content_type="image/jpeg")
        with pytest.raises(Busy):
            an_s3_at(url).delete(KEY)


def test_what_s3_says_of_our_request_is_a_bug_of_ours(strangers):
    denied = strangers.answers(403, b"<Error><Code>AccessDenied</Code></Error>")

    with pytest.raises(ClientError, match="AccessDenied"):
        an_s3_at(denied.url).read(KEY, max_bytes=100)


# --- disk


def a_form(disk: Disk, max_bytes: int = 6) -> dict[str, str]:
    form = disk.presign_upload(KEY, content_type="image/jpeg", max_bytes=max_bytes, at=AT)
    assert form.url == "http://127.0.0.1:8000/_local/files"
    return dict(form.fields)


def test_a_form_of_ours_lets_its_file_in(disk):
    assert disk.accept_upload(a_form(disk), b"pixels", at=AT) == KEY

    assert disk.read(KEY, max_bytes=6) == Stored("image/jpeg", b"pixels")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "orders/other.jpg"}, "file.policy"),
        ({"key": "../../etc/passwd"}, "file.policy"),
        ({"key": None}, "file.policy"),
        ({"Content-Type": "text/html"}, "file.type"),
        ({"Content-Type": None}, "file.type"),
        ({"policy": None}, "file.policy"),
        ({"policy": "e30="}, "file.policy"),
        ({"policy": "图"}, "file.policy"),
        ({"policy": "\ud800"}, "file.policy"),
        ({"signature": None}, "file.policy"),
        ({"signature": "0" * 64}, "file.policy"),
        ({"signature": "图"}, "file.policy"),
        ({"signature": "\ud800"}, "file.policy"),
    ],
)
def test_a_form_that_was_changed_lets_nothing_in(disk, change, code):
    fields = a_form(disk) | change
    sent = {name: value for name, value in fields.items() if value is not None}

    with pytest.raises(BadInput) as caught:
        disk.accept_upload(sent, b"pixels", at=AT)

    assert [(each.field, each.code) for each in caught.value.errors] == [("file", code)]
    with pytest.raises(Unknown):
        disk.read(KEY, max_bytes=6)


def test_a_form_lasts_ten_minutes_to_the_second(disk):
    fields = a_form(disk)

    assert disk.accept_upload(fields, b"x", at=AT + timedelta(minutes=9, seconds=59))
    with pytest.raises(BadInput) as caught:
        disk.accept_upload(fields, b"x", at=AT + timedelta(minutes=10))
    assert caught.value.errors[0].code == "file.expired"


def test_a_file_has_one_byte_at_least_and_the_promised_number_at_most(disk):
    fields = a_form(disk, max_bytes=3)

    assert disk.accept_upload(fields, b"123", at=AT)
    with pytest.raises(TooLarge) as caught:
        disk.accept_upload(fields, b"1234", at=AT)
    assert caught.value.facts == {"limit": 3}
    with pytest.raises(BadInput) as empty:
        disk.accept_upload(fields, b"", at=AT)
    assert empty.value.errors[0].code == "file.empty"


def test_another_secret_s_form_lets_nothing_in(disk, tmp_path):
    other = Disk(tmp_path, secret=b"o" * 32, base_url="http://127.0.0.1:8000")

    with pytest.raises(BadInput):
        disk.accept_upload(a_form(other), b"x", at=AT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    fields=st.dictionaries(
        st.sampled_from(["key", "Content-Type", "policy", "signature", "x"]), st.text()
    ),
    body=st.binary(max_size=10),
)
def test_no_form_that_is_not_ours_lets_anything_in(disk, fields, body):
    with pytest.raises(Refused):
        disk.accept_upload(fields, body, at=AT)


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def test_a_link_of_ours_lets_its_file_out_for_five_minutes(disk):
    disk.write(KEY, b"pixels", content_type="image/jpeg")
    link = disk.presign_download(KEY, at=AT)

    assert link.startswith("http://127.0.0.1:8000/_local/files?")
    almost = AT + timedelta(minutes=4, seconds=59)
    assert disk.accept_download(query_of(link), max_bytes=10, at=almost).body == b"pixels"
    with pytest.raises(Unknown):
        disk.accept_download(query_of(link), max_bytes=10, at=AT + timedelta(minutes=5))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "orders/other.jpg"},
        {"until": "9999999999"},
        {"until": "soon"},
        {"signature": ""},
        {"signature": "图"},
        {"key": "\ud800"},
    ],
)
def test_a_link_that_was_changed_lets_nothing_out(disk, change):
    disk.write(KEY, b"pixels", content_type="image/jpeg")
    disk.write("orders/other.jpg", b"theirs", content_type="image/jpeg")

    with pytest.raises(Unknown):
        disk.accept_download(
            query_of(disk.presign_download(KEY, at=AT)) | change, max_bytes=10, at=AT
        )


def test_a_form_s_signature_opens_no_link(disk):
    disk.write(KEY, b"pixels", content_type="image/jpeg")
    fields = a_form(disk)

    with pytest.raises(Unknown):
        disk.accept_download(
            {"key": fields["policy"], "until": "", "signature": fields["signature"]},
            max_bytes=10,
            at=AT,
        )


def test_no_file_lies_outside_the_folder_or_under_a_name_of_its_own(disk, tmp_path):
    disk.write(KEY, b"pixels", content_type="image/jpeg")

    lying = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(lying) == 1
    assert lying[0].parts[0] == "files"
    assert "photo" not in str(lying[0])


def test_keys_that_differ_only_in_case_are_two_files(disk):
    disk.write("a/B", b"1", content_type="image/jpeg")
    disk.write("a/b", b"2", content_type="image/jpeg")

    assert disk.read("a/B", max_bytes=1).body == b"1"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "taken"
    path.mkdir()
    (path / "inside").touch()

    with pytest.raises(OSError, match="irectory"):
        objects.replace(path, b"new")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["taken"]


def test_a_disk_that_fails_is_busy(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    disk = Disk(blocked, secret=SECRET)  # a file stands where the folder should

    uses: list[Callable[[], object]] = [
        lambda: disk.write(KEY, b"x", content_type="image/jpeg"),
        lambda: disk.read(KEY, max_bytes=1),
        lambda: disk.delete(KEY),
    ]
    for use in uses:
        with pytest.raises(Busy):
            use()


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Disk(Path("x"), secret=b"short")


# --- which one


def test_a_setting_names_its_files_and_always_the_same_ones(tmp_path):
    setting = f"disk:{tmp_path}"

    assert isinstance(files_from(setting, secret=SECRET), Disk)
    assert files_from(setting, secret=SECRET) is files_from(setting, secret=SECRET)
    assert isinstance(files_from("s3:files"), S3)


@pytest.mark.parametrize("setting", ["", "s3", "s3:", "disk:", "ftp:x"])
def test_a_misspelt_setting_stops_the_start(setting):
    with pytest.raises(ValueError, match="s3:<bucket> or disk:<path>"):
        files_from(setting, secret=SECRET)
