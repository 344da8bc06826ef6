"""Public files: plain, whole, and readable by whatever serves the folder or the bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws
from chalicelib.outbound.site import Bucket, Folder, Site, site_from


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with mock_aws():
        client = aws.client("s3")
        client.create_bucket(
            Bucket="pages", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"}
        )
        yield Bucket("pages")


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "site")


@pytest.fixture(params=["folder", "bucket"])
def site(request) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


def test_a_file_is_read_as_it_was_written_last(site):
    assert site.read("status.json") is None

    site.write("status.json", b"[1]", content_type="application/json")
    site.write("status.json", b"[2]", content_type="application/json")

    assert site.read("status.json") == b"[2]"


def test_a_file_lies_under_its_own_name_for_everybody(folder, tmp_path):
    folder.write("status.json", b"{}", content_type="application/json")

    there = tmp_path / "site" / "status.json"
    assert there.read_bytes() == b"{}"
    assert there.stat().st_mode & 0o777 == 0o644


def test_an_object_says_its_type_and_that_a_copy_is_short_lived(bucket):
    bucket.write("status.json", b"{}", content_type="application/json")

    kept = aws.client("s3").get_object(Bucket="pages", Key="status.json")
    assert kept["ContentType"] == "application/json"
    assert kept["CacheControl"] == "public, max-age=15"


def test_a_folder_that_cannot_be_written_is_busy(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Busy):
        Folder(tmp_path / "file").write("status.json", b"{}", content_type="application/json")


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_ours_is_a_bug_and_no_answer():
    with pytest.raises(ClientError):
        Bucket("elsewhere").read("status.json")


def test_the_setting_says_where(tmp_path):
    assert site_from("") is None
    assert isinstance(site_from(f"disk:{tmp_path}"), Folder)
    assert isinstance(site_from("s3:pages"), Bucket)
    with pytest.raises(ValueError, match="a site is"):
        site_from(str(Path("/srv")))
