"""One exchange with a stranger: what each kind of trouble means."""

import socket
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.outbound import wire
from chalicelib.outbound.wire import NoAnswer, NotSent, Request, exchange, place_of

SHORT = 0.4


def ask(url: str, headers: dict[str, str] | None = None, max_body: int = 1000) -> Request:
    return Request(
        method="POST",
        place=place_of(url),
        headers=headers or {},
        body=b"{}",
        seconds=SHORT,
        max_body=max_body,
    )


def test_an_answer_comes_back_whole_with_status_headers_body(strangers):
    peer = strangers.answers(200, b"hello", {"X-One": "1"})

    answer = exchange(ask(peer.url + "/a?b=c", headers={"X-Two": "2"}))

    assert (answer.status, answer.body, answer.headers["x-one"]) == (200, b"hello", "1")
    heard = peer.heard[0]
    assert (heard.method, heard.target, heard.body) == ("POST", "/a?b=c", b"{}")
    assert heard.headers["x-two"] == "2"
    assert heard.headers["host"] == f"127.0.0.1:{peer.port}"


def test_a_chunked_answer_is_read(strangers):
    peer = strangers.says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )

    assert exchange(ask(peer.url)).body == b"abc"


def test_a_redirect_is_an_answer_and_is_not_followed(strangers):
    elsewhere = strangers.answers(200)
    peer = strangers.answers(302, headers={"Location": elsewhere.url})

    assert exchange(ask(peer.url)).status == 302
    assert elsewhere.heard == []


def test_nobody_listening_means_not_sent(strangers):
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        exchange(ask(strangers.nobody()))


def test_a_name_that_is_unknown_means_not_sent(strangers):
    with pytest.raises(NotSent, match="gaierror"):
        exchange(ask("https://nowhere.example/"), network=strangers.network())


def test_a_resolver_that_does_not_answer_is_left_behind():
    released = threading.Event()

    def never(_host, _port, *, type):  # noqa: A002, ARG001 - the resolver's own name for it
        released.wait(5)
        raise socket.gaierror

    with pytest.raises(TimeoutError):
        wire._look_up("slow.example", 443, 0.05, ask=never)
    released.set()


def test_a_resolver_is_asked_once_per_name_and_ipv4_goes_first():
    def both(host, port, *, type):  # noqa: A002 - the resolver's own name for it
        assert (host, port, type) == ("both.example", 443, socket.SOCK_STREAM)
        return [
            (socket.AF_INET6, type, 6, "", ("2001:db8::1", 443, 0, 0)),
            (socket.AF_INET, type, 6, "", ("192.0.2.1", 443)),
            (socket.AF_INET, type, 6, "", ("192.0.2.1", 443)),
        ]

    assert wire._look_up("both.example", 443, 1, ask=both) == ("192.0.2.1", "2001:db8::1")


def test_a_resolver_s_refusal_is_passed_on():
    def refuses(_host, _port, *, type):  # noqa: A002, ARG001 - as above
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(socket.gaierror):
        wire._look_up("nowhere.example", 443, 1, ask=refuses)


def test_the_second_address_is_tried_where_the_first_refuses(strangers):
    peer = strangers.answers(200)

    answer = exchange(ask(peer.url), addresses=("127.0.0.2", "127.0.0.1"))

    assert answer.status == 200


def test_a_reset_after_the_request_means_no_answer(strangers):
    with pytest.raises(NoAnswer, match="ConnectionResetError"):
        exchange(ask(strangers.resets().url))


def test_a_hang_up_without_a_word_means_no_answer(strangers):
    with pytest.raises(NoAnswer, match="RemoteDisconnected"):
        exchange(ask(strangers.says(b"").url))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nX-Drip: " + b"a" * 500,
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"a" * 500,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    ],
    ids=["headers", "body", "continue"],
)
def test_the_deadline_is_for_the_whole_so_that_a_slow_drip_ends(strangers, raw):
    peer = strangers.drips(raw, pause=0.02)
    started = time.monotonic()

    with pytest.raises(NoAnswer, match="TimeoutError"):
        exchange(ask(peer.url))

    assert time.monotonic() - started < SHORT + 0.5


def test_silence_ends_at_the_deadline(strangers):
    with pytest.raises(NoAnswer, match="TimeoutError"):
        exchange(ask(strangers.hangs().url))


def test_without_time_nothing_is_sent(strangers):
    peer = strangers.answers(200)

    with pytest.raises(NotSent, match="TimeoutError"):
        exchange(replace(ask(peer.url), seconds=0))
    assert peer.heard == []


def test_a_body_over_the_limit_is_no_answer(strangers):
    peer = strangers.answers(200, b"a" * 1001)

    with pytest.raises(NoAnswer):
        exchange(ask(peer.url))


