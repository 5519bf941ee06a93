"""The process behind the routes: a socket, uvicorn on it, and an end that lets answers be finished.

At SIGTERM or Ctrl-C no connection is accepted any more; what runs may be finished within a time;
then every answer ends with an error, and the worker is closed.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from practicum.errors import ConfigError
from practicum.serving.answerer import Answerer
from practicum.serving.api_errors import Refusal
from practicum.serving.connection import refuse
from practicum.serving.idle import Idle

LAST_WORDS = 2.0  # seconds in which answers that were cut off can say so
HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server waits."""

    drain: float = 30.0  # seconds that running answers have once it is to end
    header: float = 10.0  # in which a request's first lines have to arrive
    idle: float = 30.0  # that a connection may rest between two requests
    reader: float = 60.0  # that a client may leave unread what is sent to it

    def __post_init__(self) -> None:
        for name in ("drain", "header", "idle", "reader"):
            if getattr(self, name) < 0:
                raise ConfigError(f"Patience.{name} is {getattr(self, name)}; expected 0 or more")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any free one. Raises ConfigError where it cannot."""
    if not 0 <= port < 2**16:
        raise ConfigError(f"--port {port}; expected 0 to {2**16 - 1}, where 0 is any free one")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)  # pyright: ignore[reportArgumentType]
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ConfigError(
            f"cannot listen on {host}, port {port}: {reason}; choose others by --host and --port"
        ) from problem


class Server(uvicorn.Server):
    """Runs `app` on sockets until a signal comes or `stop` is called; then closes `worker`."""

    def __init__(
        self,
        app: ASGIApp,
        worker: Answerer | Idle,
        patience: Patience | None = None,
        *,
        connections: int = 1024,
    ) -> None:
        self._worker, self._patience = worker, patience or Patience()
        config = uvicorn.Config(
            app,
            http=_protocol(self._patience, connections),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # anybody can claim to forward for another
            h11_max_incomplete_event_size=HEADER_BYTES,
            timeout_keep_alive=max(1, round(self._patience.idle)),
            timeout_graceful_shutdown=round(self._patience.drain + LAST_WORDS),
        )
        super().__init__(config)

    def stop(self) -> None:
        """Let the server end, as a signal does."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn; answers that take too long are cut off with an error, not in silence."""
        cutting = asyncio.create_task(self._cut_off())
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()
            await asyncio.to_thread(self._worker.close)

    async def _cut_off(self) -> None:
        await asyncio.sleep(self._patience.drain)
        await asyncio.to_thread(self._worker.close)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server while it runs, and are not raised again: it has ended well."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses whoever is one too many, and hangs up."""
    refusal = Refusal(
        503,
        "as many are connected to this server as may be; ask again later",
        code="too_many_connections",
        retry_after=1,
    )
    refusal.headers["connection"] = "close"
    await refuse(refusal, scope, receive, send)


def _protocol(patience: Patience, connections: int) -> type[H11Protocol]:
    """uvicorn's protocol, which by itself waits for ever: for first lines, and for readers.

    Of more `connections` each is told so, in the shape of every other error, which uvicorn has not.
    """

    class Impatient(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None  # of the first lines
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            super().connection_made(transport)
            self._deadline = self.loop.call_later(patience.header, self._too_slow)
            if len(self.connections) > connections:
                self.logger.warning("One connection too many.")
                self.app = _crowded

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._forget()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(patience.header, self._too_slow)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unread = self.loop.call_later(patience.reader, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._unread is not None:
                self._unread.cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            if self._unread is not None:
                self._unread.cancel()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            """As uvicorn's, in the shape of every other error."""
            self._forget()
            body = Refusal(400, msg).body.model_dump_json().encode()
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            for event in (
                h11.Response(status_code=400, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def _too_slow(self) -> None:
            self._deadline = None
            self.timeout_keep_alive_handler()

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Impatient
