"""What every request passes before it is answered, from the outside in.

`Accounts` knows when it came and how it ended; `Gate` who asks, by which name and how often; `Body`
that it is no larger and no slower than it may be.
"""

import asyncio
import traceback

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practicum.errors import Busy
from practicum.serving.api_errors import Refusal, refusal_of
from practicum.serving.connection import (
    ClientLeft,
    host_of,
    refuse,
    replayed,
    too_large,
    whole_body,
)
from practicum.serving.http_settings import HttpSettings
from practicum.serving.metrics import Metrics
from practicum.serving.rate_limits import Buckets
from practicum.serving.request_log import CLIENT_LEFT, KEY, Record, record_of, write

OPEN = frozenset({"/health"})  # needs no key: whoever watches a server has none


class Accounts:
    """Gives every request a record, and writes it down when the request is over."""

    def __init__(
        self, app: ASGIApp, *, settings: HttpSettings, metrics: Metrics, tokens: Buckets
    ) -> None:
        self.app, self.settings, self.metrics, self.tokens = app, settings, metrics, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        record = Record(method=scope["method"], client=(scope.get("client") or ("",))[0])
        scope[KEY] = record

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = record.id
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except ClientLeft:
            record.status = CLIENT_LEFT
        except Exception as problem:
            await self._failed(record, problem)(scope, receive, noting)
        finally:
            self._over(record, scope)

    def _failed(self, record: Record, problem: Exception) -> ASGIApp:
        """The answer to a request that ended in `problem`; nothing where it has begun."""
        refusal = refusal_of(problem)
        record.code = refusal.code
        if isinstance(problem, Busy):
            record.prompt_tokens = 0  # none was read
        if refusal.status == 500:
            record.problem = "".join(traceback.format_exception(problem))
        return _silence if record.status is not None else refusal.response()

    def _over(self, record: Record, scope: Scope) -> None:
        route = scope.get("route")
        record.route = getattr(route, "path", "unknown")
        if record.status is None:  # cut off while the server closes
            record.status = CLIENT_LEFT
        record.seconds = record.age
        self.tokens.take(record.client, record.completion_tokens + record.prompt_tokens)
        self.metrics.observe(record)
        write(record, self.settings.log, with_prompt=self.settings.log_prompts)


async def _silence(scope: Scope, receive: Receive, send: Send) -> None:
    """No answer."""


class Gate:
    """Refuses who has no key, calls the server by a name that is not its own, or asks too much."""

    def __init__(
        self, app: ASGIApp, *, settings: HttpSettings, requests: Buckets, tokens: Buckets
    ) -> None:
        self.app, self.settings = app, settings
        self.requests, self.tokens = requests, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._admit(scope)
            except Refusal as refusal:
                record_of(scope).code = refusal.code
                await refuse(refusal, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        hosts = self.settings.hosts
        host = host_of(scope)
        if hosts is not None and host not in hosts:
            raise Refusal(403, f"this server does not answer for the host '{host[:80]}'")
        if scope["path"] in OPEN:
            return
        record = record_of(scope)
        if self.settings.keys:
            record.client = self._owner(scope)
        if scope["path"].startswith("/v1/") and scope["method"] == "POST":
            self._limit(record.client)

    def _owner(self, scope: Scope) -> str:
        kind, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not key.strip():
            raise Refusal(
                401,
                "an API key is needed; send the header Authorization: Bearer KEY",
                code="invalid_api_key",
            )
        owner = self.settings.keys.owner(key.strip())
        if owner is None:
            raise Refusal(401, "this API key is not known here", code="invalid_api_key")
        return owner

    def _limit(self, client: str) -> None:
        for what, buckets in (("requests", self.requests), ("tokens", self.tokens)):
            wait = buckets.wait(client, 1)
            if wait > 0:
                raise Refusal(
                    429,
                    f"too many {what} in a minute; try again in {max(1, round(wait))} seconds",
                    code="rate_limit_exceeded",
                    retry_after=wait,
                )
        self.requests.take(client, 1)


class Body:
    """Reads the whole body before anybody works on it: in time, and not more than is allowed."""

    def __init__(self, app: ASGIApp, *, settings: HttpSettings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except Refusal as refusal:
            record_of(scope).code = refusal.code
            await refuse(refusal, scope, receive, send)
            return
        await self.app(scope, replayed(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        most = self.settings.body_bytes
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > most:
            raise too_large(most)
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                return await whole_body(receive, most)
        except TimeoutError:
            raise Refusal(
                408,
                f"the body did not arrive in {self.settings.body_seconds:g} seconds",
                code="timeout",
            ) from None
