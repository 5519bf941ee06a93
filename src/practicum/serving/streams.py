"""An answer as a stream of server-sent events, which ends with [DONE] or with an error."""

import asyncio
from collections.abc import AsyncGenerator

from fastapi import Request
from pydantic import BaseModel

from practicum.serving.api_errors import refusal_of
from practicum.serving.connection import EventStream, while_connected
from practicum.serving.request_log import Record, record_of

DONE = "[DONE]"


async def streamed(request: Request, events: AsyncGenerator[BaseModel, None]) -> EventStream:
    """The response that sends `events`; an error before the first of them is raised."""
    first = await while_connected(request.receive, _next(events))
    return EventStream(_texts(first, events, record_of(request.scope)))


async def _next(events: AsyncGenerator[BaseModel, None]) -> BaseModel:
    return await anext(events)


async def _texts(
    first: BaseModel, events: AsyncGenerator[BaseModel, None], record: Record
) -> AsyncGenerator[str, None]:
    try:
        yield first.model_dump_json()
        async for event in events:
            yield event.model_dump_json()
        yield DONE
    except Exception as problem:  # the status is sent already; the error has to be an event
        refusal = refusal_of(problem)
        record.code = refusal.code
        if refusal.status == 500:
            record.problem = f"{type(problem).__name__}: {problem}"
        yield refusal.body.model_dump_json()
    except asyncio.CancelledError:
        record.code = record.code or "cancelled"
        raise
    finally:
        await events.aclose()
