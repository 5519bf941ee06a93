"""The socket: clients that are slow, half-open or gone, and an end that cuts nobody off."""

import json
import socket
import threading
import time

import openai
import pytest

from practicum.errors import ConfigError
from practicum.serving.answerer import CLOSING
from practicum.serving.http import application
from practicum.serving.http_settings import HttpSettings
from practicum.serving.idle import Idle
from practicum.serving.server import Patience, Server, listening

HEAD = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def connected(address):
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def everything(connection):
    """What is sent until the connection ends."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answered(connection, asked):
    """Asks for the server's health on a connection that goes on, and is told that it is well."""
    connection.sendall(asked)
    answer = b""
    while b'{"status":"ok"}' not in answer:
        part = connection.recv(65536)
        assert part, answer
        answer += part


def error_in(answer, status):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode(), answer
    return json.loads(body)["error"]


@pytest.fixture(autouse=True)
def _no_lingering(monkeypatch):
    monkeypatch.setattr("practicum.serving.connection.LINGER", 0.1)


def client_of(address):
    return openai.OpenAI(base_url=f"http://{address}/v1", api_key="-", max_retries=0, timeout=20)


def test_who_sends_no_request_is_hung_up_on(serve):
    with serve(patience=Patience(header=0.3, drain=0.5)) as (address, _):
        for begun in (b"", b"POST /v1/comp", HEAD.encode(), b"GET / HTTP/1.1\r\nx: y\r\n"):
            with connected(address) as connection:
                connection.sendall(begun)
                started = time.monotonic()
                assert everything(connection) == b""
                assert time.monotonic() - started < 3
        with connected(address) as connection:  # the second request of a connection, too
            answered(connection, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            connection.sendall(b"GET /hea")
            assert everything(connection) == b""


def test_a_body_that_does_not_come_is_not_waited_for(serve):
    with (
        serve(http=HttpSettings(body_seconds=0.3)) as (address, _),
        connected(address) as connection,
    ):
        connection.sendall(f'{HEAD}content-length: 100\r\n\r\n{{"model"'.encode())
        assert "did not arrive" in error_in(everything(connection), 408)["message"]


@pytest.mark.parametrize("length", ["content-length: 99999999999", "transfer-encoding: chunked"])
def test_a_body_that_is_too_long_is_not_read(serve, length):
    with (
        serve(http=HttpSettings(body_bytes=1000)) as (address, _),
        connected(address) as connection,
    ):
        connection.sendall(f"{HEAD}{length}\r\n\r\n".encode())
        if "chunked" in length:
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert "1000 bytes" in error_in(everything(connection), 413)["message"]


def test_what_is_no_http_is_refused_in_the_same_shape(running):
    for nonsense in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 66_000):
        with connected(running[0]) as connection:
            connection.sendall(nonsense)
            assert error_in(everything(connection), 400)["type"] == "invalid_request_error"


def test_a_client_that_leaves_within_its_body_leaves_nothing(running):
    with connected(running[0]) as connection:
        connection.sendall(f"{HEAD}content-length: 100\r\n\r\n{{".encode())
    with client_of(running[0]) as client:
        assert client.models.list().data


