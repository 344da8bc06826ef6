"""`make run`, whole: real processes, real ports, a real kill."""

import base64
import functools
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from chalicelib.domain.contact import Phone
from chalicelib.outbound.keys import Issuer
from chalicelib.outbound.objects import Disk
from chalicelib.outbound.sms import Kept, Text
from infra.local.issuer import AUDIENCE, CLIENT, DEMO_GRANT
from infra.local.store import EmbeddedStore
from infra.local.tools import ROOT
from tests.local.running import TOY, Platform, eventually, is_running


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def platform(data):
    with Platform(data) as running:
        yield running


def note(platform, pk):
    status, found = platform.ask("GET", f"/notes/{pk}")
    return found if status == 200 else None


# Work that nobody asked for by HTTP


def test_an_event_has_its_effect_within_two_seconds(platform):
    for turn in range(3):
        platform.ask("POST", f"/events/drained-{turn}")

        found, seconds = eventually(functools.partial(note, platform, f"drained-{turn}"))

        assert found["kind_of"] == "INSERT"
        assert seconds < 2


def test_many_events_have_one_effect_each(platform):
    names = [f"many-{number}" for number in range(60)]
    platform.ask("PUT", "/events", {"names": names})

    eventually(lambda: all(note(platform, name) for name in names))

    assert {note(platform, name)["times"] for name in names} == {"1"}


def test_a_reported_failure_comes_back_and_what_came_before_it_does_not(platform):
    names = ["before-flaky", "flaky", "after-flaky"]
    platform.ask("PUT", "/events", {"names": names})

    eventually(lambda: all(note(platform, name) for name in names))

    assert [note(platform, name)["times"] for name in names] == ["1", "1", "1"]


def test_a_message_that_nobody_can_handle_ends_among_the_dead_letters_and_is_said(platform):
    platform.ask("POST", "/send", {"name": "undeliverable"})

    assert "lightkeeper-effects-dlq" in platform.wait_for("nobody could handle", within=15)


def test_a_rate_schedule_runs_at_once_for_what_fell_due_meanwhile(platform):
    found, _ = eventually(lambda: note(platform, "sweep"))

    assert found["source"] == "aws.events"


# HTTP


def test_the_apps_log_is_a_file_and_the_terminal_is_for_people(platform):
    platform.ask("GET", "/die")

    assert "toy imported" not in "\n".join(platform.said)
    assert "on purpose" in (platform.data / "app.log").read_text()


def test_twenty_callers_at_once_are_all_answered(platform):
    found = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(platform.ask("GET", f"/slow/{n}")[1]))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(one["who"]) for one in found) == list(range(20))


def test_a_connection_answers_without_nagles_pause(platform):
    connection = HTTPConnection("127.0.0.1", platform.port)
    seconds = []
    for _ in range(30):
        began = time.monotonic()
        connection.request("GET", "/ping")
        connection.getresponse().read()
        seconds.append(time.monotonic() - began)
    connection.close()

    assert sorted(seconds)[15] < 0.02  # 44 ms with it


def test_nothing_listens_beyond_loopback(platform):
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ports = {platform.port, platform.issuer_port, urlsplit(platform.facts()["dynamodb"]).port}
    listening = {
        int(port, 16): address
        for address, port in (row.split()[1].split(":") for row in rows if row.split()[3] == "0A")
        if int(port, 16) in ports
    }

    assert listening == dict.fromkeys(ports, "0100007F")


# Files and the phone


def test_a_form_of_ours_puts_a_file_and_a_link_of_ours_reads_it(platform):
    secret = json.loads((platform.data / "secrets.json").read_bytes())["secret"].encode()
    disk = Disk(platform.data / "files", secret=secret)
    at = datetime.now(UTC)  # noqa: TID251 - the platform's clock is the real one
    picture = bytes(range(256)) * 40 + b"\r\n--not-the-boundary\r\n"
    form = disk.presign_upload("orders/1/a.jpg", content_type="image/jpeg", max_bytes=99_999, at=at)

    status, answer = upload(platform, form.url, dict(form.fields), picture)
    link = disk.presign_download("orders/1/a.jpg", at=at)

    assert (status, answer) == (201, {"key": "orders/1/a.jpg"})
    assert platform.ask("GET", link) == (200, picture)
    assert platform.ask("GET", link.replace("a.jpg", "b.jpg"))[0] == 403


def test_a_form_that_is_not_ours_puts_nothing(platform):
    disk = Disk(platform.data / "files", secret=b"x" * 32)
    at = datetime.now(UTC)  # noqa: TID251
    form = disk.presign_upload("orders/2/a.jpg", content_type="image/jpeg", max_bytes=9, at=at)

    status, answer = upload(platform, form.url, dict(form.fields), b"x")

    assert status == 403
    assert answer["errors"] == [{"field": "file", "code": "file.policy"}]
    assert platform.ask("POST", form.url, "no form")[0] == 403


