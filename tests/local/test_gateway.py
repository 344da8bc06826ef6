"""The local API Gateway: what reaches the app, and what it answers without asking the app."""

import json
import socket
import threading
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self

import pytest
from chalice.app import BadRequestError, Chalice, CORSConfig, Response

from chalicelib import ambient
from infra.local.functions import one_per_thread
from infra.local.gateway import MAX_BODY, Answer, Server
from infra.local.template import declared

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"
JSON = "application/json"
PROBLEM = "application/problem+json"


app: Any = one_per_thread(Chalice("gateway-test", configure_logs=False))
app.api.binary_types.append("image/png")


@app.route("/")
def home():
    return {"at": app.current_request.context["path"]}


@app.route(
    "/echo",
    methods=["GET", "POST"],
    content_types=[JSON, "text/plain"],
    cors=CORSConfig(allow_origin="https://a.example"),
)
def echo():
    request = app.current_request
    return {
        "method": request.method,
        "body": request.raw_body.decode(),
        "query": {key: request.query_params.getlist(key) for key in request.query_params or {}},
        "language": request.headers.get("Accept-Language"),
        "context": request.context,
    }


@app.route("/orders/{order}")
def order(order):
    return {"order": order}


@app.route("/orders/mine")
def mine():
    return {"mine": True}


@app.route("/slow/{who}")
def slow(who):
    time.sleep(0.05)
    return {"asked": who, "found": app.current_request.uri_params["who"]}


@app.route("/refuse")
def refuse():
    raise BadRequestError("no")


@app.route("/header")
def header():
    return Response("x", headers={"Content-Disposition": "守灯"})


@app.route("/split")
def split():
    return Response("x", headers={"X-One": "a\rSet-Cookie: b"})


@app.route("/many")
def many():
    return Response("x", headers={"Set-Cookie": ["a=1", "b=2"], "Content-Length": "99"})


@app.route("/image")
def image():
    return Response(b"\x89PNG\x00\xff", headers={"Content-Type": "image/png"})


@app.route("/large")
def large():
    return Response("x" * 7_000_000, headers={"Content-Type": "text/plain"})


@app.route("/gone", methods=["DELETE"])
def gone():
    return Response("", status_code=204)


def local_page(request):
    if request.path == "/_local/hello":
        return Answer(200, f"{request.method} {request.query}".encode(), {"Content-Type": "a/b"})
    return None


@pytest.fixture(scope="module")
def log():
    return []


@pytest.fixture(scope="module")
def port(log):
    server = Server("127.0.0.1", 0)
    server.reserve()
    server.open(app, pages=local_page, log=log.append, templates=declared(TOY).gateway)
    yield server.server_port
    server.close()


class Wire:
    """One connection, spoken by hand: what goes out is exactly what a test says."""

    def __init__(self, port) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.read = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.read.close()
        self.socket.close()

    def ask(self, start, *headers: str, body=b"", host=None):
        lines = [start, f"Host: {host or f'127.0.0.1:{self.port}'}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode("latin-1") + body)
        return self.answer(head=start.startswith("HEAD"))

    def answer(self, *, head=False):
        status = int(self.read.readline().split()[1])
        headers = []
        while line := self.read.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers.append((name.lower(), value))
        length = 0 if head else int(dict(headers).get("content-length", "0"))
        return status, headers, self.read.read(length)


def ask(port, start, *headers: str, body=b"", host=None):
    with Wire(port) as wire:
        status, found, content = wire.ask(f"{start} HTTP/1.1", *headers, body=body, host=host)
        return status, dict(found), content


def test_a_route_answers_and_the_connection_serves_the_next_request(port):
    with Wire(port) as wire:
        for _ in range(3):
            status, _, body = wire.ask("GET /orders/7 HTTP/1.1")
            assert (status, json.loads(body)) == (200, {"order": "7"})


def test_two_requests_sent_at_once_are_answered_in_order(port):
    with Wire(port) as wire:
        both = "".join(f"GET /orders/{n} HTTP/1.1\r\nHost: localhost\r\n\r\n" for n in (1, 2))
        wire.socket.sendall(both.encode())

        assert json.loads(wire.answer()[2]) == {"order": "1"}
        assert json.loads(wire.answer()[2]) == {"order": "2"}


def test_a_concrete_route_goes_before_one_with_a_parameter(port):
    assert json.loads(ask(port, "GET /orders/mine")[2]) == {"mine": True}


def test_the_date_is_that_of_the_platforms_clock_which_browsers_count_by(port):
    ambient.run_ahead(timedelta(days=8))
    try:
        said = parsedate_to_datetime(ask(port, "GET /orders/7")[1]["date"])
        assert abs(said - ambient.now()) < timedelta(seconds=5)
    finally:
        ambient.run_ahead(timedelta())


def test_a_path_parameter_arrives_as_it_was_sent(port):
    assert json.loads(ask(port, "GET /orders/a%20b%E5%AE%88")[2]) == {"order": "a%20b%E5%AE%88"}


def test_a_final_slash_is_the_same_address(port):
    assert ask(port, "GET /orders/7/")[0] == 200


def test_the_query_keeps_its_repetitions_and_its_empty_values(port):
    body = json.loads(ask(port, "GET /echo?a=1&a=2&b=&c=%E5%AE%88")[2])

    assert body["query"] == {"a": ["1", "2"], "b": [""], "c": ["守"]}


def test_the_event_says_what_api_gateway_says(port):
    context = json.loads(ask(port, "GET /echo", "User-Agent: test")[2])["context"]

    assert context["httpMethod"] == "GET"
    assert context["resourcePath"] == context["path"] == "/echo"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "test"}
    assert len(context["requestId"]) == 36


