"""API Gateway on loopback: HTTP in, Lambda's event to the app, its answer back.

Built on Chalice's LocalGateway, which matches routes, makes events and runs authorizers. Ours are
the HTTP around it (keep-alive without Nagle's 44 ms, chunked bodies, HEAD, limits), what API
Gateway says without asking the app (404, 413, malformed), and the local pages under `/_local/`.
Nothing here swaps the environment, and each request is a thread of its own.
"""

import base64
import http
import http.client
import json
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalGateway, LocalGatewayException

from chalicelib import ambient
from infra.local.functions import context
from infra.local.template import ACCOUNT, GatewayResponse

MAX_BODY: Final = 10 * 1024 * 1024  # API Gateway's payload limit, bytes
_MAX_ANSWER: Final = 6 * 1024 * 1024  # Lambda's synchronous answer, bytes
_MAX_DRAINED: Final = 64 * 1024 * 1024
_IDLE: Final = 75  # seconds a connection may be silent
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}\Z")
_BODILESS: Final = (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED)

# What API Gateway refuses by itself: the status and message it has before a template changes them.
_REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "BAD_REQUEST": (400, "Bad Request"),
    "HEADERS_TOO_LARGE": (431, "Request Header Fields Too Large"),
    "FOREIGN_HOST": (421, "The local platform answers to 127.0.0.1 and localhost"),
    "INTEGRATION_FAILURE": (502, "Internal server error"),
}


@dataclass(frozen=True)
class Request:
    """A request for a local page: `path` without the query, `body` whole."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a local page answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)


LocalPages = Callable[[Request], Answer | None]


def refusal(kind: str, templates: Mapping[str, GatewayResponse]) -> Answer:
    """Return what API Gateway answers by itself, in the words of its templates."""
    status, message = _REFUSALS[kind]
    default = "DEFAULT_4XX" if status < http.HTTPStatus.INTERNAL_SERVER_ERROR else "DEFAULT_5XX"
    template = templates.get(kind) or templates.get(default)
    if template is None:
        return Answer(status, json.dumps({"message": message}).encode())
    body = template.body.replace("$context.error.messageString", json.dumps(message))
    return Answer(template.status or status, body.encode(), template.headers)


class Gateway(LocalGateway):
    """Chalice's gateway, with the event as API Gateway fills it in."""

    def __init__(self, app: Chalice, *, stage: str) -> None:
        super().__init__(app, Config())
        self._stage = stage

    def knows(self, method: str, path: str) -> bool:
        """Return whether a route is declared for method and path; API Gateway asks no further."""
        try:
            route = self.event_converter._route_matcher.match_route(path).route  # noqa: SLF001 - Chalice offers no other way
        except ValueError:
            return False
        methods = self._app_object.routes[route]
        has_preflight = any(entry.cors is not None for entry in methods.values())
        return method in methods or (method == "OPTIONS" and has_preflight)

    def _generate_lambda_context(self) -> LambdaContext:
        return context("api")

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", "replace")
        request = event["requestContext"]
        request |= {
            "accountId": ACCOUNT,
            "apiId": "local",
            "protocol": "HTTP/1.1",
            "requestId": self._generate_lambda_context().aws_request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "stage": self._stage,
        }
        if self._stage:
            request["path"] = f"/{self._stage}{request['path']}"
        request["identity"]["userAgent"] = headers.get("User-Agent", "")
        return event | {
            "resource": request["resourcePath"],
            "path": path.partition("?")[0],
            "httpMethod": method,
            "isBase64Encoded": event.get("isBase64Encoded", False),
        }