def upload(platform, path, fields, content):
    parts = b"".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    file = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    body = parts + file + content + b"\r\n--edge--\r\n"
    kind = "multipart/form-data; boundary=edge"
    return platform.ask("POST", path, body, **{"Content-Type": kind})


def test_the_phone_shows_what_was_kept_newest_first(platform):
    kept = Kept(platform.data / "phone.jsonl")
    for number in range(120):
        text = Text(
            effect_id=f"e{number}",
            to=Phone.parse("13800138000"),
            template="fault_first",
            params={},
            body=f"【守灯】第{number}条",
        )
        kept.send(text, at=datetime(2026, 11, 21, tzinfo=UTC))
    with (platform.data / "phone.jsonl").open("ab") as torn:
        torn.write(b'{"torn')

    status, texts = platform.ask("GET", "/_local/phone.json")

    assert (status, len(texts)) == (200, 100)
    assert texts[0]["body"] == "【守灯】第119条"
    assert platform.ask("GET", "/_local/phone.json?to=%2B8613800138001") == (200, [])
    of_one = platform.ask("GET", "/_local/phone.json?to=%2B8613800138000")
    assert of_one == (200, texts)
    status, page = platform.ask("GET", "/_local/phone")
    assert status == 200
    for name in re.findall(r'(?:href|src)="(phone\.\w+)"', page.decode()):
        assert platform.ask("GET", f"/_local/{name}")[0] == 200


# Sign-in


def token_by_curl(platform, sub="admin", **changes: str):
    fields = {"grant_type": DEMO_GRANT, "client_id": CLIENT, "sub": sub} | changes
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return platform.ask("POST", "/token", urlencode(fields), platform.issuer_port, **kind)


def verified(platform, token):
    issuer = Issuer(f"http://127.0.0.1:{platform.issuer_port}", audience=AUDIENCE)
    return issuer.verify(token, at=datetime.now(UTC))  # noqa: TID251


def test_one_call_gets_a_token_that_the_house_accepts(platform):
    status, answer = token_by_curl(platform)

    assert (status, answer["expires_in"]) == (200, 3600)
    assert verified(platform, answer["access_token"]).subject == "admin"


@pytest.mark.parametrize(
    "changes", [{"sub": ""}, {"sub": "a b"}, {"sub": "x" * 65}, {"client_id": "another"}]
)
def test_a_token_for_nobody_is_refused(platform, changes):
    assert token_by_curl(platform, **changes)[0] in {400, 401}


def browse(platform, path, method="GET", body=None, cookies=None):
    """Return status, headers and text of one page of the sign-in, keeping its cookies."""
    connection = HTTPConnection("127.0.0.1", platform.issuer_port, timeout=10)
    headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in (cookies or {}).items())}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    for one in answer.headers.get_all("Set-Cookie", []):
        name, _, value = one.partition(";")[0].partition("=")
        if cookies is not None:
            cookies[name] = value
    connection.close()
    return answer.status, dict(answer.headers), text


def sign_in(platform, cookies, sub):
    """Walk through the pages as a browser does; return what comes back to the office."""
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    back = f"http://127.0.0.1:{platform.port}/office"
    query = {
        "client_id": CLIENT,
        "response_type": "code",
        "scope": "openid profile",
        "redirect_uri": back,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "state": "s",
    }
    status, headers, _ = browse(platform, f"/auth?{urlencode(query)}", cookies=cookies)
    if "/interaction/" in headers["Location"]:
        page = headers["Location"]
        status, headers, text = browse(platform, page, cookies=cookies)
        assert (status, "管理员" in text) == (200, True)
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        status, headers, _ = browse(platform, page, "POST", f"sub={sub}", cookies)
        assert status == 303
        resume = urlsplit(headers["Location"]).path
        status, headers, _ = browse(platform, resume, cookies=cookies)
    assert status == 303
    assert headers["Location"].startswith(back)
    (code,) = parse_qs(urlsplit(headers["Location"]).query)["code"]
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": CLIENT,
        "code_verifier": verifier,
    }


def test_staff_sign_in_by_code_with_pkce_and_refresh(platform):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    origin = f"http://127.0.0.1:{platform.port}"
    code = urlencode(sign_in(platform, {}, "admin"))

    status, answer = platform.ask(
        "POST", "/token", code, platform.issuer_port, **form, Origin=origin
    )

    assert status == 200
    assert verified(platform, answer["access_token"]).subject == "admin"
    again = {
        "grant_type": "refresh_token",
        "refresh_token": answer["refresh_token"],
        "client_id": CLIENT,
    }
    for _ in range(2):  # two tabs at once
        status, fresh = platform.ask(
            "POST", "/token", urlencode(again), platform.issuer_port, **form
        )
        assert status == 200
        assert verified(platform, fresh["access_token"]).subject == "admin"


