"""Which hosts a workflow may call, and what an exchange with one may do to the server."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from local_hosts import LocalHost, local_host

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Network, outbound
from flowdrop_jupyter.nodes.addresses import is_allowed_address, names_host
from flowdrop_jupyter.nodes.outbound import MAX_BODY_BYTES, Call, Reply, fetch

SECRET = "s3cret"


@pytest.fixture
def host() -> Iterator[LocalHost]:
    with local_host() as host:
        yield host


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def get(url: str, network: Network, method: str = "GET", backend: str = "asyncio", **fields: Any) -> Reply:
    async def calling() -> Reply:
        return await fetch(Call(method=method, url=url, **{"timeout": 20.0, **fields}), network)

    return anyio.run(calling, backend=backend)


def refusal(url: str, network: Network, method: str = "GET", **fields: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        get(url, network, method, **fields)
    assert SECRET not in caught.value.message
    assert SECRET not in str(caught.value.details)
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "::ffff:0:127.0.0.1",
        "5f00::1",
        "3fff::1",
        "2001:db8::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "not an address",
        "",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_allowed_address(address, Network())


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed_address(address, Network())


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("fd12::1", True),
        ("::ffff:10.0.0.1", True),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_allowing_private_networks_never_opens_what_gives_out_credentials(
    address: str, allowed: bool
) -> None:
    assert is_allowed_address(address, Network(allow_private=True)) is allowed


@pytest.mark.parametrize(
    ("entry", "address", "allowed"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.2.3", False),
        ("10.1.2.3/16", "10.1.9.9", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("fd00::/8", "fd12::1", True),
        ("169.254.169.254", "169.254.169.254", True),
        ("nonsense/99", "10.1.2.3", False),
    ],
)
def test_an_address_may_be_named(entry: str, address: str, allowed: bool) -> None:
    assert is_allowed_address(address, Network(allowed_hosts=(entry,))) is allowed


@pytest.mark.parametrize(
    ("entry", "host", "port", "named"),
    [
        ("intranet", "intranet", 80, True),
        ("Intranet.", "intranet", 443, True),
        ("intranet", "intranet.evil.test", 80, False),
        ("intranet", "evil-intranet", 80, False),
        ("intranet:8080", "intranet", 8080, True),
        ("intranet:8080", "intranet", 80, False),
        ("*.corp.test", "a.b.corp.test", 80, True),
        ("*.corp.test", "corp.test", 80, False),
        ("*.corp.test", "evilcorp.test", 80, False),
        ("*", "anything", 80, False),
    ],
)
def test_a_host_may_be_named(entry: str, host: str, port: int, named: bool) -> None:
    assert names_host([entry], host, port) is named


@pytest.mark.parametrize(
    "written", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]"]
)
def test_no_spelling_of_this_machine_is_called(host: LocalHost, written: str) -> None:
    error = refusal(host.url("/echo", written), Network())

    assert error.code in ("HOST_NOT_ALLOWED", "HOST_UNKNOWN", "REQUEST_INVALID")
    assert host.asked == []


def test_a_name_is_resolved_once_and_called_at_the_address_that_was_checked(
    host: LocalHost, backend: str
) -> None:
    reply = get(host.url("/echo"), host.network(), backend=backend)

    assert reply.status == 200
    assert host.resolved == ["one.test"]
    assert host.asked[0]["headers"]["host"] == f"one.test:{host.port}"


def test_one_forbidden_address_among_several_is_enough_to_refuse(host: LocalHost) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34", "127.0.0.1"]

    assert refusal(host.url("/echo"), Network(resolver=resolve)).code == "HOST_NOT_ALLOWED"
    assert host.asked == []


def test_the_next_address_is_tried_when_one_does_not_answer(host: LocalHost) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    network = Network(allowed_hosts=("one.test",), resolver=resolve)

    assert get(host.url("/echo"), network).status == 200


def test_a_host_without_addresses_is_unknown() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    assert refusal("http://gone.test/", Network(resolver=resolve)).code == "HOST_UNKNOWN"


def test_a_host_that_does_not_answer_is_unreachable_and_worth_another_try() -> None:
    with local_host() as gone:
        url, network = gone.url("/echo"), gone.network()

    error = refusal(f"{url}?key={SECRET}", network)

    assert (error.code, error.retryable) == ("HOST_UNREACHABLE", True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "one.test",
        "/path",
        "file:///etc/passwd",
        "ftp://one.test/",
        "gopher://one.test/",
        "http://",
        "http:///path",
        "http://one.test:99999/",
        "http://one.test:0/",
        f"http://user:{SECRET}@one.test/",
        "http://[::1/",
        "http://one.test/\0",
        "http://one.test/" + "x" * 9000,
        "http://" + "x" * 300 + ".test/",
        "http://\ud800.test/",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    async def resolve(host: str, _port: int) -> Sequence[str]:
        raise OSError(host)

    assert refusal(url, Network(resolver=resolve)).code in ("REQUEST_INVALID", "HOST_UNKNOWN")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "other.test"},
        {"content-length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"X": f"a\r\nY: {SECRET}"},
        {"X\r\nY": "a"},
        {"": "a"},
        {"a b": SECRET},
        {"Grüße": "a"},
        {"X": "\ud800"},
        {f"X-{number}": "a" for number in range(101)},
    ],
)
def test_headers_that_could_change_the_request_are_refused(host: LocalHost, headers: dict[str, str]) -> None:
    assert refusal(host.url("/echo"), host.network(), headers=headers).code == "REQUEST_INVALID"
    assert host.asked == []


@pytest.mark.parametrize("to", ["http://inner.test:{port}/echo", "http://127.0.0.1:{port}/echo"])
def test_a_redirect_is_checked_like_the_first_address(host: LocalHost, to: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    network = Network(allowed_hosts=("one.test",), resolver=resolve)
    target = to.format(port=host.port)

    assert refusal(host.url(f"/redirect?to={target}"), network).code == "HOST_NOT_ALLOWED"
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "ftp://one.test/", f"http://u:{SECRET}@one.test/", "http://"]
)
def test_a_redirect_to_no_address_of_the_web_is_refused(host: LocalHost, to: str) -> None:
    assert refusal(host.url(f"/redirect?to={to}"), host.network()).code == "REDIRECT_REFUSED"


def test_a_circle_of_redirects_ends(host: LocalHost) -> None:
    assert refusal(host.url("/circle"), host.network()).code == "REDIRECT_REFUSED"
    assert len(host.asked) == 6


def test_redirects_are_only_followed_on_request(host: LocalHost) -> None:
    reply = get(host.url("/redirect?to=/echo"), host.network(), follow_redirects=False)

    assert (reply.status, reply.headers["location"]) == (302, "/echo")


HEADERS = {
    "Authorization": f"Bearer {SECRET}",
    "Cookie": f"a={SECRET}",
    "X-Api-Key": SECRET,
    "Accept": "text/x",
}


def test_secrets_stay_with_their_host(host: LocalHost) -> None:
    get(host.url(f"/redirect?to={host.url('/echo', 'two.test')}"), host.network(), headers=HEADERS)

    assert SECRET in str(host.asked[0])
    assert SECRET not in str(host.asked[1])
    assert host.asked[1]["headers"]["accept"] == "text/x"


def test_secrets_are_not_sent_to_another_port_of_the_host() -> None:
    with local_host() as one, local_host() as two:
        get(one.url(f"/redirect?to={two.url('/echo')}"), one.network(), headers=HEADERS)

    assert SECRET not in str(two.asked)


def test_a_redirect_on_the_same_host_keeps_the_headers(host: LocalHost) -> None:
    get(host.url("/redirect?to=/echo"), host.network(), headers=HEADERS)

    assert host.asked[1]["headers"]["x-api-key"] == SECRET


def test_a_body_is_not_sent_to_another_host(host: LocalHost) -> None:
    url = host.url(f"/redirect?status=307&to={host.url('/echo', 'two.test')}")

    assert refusal(url, host.network(), "POST", body=SECRET.encode()).code == "REDIRECT_REFUSED"
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("method", "status", "then", "body"),
    [
        ("POST", 301, "GET", ""),
        ("POST", 302, "GET", ""),
        ("POST", 303, "GET", ""),
        ("PUT", 303, "GET", ""),
        ("POST", 307, "POST", "content"),
        ("POST", 308, "POST", "content"),
        ("PUT", 302, "PUT", "content"),
    ],
)
def test_a_redirect_keeps_or_changes_the_method_as_the_status_says(
    host: LocalHost, method: str, status: int, then: str, body: str
) -> None:
    url = host.url(f"/redirect?status={status}&to=/echo")
    get(url, host.network(), method, body=b"content", headers={"Content-Type": "text/x"})

    assert (host.asked[1]["method"], host.asked[1]["body"]) == (then, body)
    assert ("content-type" in host.asked[1]["headers"]) is bool(body)


@pytest.mark.parametrize("path", ["/slow", "/drip"])
def test_a_slow_answer_is_given_up_at_the_deadline(host: LocalHost, path: str, backend: str) -> None:
    error = refusal(host.url(f"{path}?key={SECRET}"), host.network(), timeout=0.2, backend=backend)

    assert (error.code, error.retryable) == ("REQUEST_TIMEOUT", True)


def test_a_request_that_changes_something_is_not_offered_for_another_try(host: LocalHost) -> None:
    assert not refusal(host.url("/slow"), host.network(), "POST", timeout=0.2).retryable


def test_many_slow_redirects_share_one_deadline(host: LocalHost) -> None:
    error = refusal(host.url("/redirect?to=/redirect%3Fto=/slow"), host.network(), timeout=0.3)

    assert error.code == "REQUEST_TIMEOUT"
    assert len(host.asked) == 3


@pytest.mark.parametrize("path", ["/endless", "/bomb"])
def test_an_answer_too_large_is_refused_before_it_is_held(host: LocalHost, path: str) -> None:
    assert refusal(host.url(path), host.network()).code == "RESPONSE_TOO_LARGE"


def test_a_request_too_large_is_not_sent(host: LocalHost) -> None:
    error = refusal(host.url("/echo"), host.network(), "POST", body=b"x" * (MAX_BODY_BYTES + 1))

    assert error.code == "REQUEST_INVALID"
    assert host.asked == []


@pytest.mark.parametrize(
    "path", ["/cut-short", "/garbage", "/silence", "/packed-half", "/packed-badly", "/packed-oddly"]
)
def test_a_broken_answer_is_an_error_of_the_node(host: LocalHost, path: str) -> None:
    assert refusal(host.url(f"{path}?key={SECRET}"), host.network()).code == "RESPONSE_BROKEN"


def test_plain_words_to_a_server_that_does_not_encrypt_fail(host: LocalHost) -> None:
    error = refusal(host.url(f"/echo?key={SECRET}", scheme="https"), host.network())

    assert error.code == "HOST_UNREACHABLE"


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHost]:
    """A server with a certificate for one.test, which is trusted."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("a certificate is made with openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=one.test", "-addext", "subjectAltName=DNS:one.test", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outbound._tls.cache_clear()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with local_host(tls) as host:
        yield host
    outbound._tls.cache_clear()


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(certified: LocalHost) -> None:
    assert get(certified.url("/echo", scheme="https"), certified.network()).status == 200

    error = refusal(certified.url("/echo", "two.test", scheme="https"), certified.network())
    assert (error.code, "certificate" in error.message) == ("HOST_UNREACHABLE", True)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    certified: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    outbound._tls.cache_clear()

    assert "certificate" in refusal(certified.url("/echo", scheme="https"), certified.network()).message


