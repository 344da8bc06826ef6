"""The data folder: one owner, secrets that are never made twice, files replaced whole."""

import subprocess
import sys

import pytest

from infra.local.folder import DataFolder, facts_of, is_free, replace
from infra.local.tools import ROOT, CannotRun

HOLD = """
import sys, time
from pathlib import Path
from infra.local.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
folder.announce({"url": "http://127.0.0.1:8000"})
print("mine", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_a_folder_has_one_owner_and_says_who(tmp_path, holder):
    with pytest.raises(CannotRun, match=f"process {holder.pid}, http://127.0.0.1:8000"):
        DataFolder(tmp_path)
    assert not is_free(tmp_path)


def test_a_killed_owner_leaves_the_folder_free(tmp_path, holder):
    holder.kill()
    holder.wait()

    assert is_free(tmp_path)
    DataFolder(tmp_path).close()


def test_a_folder_that_is_given_up_announces_nobody(tmp_path):
    folder = DataFolder(tmp_path)
    folder.announce({"url": "here"})
    assert facts_of(tmp_path)["url"] == "here"

    folder.close()

    assert facts_of(tmp_path) == {}
    assert is_free(tmp_path)


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "data").write_text("")

    with pytest.raises(CannotRun, match=r"is a file.*LIGHTKEEPER_DATA"):
        DataFolder(tmp_path / "data")


def test_a_folder_that_cannot_be_made_is_a_sentence():
    with pytest.raises(CannotRun, match=r"cannot be written.*LIGHTKEEPER_DATA"):
        DataFolder(ROOT / "pyproject.toml" / "data")


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first = DataFolder(tmp_path)
    made = first.secrets()
    first.close()

    second = DataFolder(tmp_path)
    assert second.secrets() == made
    assert len(made.secret) == 64
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    second.close()


def test_lost_secrets_are_not_made_anew_where_data_needs_them(tmp_path):
    (tmp_path / "dynamodb.sqlite").write_text("")
    folder = DataFolder(tmp_path)

    with pytest.raises(CannotRun, match="is lost"):
        folder.secrets()
    assert not (tmp_path / "secrets.json").exists()
    folder.close()


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"secret": "short", "seal_key": "AAAA"}', '{"secret": 1, "seal_key": 2}'],
)
def test_damaged_secrets_are_a_sentence(tmp_path, content):
    (tmp_path / "secrets.json").write_text(content)
    folder = DataFolder(tmp_path)

    with pytest.raises(CannotRun, match="is damaged"):
        folder.secrets()
    folder.close()


def test_a_file_is_replaced_whole_and_no_draft_stays(tmp_path):
    replace(tmp_path / "a", b"one")
    replace(tmp_path / "a", b"two")

    assert (tmp_path / "a").read_bytes() == b"two"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