def test_who_is_signed_in_stays_so_in_that_browser(platform):
    cookies: dict[str, str] = {}
    sign_in(platform, cookies, "admin")

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = sign_in(platform, cookies, "somebody-else")  # not asked again
    _, answer = platform.ask("POST", "/token", urlencode(asked), platform.issuer_port, **form)

    assert verified(platform, answer["access_token"]).subject == "admin"


def test_a_code_without_its_verifier_is_worth_nothing(platform):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = sign_in(platform, {}, "admin") | {"code_verifier": "w" * 50}

    assert platform.ask("POST", "/token", urlencode(asked), platform.issuer_port, **form)[0] == 400


def test_pages_of_other_origins_get_no_token(platform):
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    asked = {"grant_type": DEMO_GRANT, "client_id": CLIENT, "sub": "admin"}

    assert platform.ask("POST", "/token", urlencode(asked), platform.issuer_port, **form)[0] == 400


def test_the_sign_in_turns_a_foreign_name_away(platform):
    assert platform.ask("GET", "/jwks", None, platform.issuer_port, Host="evil.example")[0] == 421


def test_an_interaction_that_is_over_is_a_plain_refusal(platform):
    assert browse(platform, "/interaction/nothing")[0] == 400


# Crashes and restarts


def test_a_kill_loses_nothing_and_leaves_nobody_behind(tmp_path):
    names = [f"kept-{number}" for number in range(20)]
    with Platform(tmp_path) as first:
        children = [first.facts()["store_pid"]]
        token = token_by_curl(first)[1]["access_token"]
        first.ask("POST", "/events/settled")
        eventually(lambda: note(first, "settled") and (tmp_path / "stream.json").exists())
        first.ask("PUT", "/events", {"names": names})
        first.process.kill()  # while effects are on their way through stream and queue
        first.process.wait()
    eventually(lambda: not any(map(is_running, children)), within=5)

    with Platform(tmp_path, PORT=str(first.port), ISSUER_PORT=str(first.issuer_port)) as second:
        eventually(lambda: all(note(second, name) for name in names))

        assert note(second, "settled")["times"] == "1"  # was done, and does not come again
        assert verified(second, token).subject == "admin"
        assert second.stop() == 0
    assert not (tmp_path / "run.json").exists()


def test_ctrl_c_is_a_clean_stop(tmp_path):
    with Platform(tmp_path) as running:
        children = [running.facts()["store_pid"]]

        assert running.stop(signal.SIGINT) == 0
        running.wait_for("stopped; the data stays.")
    assert not any(map(is_running, children))


def test_a_store_that_dies_is_a_sentence_and_the_end(tmp_path):
    with Platform(tmp_path) as running:
        os.kill(running.facts()["store_pid"], signal.SIGKILL)
        status, said = running.end()

    assert status == 1
    assert "The embedded store ended by itself" in said


# Sentences


def test_a_second_platform_on_the_same_data_is_refused_and_told_of_the_first(platform):
    status, said = Platform(platform.data).end()

    assert status == 1
    assert f"process {platform.process.pid}" in said
    assert "Traceback" not in said


def test_a_taken_port_is_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        status, said = Platform(tmp_path, PORT=number).end()

    assert status == 1
    assert said.startswith(f"lightkeeper: Port {number} is taken")
    assert said.count("\n") == 0


def test_secrets_are_made_once_and_only_their_owner_reads_them(platform):
    for name in ("secrets.json", "issuer.json"):
        assert (platform.data / name).stat().st_mode & 0o777 == 0o600


def test_another_dynamodb_is_used_if_the_endpoint_says_so(tmp_path):
    with (
        EmbeddedStore(resources=TOY / "infra" / "resources.yaml") as store,
        Platform(tmp_path, LIGHTKEEPER_DYNAMODB_ENDPOINT=store.endpoint) as running,
    ):
        running.ask("POST", "/events/elsewhere")
        eventually(lambda: note(running, "elsewhere"))
        found = store.client().scan(TableName="lightkeeper-toyledger", Select="COUNT")["Count"]

    assert found == 1
    assert not (tmp_path / "dynamodb.sqlite").exists()


def dev(*arguments: str, **environment: str):
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "infra/dev.py", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_stop_stops_what_runs_on_the_folder(tmp_path):
    with Platform(tmp_path) as running:
        done = dev("stop", LIGHTKEEPER_DATA=str(tmp_path))

        assert (done.returncode, running.process.wait(5)) == (0, 0)
    assert str(running.process.pid) in done.stdout
    assert "Nothing runs" in dev("stop", LIGHTKEEPER_DATA=str(tmp_path)).stdout


def test_check_tools_says_what_is_here():
    done = dev("check-tools")

    assert done.returncode == 0
    assert "Python" in done.stdout
    assert "Node" in done.stdout