def test_a_body_of_a_known_length_arrives(port):
    status, _, body = ask(
        port, "POST /echo", f"Content-Type: {JSON}", "Content-Length: 3", body="守".encode()
    )

    assert (status, json.loads(body)["body"]) == (200, "守")


def test_a_body_in_chunks_arrives(port):
    chunks = b"2;x=y\r\n{}\r\n1\r\n \r\n0\r\nTrailer: a\r\n\r\n"

    status, _, body = ask(
        port, "POST /echo", f"Content-Type: {JSON}", "Transfer-Encoding: chunked", body=chunks
    )

    assert (status, json.loads(body)["body"]) == (200, "{} ")


def test_bytes_that_are_no_text_become_what_api_gateway_makes_of_them(port):
    body = ask(port, "POST /echo", "Content-Type: text/plain", "Content-Length: 2", body=b"a\xff")[
        2
    ]

    assert json.loads(body)["body"] == "a\ufffd"


def test_head_is_get_without_its_body(port):
    status, headers, body = ask(port, "HEAD /orders/7")

    assert (status, body) == (200, b"")
    assert headers["content-length"] == str(len(ask(port, "GET /orders/7")[2]))


def test_a_preflight_is_answered_for_routes_that_allow_other_origins(port):
    status, headers, _ = ask(port, "OPTIONS /echo")

    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert ask(port, "OPTIONS /orders/7")[0] == 404


@pytest.mark.parametrize("start", ["GET /nope", "DELETE /echo", "BREW /echo", "GET /echo/more"])
def test_what_is_not_declared_is_refused_in_the_templates_words(port, start):
    status, headers, body = ask(port, start)

    assert (status, headers["content-type"]) == (404, PROBLEM)
    assert json.loads(body)["type"] == "/problems/unknown"


def test_the_apps_own_refusal_passes(port):
    assert ask(port, "GET /refuse")[0] == 400


@pytest.mark.parametrize("path", ["/header", "/split", "/large"])
def test_an_answer_that_cannot_be_sent_is_a_502_and_is_logged(port, log, path):
    before = len(log)

    status, headers, body = ask(port, f"GET {path}")

    assert (status, headers["content-type"]) == (502, PROBLEM)
    assert json.loads(body)["type"] == "/problems/busy"
    assert path in log[before]


