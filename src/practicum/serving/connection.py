"""The other end of a request: it can leave, be slow to send, or be slow to read."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from practicum.serving.api_errors import Refusal

T = TypeVar("T")
LINGER = 2.0  # seconds in which a body that is not wanted may end


class ClientLeft(Exception):
    """Nobody reads the answer any more."""


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; it is cancelled when the client leaves, and then ClientLeft is raised.

    `receive` has given the whole body before, so that all it can still say is that.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def whole_body(receive: Receive, most: int) -> bytes:
    """The body of a request, of which no more than `most` bytes are kept.

    Raises Refusal (413) for a larger one, ClientLeft where it ends before it is whole.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise too_large(most)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request whose body nobody has read.

    What still comes of it is thrown away for a moment: a connection that is closed on data that
    nobody read takes the answer with it. It is closed where the body has no end by then.
    """
    if not await _ends(receive):
        refusal.headers["connection"] = "close"
    await refusal.response()(scope, receive, send)


async def _ends(receive: Receive) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] == "http.request":
                if not message.get("more_body", False):
                    return True
    return False


def too_large(most: int) -> Refusal:
    """What is said of a body of more than `most` bytes."""
    return Refusal(
        413,
        f"the body is larger than the {most} bytes that this server reads; send less",
        code="request_too_large",
    )


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, and then what `receive` gives."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class EventStream(Response):
    """Server-sent events: each text becomes one `data:` line, sent as soon as it is there.

    The source is closed when the client leaves.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        self.events = events
        self.status_code, self.background = 200, None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_connected(receive, self._write(send))

    async def _write(self, send: Send) -> None:
        async with aclosing(self.events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for event in events:
                body = f"data: {event}\n\n".encode()
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def host_of(scope: Scope) -> str:
    """The name that the client called this server by, without its port."""
    host = Headers(scope=scope).get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
