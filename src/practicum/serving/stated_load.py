"""A server under a stated load: so many clients, each asking again as soon as it is answered.

Any server with OpenAI's `chat/completions`, or `completions`, can be measured. Times are those of a
client: to the first piece of text, and from piece to piece. A load in which clients wait for their
answers is a closed one: a slow server is asked less often, so compare at equal numbers of clients.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx2
import numpy as np

from practicum.errors import ConfigError, DataError

SUBJECTS = (
    "river",
    "bridge",
    "winter",
    "garden",
    "letter",
    "market",
    "engine",
    "island",
    "mirror",
    "candle",
    "harbour",
    "forest",
    "violin",
    "shepherd",
    "lantern",
    "mountain",
    "kitchen",
    "railway",
    "orchard",
    "compass",
    "teacher",
    "painter",
    "village",
    "captain",
)
PERCENTILES = (50, 90, 99)
STRANGE = (ValueError, LookupError, TypeError, AttributeError)  # by JSON of another form


@dataclass(frozen=True, kw_only=True)
class StatedLoad:
    """What is asked, and by how many at once."""

    clients: int = 4
    requests: int = 3  # of each client, one after the other
    words: int = 25  # of a prompt, seven at least; no two begin alike
    tokens: int = 64  # of an answer, at most
    seed: int = 0
    patience: float = 600.0  # seconds for one answer
    chat: bool = True  # ask in a conversation; False: let a text be continued

    def __post_init__(self) -> None:
        for name in ("clients", "requests", "words", "tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")

    def prompt(self, client: int, request: int) -> str:
        """What this client asks this time."""
        draw = random.Random(f"{self.seed} {client} {request}")
        about = " ".join(draw.choices(SUBJECTS, k=max(1, self.words - 6)))
        return f"{about}: write a long story about these."


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One answer as its client heard it, in seconds from asking."""

    client: int
    asked: float  # from the start of the measurement
    pieces: tuple[float, ...]  # when each piece of text came
    tokens: int
    problem: str | None = None  # what went wrong


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a server does under a load. Percentiles are by `PERCENTILES`; seconds."""

    load: StatedLoad
    seconds: float
    answers: int
    failed: int
    tokens: int
    tokens_per_second: float
    first_text: tuple[float, ...]
    between_pieces: tuple[float, ...]
    answer: tuple[float, ...]
    heard: tuple[Heard, ...]
    problem: str | None  # the first one

    def row(self) -> dict[str, Any]:
        """For a table or JSON, without the single answers."""
        row: dict[str, Any] = {**asdict(self.load)}
        for name in ("seconds", "answers", "failed", "tokens", "tokens_per_second"):
            row[name] = getattr(self, name)
        for name in ("first_text", "between_pieces", "answer"):
            values = zip(PERCENTILES, getattr(self, name), strict=False)
            row |= {f"{name}_p{percent}": value for percent, value in values}
        return row


async def under_load(
    url: str, load: StatedLoad, *, model: str | None = None, key: str | None = None
) -> Measured:
    """Put the server at `url` (up to `/v1`) under `load`. `model` None: the first it has.

    Raises DataError where nothing answers there, or every answer failed.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=url, headers=headers, timeout=load.patience, limits=limits
    ) as client:
        name = model or await _first_model(client, url)
        start = time.perf_counter()
        every = await asyncio.gather(
            *(_ask_on(client, name, load, number, start) for number in range(load.clients))
        )
        seconds = time.perf_counter() - start
    return summed(load, seconds, [heard for one in every for heard in one], url)


def summed(load: StatedLoad, seconds: float, heard: Sequence[Heard], url: str) -> Measured:
    """What single answers amount to. Raises DataError where all have failed."""
    good = [one for one in heard if one.problem is None]
    problems = [one.problem for one in heard if one.problem is not None]
    if not good:
        raise DataError(f"no answer from {url} came to its end: {problems[0]}")
    gaps = [b - a for one in good for a, b in zip(one.pieces, one.pieces[1:], strict=False)]
    tokens = sum(one.tokens for one in good)
    return Measured(
        load=load,
        seconds=seconds,
        answers=len(good),
        failed=len(problems),
        tokens=tokens,
        tokens_per_second=tokens / seconds,
        first_text=_percentiles([one.pieces[0] for one in good if one.pieces]),
        between_pieces=_percentiles(gaps),
        answer=_percentiles([one.pieces[-1] for one in good if one.pieces]),
        heard=tuple(heard),
        problem=problems[0] if problems else None,
    )


def _percentiles(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.percentile(seconds, PERCENTILES).tolist()) if seconds else ()


async def _first_model(client: httpx2.AsyncClient, url: str) -> str:
    try:
        answer = await client.get("models")
        answer.raise_for_status()
        return answer.json()["data"][0]["id"]
    except httpx2.HTTPStatusError as problem:
        raise DataError(
            f"{url}/models answers {problem.response.status_code}; give the key, or another --url"
        ) from problem
    except (httpx2.HTTPError, *STRANGE) as problem:
        raise DataError(
            f"no server with OpenAI's routes at {url} ({problem or type(problem).__name__}); "
            "start one: practicum serve"
        ) from problem


async def _ask_on(
    client: httpx2.AsyncClient, model: str, load: StatedLoad, number: int, start: float
) -> list[Heard]:
    """All questions of one client, one after the other."""
    return [
        await _ask(client, model, load, number, load.prompt(number, request), start)
        for request in range(load.requests)
    ]


async def _ask(
    client: httpx2.AsyncClient,
    model: str,
    load: StatedLoad,
    number: int,
    prompt: str,
    start: float,
) -> Heard:
    chat = {"messages": [{"role": "user", "content": prompt}]}
    body = {
        "model": model,
        **(chat if load.chat else {"prompt": prompt}),
        "max_tokens": load.tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    asked = time.perf_counter()
    pieces: list[float] = []
    tokens, problem = 0, None
    try:
        route = "chat/completions" if load.chat else "completions"
        async with client.stream("POST", route, json=body) as answer:
            async for event in _events(answer):
                if _text(event):
                    pieces.append(time.perf_counter() - asked)
                if event.get("usage"):
                    tokens = event["usage"]["completion_tokens"]
    except DataError as trouble:
        problem = str(trouble)
    except (httpx2.HTTPError, *STRANGE) as trouble:
        problem = f"{type(trouble).__name__}: {trouble}"
    return Heard(
        client=number,
        asked=asked - start,
        pieces=tuple(pieces),
        tokens=tokens or len(pieces),  # a server that does not count sends a token at a time
        problem=problem,
    )


async def _events(answer: httpx2.Response) -> AsyncGenerator[dict[str, Any], None]:
    """What a stream brings. Raises DataError where it is refused, breaks off, or tells an error."""
    if answer.status_code != 200:
        said = (await answer.aread()).decode(errors="replace")
        raise DataError(f"{answer.status_code} {_short(said)}")
    async for line in answer.aiter_lines():
        if not line.startswith("data: "):
            continue
        said = line.removeprefix("data: ")
        if said == "[DONE]":
            return
        event = json.loads(said)
        if event.get("error"):
            raise DataError(f"an error amid the answer: {_short(json.dumps(event['error']))}")
        yield event
    raise DataError("the answer broke off: its stream ended without [DONE]")


def _short(said: str) -> str:
    return " ".join(said.split())[:200]


def _text(event: dict[str, Any]) -> bool:
    """Whether an event brings text."""
    choices = event.get("choices") or ()
    return any(one.get("text") or (one.get("delta") or {}).get("content") for one in choices)