def test_several_values_of_a_header_are_several_headers(port):
    with Wire(port) as wire:
        _, headers, body = wire.ask("GET /many HTTP/1.1")

    assert [value for name, value in headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert body == b"x"


def test_bytes_come_out_as_bytes(port):
    _, headers, body = ask(port, "GET /image", "Accept: image/png")

    assert (headers["content-type"], body) == ("image/png", b"\x89PNG\x00\xff")


def test_no_content_has_neither_body_nor_length(port):
    status, headers, _ = ask(port, "DELETE /gone")

    assert status == 204
    assert "content-length" not in headers


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([f"Content-Length: {MAX_BODY + 1}"], b"x" * 100_000),
        ([f"Content-Length: {MAX_BODY + 1}"], b"x" * (MAX_BODY + 1)),
        ([f"Content-Length: {10**17}"], b"x"),
        ([f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"], b""),
        (["Transfer-Encoding: chunked"], b"a00001\r\n"),
    ],
    ids=["announced", "sent", "absurd", "asked first", "in chunks"],
)
def test_a_body_above_the_limit_is_refused(port, headers, body):
    status, found, content = ask(port, "POST /echo", f"Content-Type: {JSON}", *headers, body=body)

    assert (status, found["connection"]) == (413, "close")
    assert json.loads(content)["type"] == "/problems/too-large"


def test_a_caller_that_asks_first_is_told_to_go_on(port):
    with Wire(port) as wire:
        start = "POST /echo HTTP/1.1"
        headers = ["Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue"]
        assert wire.ask(start, *headers)[0] == 100
        wire.socket.sendall(b"{}")
        assert wire.answer()[0] == 200


@pytest.mark.parametrize(
    ("start", "headers", "body"),
    [
        ("POST /echo HTTP/1.1", ["Content-Length: abc"], b""),
        ("POST /echo HTTP/1.1", ["Content-Length: -1"], b""),
        ("POST /echo HTTP/1.1", ["Content-Length: 1", "Content-Length: 2"], b"xx"),
        ("POST /echo HTTP/1.1", ["Content-Length: 2", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        ("POST /echo HTTP/1.1", ["Transfer-Encoding: gzip"], b""),
        ("POST /echo HTTP/1.1", ["Transfer-Encoding: chunked"], b"zz\r\n"),
        ("POST /echo HTTP/1.1", ["Transfer-Encoding: chunked"], b"1\r\nab\r\n"),
        ("GET /echo HTTP/9", [], b""),
        ("GET", [], b""),
        ("GET /echo extra HTTP/1.1", [], b""),
        ("\x16\x03\x01\x02", [], b""),
    ],
)
def test_what_is_no_request_is_refused_and_nothing_breaks(port, log, start, headers, body):
    before = len(log)
    with Wire(port) as wire:
        status, found, _ = wire.ask(start, *headers, body=body)

    assert (status, dict(found)["content-type"]) == (400, PROBLEM)
    assert len(log) == before
    assert ask(port, "GET /orders/7")[0] == 200


def test_headers_without_end_are_refused(port):
    assert ask(port, f"GET /{'x' * 70_000}")[0] == 431
    assert ask(port, "GET /echo", *[f"X-{n}: 1" for n in range(200)])[0] == 431
    assert ask(port, "GET /echo", f"X: {'x' * 70_000}")[0] == 431


def test_a_caller_that_hangs_up_in_the_middle_disturbs_nobody(port, log):
    before = len(log)
    with Wire(port) as wire:
        wire.socket.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab"
        )

    assert ask(port, "GET /orders/7")[0] == 200
    assert len(log) == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1:1"])
def test_a_foreign_name_that_leads_here_is_turned_away(port, host):
    with Wire(port) as wire:
        wire.socket.sendall(f"GET /orders/7 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert wire.answer()[0] == 421


def test_local_pages_are_beside_the_app(port):
    status, headers, body = ask(port, "GET /_local/hello?a=b")

    assert (status, headers["content-type"], body) == (200, "a/b", b"GET a=b")
    assert ask(port, "GET /_local/nothing")[0] == 404


def test_requests_at_the_same_time_do_not_see_each_other(port):
    found = []

    def call(who):
        found.append(json.loads(ask(port, f"GET /slow/{who}")[2]))

    began = time.monotonic()
    threads = [threading.Thread(target=call, args=(who,)) for who in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 20
    assert all(one["asked"] == one["found"] for one in found)
    assert time.monotonic() - began < 0.9  # one after the other they take a second


def test_under_a_stage_every_address_begins_with_it():
    server = Server("127.0.0.1", 0)
    server.reserve()
    templates = declared(TOY).gateway
    server.open(app, pages=local_page, log=print, templates=templates, stage="api")
    port = server.server_port

    assert json.loads(ask(port, "GET /api/orders/7")[2]) == {"order": "7"}
    assert json.loads(ask(port, "GET /api/")[2]) == {"at": "/api/"}
    assert json.loads(ask(port, "GET /api")[2]) == {"at": "/api/"}
    assert ask(port, "GET /orders/7")[0] == 404
    assert ask(port, "GET /apiary")[0] == 404
    assert ask(port, "GET /_local/hello")[0] == 200
    server.close()


def test_closing_lets_a_request_finish():
    server = Server("127.0.0.1", 0)
    server.reserve()
    server.open(app, pages=local_page, log=print, templates={})
    with Wire(server.server_port) as wire:
        wire.socket.sendall(b"GET /slow/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.02)
        server.close()

        assert wire.answer()[0] == 200