def test_a_reader_that_stops_reading_is_let_go(serve):
    with (
        serve(patience=Patience(drain=0.5, reader=0.3), buffer=4096) as (address, worker),
        socket.socket() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", int(address.partition(":")[2])))
        body = json.dumps(
            {"model": "tiny", "prompt": "x", "max_tokens": 1000, "n": 100, "stream": True}
        )
        connection.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n{body}".encode())
        deadline = time.monotonic() + 30
        while not worker.load.asked or not worker.engine.idle:
            assert time.monotonic() < deadline, worker.load
            time.sleep(0.02)
        assert worker.load.cancelled > 0


def test_running_answers_are_finished_when_the_server_ends(serve):
    heard = []

    def listen(address):
        with client_of(address) as client:
            asked = client.completions.create(
                model="tiny", prompt="x", max_tokens=100, seed=1, stream=True
            )
            heard.extend(event.choices[0].finish_reason for event in asked)

    with serve(patience=Patience(drain=15)) as (address, worker):
        thread = threading.Thread(target=listen, args=(address,))
        thread.start()
        while not worker.load.said_tokens:
            time.sleep(0.005)
    thread.join()
    assert heard[-1] == "length"
    with pytest.raises(OSError):
        connected(address)


def test_an_answer_that_takes_too_long_to_finish_says_so(serve):
    problems = []

    def listen(address):
        with client_of(address) as client:
            asked = client.completions.create(
                model="tiny", prompt=["x"] * 8, n=10, max_tokens=1000, stream=True
            )
            try:
                list(asked)
            except openai.APIError as problem:
                problems.append(str(problem))

    with serve(patience=Patience(drain=0.2), rows=1) as (address, worker):
        thread = threading.Thread(target=listen, args=(address,))
        thread.start()
        while not worker.load.said_tokens:
            time.sleep(0.005)
        started = time.monotonic()
    thread.join()
    assert time.monotonic() - started < 4
    assert "the server is closing" in problems[0]


def test_what_is_cut_off_when_the_server_ends_is_told_so(serve, monkeypatch):
    monkeypatch.setattr("practicum.serving.server.LAST_WORDS", 0.0)
    records, begun, go = [], threading.Event(), threading.Event()
    text = '{"model": "tiny", "input": "x"}'

    def log(line):
        records.append(json.loads(line))
        if "embeddings" in line:
            go.set()  # the process waits for its threads

    with serve(http=HttpSettings(log=log), patience=Patience(drain=0.0)) as (address, worker):
        embed = worker.embed

        def slowly(texts):
            begun.set()
            assert go.wait(20)
            return embed(texts)

        monkeypatch.setattr(worker, "embed", slowly)
        half, whole = connected(address), connected(address)
        half.sendall(f'{HEAD}content-length: 100\r\n\r\n{{"model"'.encode())
        head = HEAD.replace("completions", "embeddings")
        whole.sendall(f"{head}content-length: {len(text)}\r\n\r\n{text}".encode())
        assert begun.wait(20)
    for connection in (half, whole):
        with connection:
            error = error_in(everything(connection), 503)
        assert (error["message"], error["type"]) == (CLOSING, "server_error")
    assert [record["status"] for record in records] == [503, 503]


def test_who_is_one_too_many_is_told_so_and_may_come_back(served):
    asked = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    with listening("127.0.0.1", 0) as door:
        server = Server(application(served), Idle(), Patience(drain=0.5), connections=1)
        thread = threading.Thread(target=lambda: server.run(sockets=[door]))
        thread.start()
        try:
            address = f"127.0.0.1:{door.getsockname()[1]}"
            with connected(address) as first, connected(address) as second:
                answered(first, asked)
                second.sendall(asked)
                answer = everything(second)
                assert error_in(answer, 503)["code"] == "too_many_connections"
                assert b"retry-after: 1" in answer
                answered(first, asked)
            deadline = time.monotonic() + 20
            while b"200 OK" not in answer:  # until the server has seen the others leave
                assert time.monotonic() < deadline
                with connected(address) as third:
                    third.sendall(asked.replace(b"host", b"connection: close\r\nhost"))
                    answer = everything(third)
        finally:
            server.stop()
            thread.join()


def test_a_port_that_is_taken_is_said_to_be():
    with listening("127.0.0.1", 0) as door, pytest.raises(ConfigError, match="in use.*--port"):
        listening("127.0.0.1", door.getsockname()[1])
    for host, port in (("no-such-host.invalid", 80), ("8.8.8.8", 0)):
        with pytest.raises(ConfigError, match="cannot listen"):
            listening(host, port)
    with pytest.raises(ConfigError, match="--port 99999"):
        listening("127.0.0.1", 99999)
    with pytest.raises(ConfigError, match="drain is -1"):
        Patience(drain=-1)