class Server(ThreadingHTTPServer):
    """The listening socket. `reserve` takes the port; `open` begins to answer."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.gateway: Gateway
        self.pages: LocalPages
        self.hosts: frozenset[str] = frozenset()
        self.stage = ""
        self.templates: Mapping[str, GatewayResponse] = {}
        self.log: Callable[[str], None] = print
        self._busy = 0
        self._idle = threading.Condition()

    def reserve(self) -> None:
        """Bind the port without listening: callers are refused until `open`."""
        self.server_bind()

    def server_bind(self) -> None:
        """Bind, without HTTPServer's name look-up, which can hang without a network."""
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def open(
        self,
        app: Chalice,
        *,
        pages: LocalPages,
        log: Callable[[str], None],
        templates: Mapping[str, GatewayResponse],
        stage: str = "",
        host: str = "",
    ) -> None:
        """Listen and answer, from threads of our own, until `close`.

        pages: answers what is under `/_local/`, None for what is not there.
        templates: the words in which the gateway itself refuses, by kind.
        stage: the path's first segment, as a deployed stage has it; empty for none.
        host: another name by which we are known, such as a tunnel's; empty for none.
        """
        names = ("127.0.0.1", "localhost", "[::1]")
        self.hosts = frozenset(
            [*names, *(f"{name}:{self.server_port}" for name in names), *([host] if host else [])]
        )
        self.gateway = Gateway(app, stage=stage)
        self.pages, self.stage, self.log, self.templates = pages, stage, log, templates
        self.server_activate()
        serve = threading.Thread(target=self.serve_forever, args=(0.05,), name="http", daemon=True)
        serve.start()

    def close(self) -> None:
        """Accept no more, let what is under way finish for a few seconds, and give the port up."""
        self.shutdown()
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, timeout=5)
        self.server_close()

    def refusal(self, kind: str) -> Answer:
        """Return what the gateway answers by itself."""
        return refusal(kind, self.templates)

    def begin(self) -> None:
        """Count a request in."""
        with self._idle:
            self._busy += 1

    def end(self) -> None:
        """Count a request out."""
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Say nothing of a caller that hung up; say everything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            self.log(traceback.format_exc())