def test_a_body_without_end_is_not_read_where_it_is_not_wanted(strangers):
    peer = strangers.answers(200, b"", {"Content-Length": "1000000000"})

    assert exchange(ask(peer.url, max_body=0)).body == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 999999 Huh\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 70_000,
    ],
    ids=["torn", "empty", "torn-chunk", "no-chunk", "not-http", "status", "headers", "long-line"],
)
def test_an_answer_that_is_torn_or_no_http_is_no_answer(strangers, raw):
    with pytest.raises(NoAnswer):
        exchange(ask(strangers.says(raw).url))


@given(st.binary(max_size=300))
def test_no_bytes_a_stranger_may_send_do_anything_else(raw):
    ours, theirs = socket.socketpair()
    real = wire.internet()
    network = replace(real, dial=lambda *_: ours)
    with theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n" + raw)
        theirs.shutdown(socket.SHUT_WR)

        try:
            answer = exchange(ask("http://127.0.0.1/"), network=network)
        except NoAnswer:
            return
    assert answer.status == 200


# --- TLS


def test_a_certificate_of_the_name_is_accepted_at_whatever_address(strangers):
    peer = strangers.answers(200, tls="hooks.example")

    answer = exchange(
        ask(f"https://hooks.example:{peer.port}/"),
        network=strangers.network(),
        addresses=("127.0.0.1",),
    )

    assert answer.status == 200
    assert peer.heard[0].headers["host"] == f"hooks.example:{peer.port}"


def test_a_certificate_of_another_name_means_not_sent(strangers):
    peer = strangers.answers(200, tls="other.example")

    with pytest.raises(NotSent, match="SSLCertVerificationError"):
        exchange(
            ask(f"https://hooks.example:{peer.port}/"),
            network=strangers.network(),
            addresses=("127.0.0.1",),
        )
    assert peer.heard == []


def test_a_certificate_that_nobody_vouches_for_means_not_sent(strangers):
    peer = strangers.answers(200, tls="127.0.0.1")

    with pytest.raises(NotSent, match="SSLCertVerificationError"):
        exchange(ask(peer.url))


def test_a_handshake_that_never_ends_means_not_sent(strangers):
    peer = strangers.hangs(reads=False)

    with pytest.raises(NotSent, match="TimeoutError"):
        exchange(ask(f"https://127.0.0.1:{peer.port}/"))


# --- URLs


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://a.example", "a.example", 443, "/"),
        ("https://A.Example:8443/p?q=1#f", "a.example", 8443, "/p?q=1"),
        ("http://127.0.0.1:9/x", "127.0.0.1", 9, "/x"),
        ("http://[::1]/", "::1", 80, "/"),
        ("https://xn--fiqs8s.example/", "xn--fiqs8s.example", 443, "/"),
    ],
)
def test_a_plain_url_is_taken_apart(url, host, port, target):
    place = place_of(url)

    assert (place.host, place.port, place.target) == (host, port, target)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "malformed"),
        ("https://a.example/ b", "malformed"),
        ("https://a.example/\r\nX: y", "malformed"),
        ("https://a.example\\@b.example/", "malformed"),
        ("https://ａ.example/", "malformed"),  # full-width letter
        ("https://127。0。0。1/", "malformed"),  # ideographic full stops
        ("https://①②⑦.0.0.1/", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://a.example:99999/", "malformed"),
        ("https://a.example:x/", "malformed"),
        ("https://a.example/" + "a" * 2048, "malformed"),
        ("ftp://a.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("//a.example/", "scheme"),
        ("https://user@a.example/", "userinfo"),
        ("https://user:pass@a.example/", "userinfo"),
        ("https://@a.example/", "userinfo"),
        ("https://a.example:0/", "port"),
        ("https:///path", "host"),
        ("https://a..example/", "host"),
        ("https://.example/", "host"),
        ("https://a.example./", "host"),
        ("https://-a.example/", "host"),
        ("https://a_b.example/", "host"),
        ("https://a%2eexample/", "host"),
        ("https://127.1/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0x7f.0.0.1/", "host"),
        ("https://127.0.0.0x1/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://" + "a" * 64 + ".example/", "host"),
    ],
)
def test_a_url_that_parsers_may_read_differently_is_refused(url, why):
    with pytest.raises(ValueError, match=f"^{why}$"):
        place_of(url)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), (" 7 ", 7), ("999999", 3600), ("", 30), ("-1", 30), ("soon", 30), ("１", 30)],
)
def test_retry_after_is_seconds_or_our_own_default(said, seconds):
    answer = wire.Answer(429, {"retry-after": said}, b"")

    assert answer.retry_after(default=30) == seconds
