"""A server with OpenAI's routes, as those see it who ask: many questions at once, answered whole.

One that is too busy, or hangs up, is asked again, when it says so. Whatever else goes wrong ends
everything with a line that says what was asked and what to do.
"""

import asyncio
import urllib.parse
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from practicum.errors import ConfigError, ModelError

LATER = (429, 503)  # statuses that say so
CONNECTING = 30.0  # seconds until a server is there
LONGEST = 60.0  # seconds until the next try
Asked = tuple[str, dict[str, Any] | None]  # a route below `url`, and a body; None: it is read
Answer = dict[str, Any]


class Later(Exception):
    """An answer that may come when it is asked for again; `pause` in seconds, where it is told."""

    def __init__(self, said: str, pause: float | None = None) -> None:
        super().__init__(said)
        self.pause = pause


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where to ask, and how patiently."""

    url: str  # up to /v1
    key: str | None = field(default=None, repr=False)
    at_once: int = 16  # questions
    patience: float = 600.0  # seconds for one answer
    tries: int = 7  # of a server that is too busy

    def __post_init__(self) -> None:
        for name in ("at_once", "tries"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")
        if not is_address(self.url):
            raise ConfigError(
                f"'{self.url}' is no server's address; expected one such as "
                "http://127.0.0.1:8000/v1"
            )

    def models(self) -> list[str]:
        """What can be asked there. Raises as `ask`."""
        [(_, answer)] = self.ask([("models", None)])
        try:
            return [card["id"] for card in answer["data"]]
        except (KeyError, TypeError):
            raise ModelError(f"{self.url}/models does not answer as OpenAI's") from None

    def ask(self, questions: Sequence[Asked]) -> Generator[tuple[int, Answer], None, None]:
        """The answer to each question as it comes, with the question's number.

        What is not consumed is cancelled. Raises ModelError at the first that is not answered.
        """
        answers = self._answers(questions)

        async def following() -> tuple[int, Answer] | None:
            return await anext(answers, None)

        with asyncio.Runner() as runner:
            while (found := runner.run(following())) is not None:
                yield found

    async def _answers(
        self, questions: Sequence[Asked]
    ) -> AsyncGenerator[tuple[int, Answer], None]:
        heard: asyncio.Queue[tuple[int, Answer] | Exception] = asyncio.Queue()
        left = iter(enumerate(questions))

        async def ask_on(client: httpx2.AsyncClient) -> None:
            try:
                for number, question in left:
                    heard.put_nowait((number, await self._ask(client, *question)))
            except Exception as problem:
                heard.put_nowait(problem)

        async with self._client() as client:
            workers = min(self.at_once, len(questions))
            tasks = [asyncio.create_task(ask_on(client)) for _ in range(workers)]
            try:
                for _ in questions:
                    event = await heard.get()
                    if isinstance(event, Exception):
                        raise event
                    yield event
            finally:
                for task in tasks:
                    task.cancel()

    def _client(self) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx2.Limits(max_connections=None)
        timeout = httpx2.Timeout(self.patience, connect=min(self.patience, CONNECTING))
        return httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=timeout, limits=limits
        )

    async def _ask(
        self, client: httpx2.AsyncClient, route: str, body: dict[str, Any] | None
    ) -> Answer:
        where = f"{self.url}/{route}"
        for number in range(1, self.tries + 1):
            try:
                return read(where, await self._answer(client, route, body))
            except Later as later:
                if number == self.tries:
                    raise ModelError(
                        f"{where} was asked {number} times and {later}; try again later"
                    ) from None
                pause = 2.0**number if later.pause is None else later.pause
                await asyncio.sleep(min(pause, LONGEST))
        raise AssertionError("the last try ends in an answer or in an error")

    async def _answer(
        self, client: httpx2.AsyncClient, route: str, body: dict[str, Any] | None
    ) -> httpx2.Response:
        method = "GET" if body is None else "POST"
        try:
            return await client.request(method, route, json=body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
            why = str(problem) or type(problem).__name__
            raise ModelError(
                f"no server at {self.url} ({why}); start one: practicum serve"
            ) from problem
        except httpx2.TimeoutException as problem:
            raise ModelError(
                f"{self.url}/{route} did not answer in {self.patience:g} seconds; ask for fewer "
                "tokens, or look what the server does"
            ) from problem
        except httpx2.HTTPError as problem:
            raise Later(f"hung up ({problem or type(problem).__name__})") from problem


def is_address(url: str) -> bool:
    """Whether a server can be at `url`."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        return False


def read(where: str, answer: httpx2.Response) -> Answer:
    """What is answered. Raises Later, and ModelError for what is no answer."""
    status = answer.status_code
    if status in LATER:
        raise Later(f"is too busy ({status}: {said(answer)})", pause_of(answer))
    if status in (401, 403):
        raise ModelError(f"{where} answers {status}: {said(answer)}; give the right API key")
    if status == 404:
        raise ModelError(
            f"{where} answers 404: {said(answer)}; give the name of a model that it has, or the "
            "address up to /v1"
        )
    if status >= 500:
        raise ModelError(f"{where} answers {status}: {said(answer)}; see the server's log")
    if not answer.is_success:
        raise ModelError(f"{where} answers {status}: {said(answer)}; ask otherwise")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ModelError(f"{where} answers with no JSON object; give the address up to /v1")
    return found


def said(answer: httpx2.Response) -> str:
    """What the server says of an error, in a short line."""
    try:
        body = answer.json()
        error = body.get("error", body)
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, AttributeError, KeyError):
        text = answer.text
    return " ".join(str(text).split())[:200] or answer.reason_phrase


def pause_of(answer: httpx2.Response) -> float | None:
    """Seconds of a Retry-After; a date, which servers of models do not send, counts as none."""
    try:
        return max(0.0, float(answer.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