class _Refused(Exception):
    """A request that the gateway answers itself; `kind` is one of `_REFUSALS`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body would wait 44 ms for each other
    wbufsize = 65536
    timeout = _IDLE
    server: Server

    def handle_one_request(self) -> None:
        """Answer one request, whatever it is."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
            return
        self.server.begin()
        try:
            self._answer_one()
            self.wfile.flush()
        finally:
            self.server.end()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return an HTTP date; without a time that of the platform's clock, which may be ahead.

        Browsers count by it: what the app says has begun would else be still to come for them.
        """
        return super().date_time_string(
            ambient.now().timestamp() if timestamp is None else timestamp
        )

    def _answer_one(self) -> None:
        if len(self.raw_requestline) > 65536:  # noqa: PLR2004 - the base class's limit
            self.requestline, self.command = "", "GET"
            self.headers = http.client.HTTPMessage()
            self._refuse("HEADERS_TOO_LARGE")
            return
        if not self.parse_request():  # it answered by `send_error`
            return
        try:
            answer = self._answer()
        except _Refused as refused:
            self._refuse(refused.kind)
        else:
            self._send(answer)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the base class's signature
        """Answer what the base class cannot parse."""
        is_large = code in (414, 431)
        self._refuse("HEADERS_TOO_LARGE" if is_large else "BAD_REQUEST")

    def handle_expect_100(self) -> bool:
        """Let a caller that asks first send its body, unless it is too large anyway."""
        length = self.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > MAX_BODY:
            self._refuse("REQUEST_TOO_LARGE")
            return False
        self.send_response_only(http.HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def _refuse(self, kind: str) -> None:
        """Refuse and end the connection: its body may still be on the way."""
        self.close_connection = True
        self.request_version = self.protocol_version  # unknown, where nothing could be parsed
        self._send(self.server.refusal(kind))
        self.wfile.flush()
        self._drain()

    def _drain(self) -> None:
        """Read on for a moment, or the caller sees a reset in place of our answer."""
        self.connection.settimeout(1)
        drained = 0
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while drained < _MAX_DRAINED and (read := self.connection.recv(65536)):
                drained += len(read)
        except OSError:
            return

    def _answer(self) -> Answer:
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            raise _Refused("FOREIGN_HOST")  # a name of somebody's that leads to this machine
        body = self._body()
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            parts = urlsplit(self.path)
            path, query = parts.path or "/", parts.query
        if path.startswith("/_local/"):
            return self._local(path, query, body)
        stage = f"/{self.server.stage}" if self.server.stage else ""
        if path != stage and not path.startswith(f"{stage}/"):
            raise _Refused("MISSING_AUTHENTICATION_TOKEN")
        target = (path.removeprefix(stage) or "/") + (f"?{query}" if query else "")
        return self._invoke(target, body)

    def _local(self, path: str, query: str, body: bytes) -> Answer:
        method = "GET" if self.command == "HEAD" else self.command
        request = Request(method, path, query, dict(self.headers), body)
        answer = self.server.pages(request)
        return answer or self.server.refusal("MISSING_AUTHENTICATION_TOKEN")

    def _invoke(self, target: str, body: bytes) -> Answer:
        gateway = self.server.gateway
        method = "GET" if self.command == "HEAD" else self.command
        if not gateway.knows(method, target):
            return self.server.refusal("MISSING_AUTHENTICATION_TOKEN")
        try:
            answer = gateway.handle_request(method, target, dict(self.headers), body or None)
        except LocalGatewayException as refused:
            return Answer(refused.CODE, refused.body or b"", refused.headers)
        except Exception:  # noqa: BLE001 - as API Gateway: a function that dies is a 502
            self.server.log(traceback.format_exc())
            return self.server.refusal("INTEGRATION_FAILURE")
        return self._from_lambda(answer)

    def _from_lambda(self, answer: dict[str, Any]) -> Answer:
        headers = {**answer["headers"], **answer["multiValueHeaders"]}
        body = answer.get("body") or b""
        body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        if len(body) > _MAX_ANSWER:
            self.server.log(f"{self.path}: an answer of {len(body)} bytes; Lambda returns 6 MB")
            return self.server.refusal("INTEGRATION_FAILURE")
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return Answer(answer["statusCode"], body, headers)

    def _send(self, answer: Answer) -> None:
        try:
            self._write_head(answer)
        except (UnicodeEncodeError, ValueError):
            self.server.log(f"{self.path}: a header that HTTP cannot carry")
            self._headers_buffer: list[bytes] = []  # nothing of it is on the wire yet
            answer = self.server.refusal("INTEGRATION_FAILURE")
            self._write_head(answer)
        if self.command != "HEAD" and answer.status not in _BODILESS:
            self.wfile.write(answer.body)

    def _write_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        names = {name.lower() for name in answer.headers}
        if answer.status not in _BODILESS:
            self.send_header("Content-Length", str(len(answer.body)))
            if "content-type" not in names:
                self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            if name.lower() == "content-length":
                continue
            for one in value if isinstance(value, list) else [value]:
                if "\n" in str(one) or "\r" in str(one):
                    raise ValueError(name)
                self.send_header(name, str(one))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _body(self) -> bytes:
        codings = self.headers.get_all("Transfer-Encoding", [])
        lengths = self.headers.get_all("Content-Length", [])
        if codings and lengths:
            raise _Refused("BAD_REQUEST")
        if codings:
            if [coding.strip().lower() for coding in codings] != ["chunked"]:
                raise _Refused("BAD_REQUEST")
            return self._chunks()
        if not lengths:
            return b""
        if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
            raise _Refused("BAD_REQUEST")
        return self._exactly(int(lengths[0]))

    def _exactly(self, length: int) -> bytes:
        if length > MAX_BODY:
            raise _Refused("REQUEST_TOO_LARGE")
        body = self.rfile.read(length)
        if len(body) < length:
            raise _Refused("BAD_REQUEST")
        return body

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = self._line().partition(b";")[0].strip()
            if not _CHUNK_SIZE.match(size):
                raise _Refused("BAD_REQUEST")
            length = int(size, 16)
            if len(body) + length > MAX_BODY:
                raise _Refused("REQUEST_TOO_LARGE")
            if length == 0:
                break
            body += self._exactly(length)
            if self._line():
                raise _Refused("BAD_REQUEST")
        for _ in range(100):
            if not self._line():
                return bytes(body)
        raise _Refused("BAD_REQUEST")

    def _line(self) -> bytes:
        line = self.rfile.readline(8192)
        if not line.endswith(b"\n"):
            raise _Refused("BAD_REQUEST")
        return line.rstrip(b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Log nothing: the app logs its requests, and a URL may hold what no log may."""