def test_a_packed_answer_is_unpacked(host: LocalHost) -> None:
    assert get(host.url("/packed"), host.network()).text == "unpacked"


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_an_answer_is_read_in_its_own_encoding(host: LocalHost, charset: str) -> None:
    assert get(host.url(f"/text?charset={charset}"), host.network()).text == "Grüße"


def test_an_answer_to_head_has_no_body(host: LocalHost) -> None:
    reply = get(host.url("/echo"), host.network(), "HEAD")

    assert (reply.status, reply.body) == (200, b"")


def test_proxies_of_the_environment_are_not_used(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
    # A proxy would resolve the name itself, so that the check would check nothing.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    assert get(host.url("/echo"), host.network()).status == 200


def test_nothing_secret_is_logged(host: LocalHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    get(host.url(f"/echo?key={SECRET}"), host.network(), headers=HEADERS)

    assert SECRET not in caplog.text


@pytest.mark.usefixtures("no_blocking")
def test_a_call_blocks_nothing(host: LocalHost) -> None:
    assert get(host.url("/redirect?to=/packed"), host.network()).text == "unpacked"


def test_cancelling_lets_go_of_the_connection_at_once(host: LocalHost, backend: str) -> None:
    async def cancelled() -> bool:
        with anyio.move_on_after(0.2) as scope:
            await fetch(Call(method="GET", url=host.url("/slow"), timeout=20.0), host.network())
        return scope.cancelled_caught

    assert anyio.run(cancelled, backend=backend)
