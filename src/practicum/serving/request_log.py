"""What is known of a request when it is over, and the line of JSON that says so."""

import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

KEY = "practicum.record"  # of the record in a request's scope
CLIENT_LEFT = 499  # the status of a request whose client did not wait; nobody reads it


@dataclass(kw_only=True)
class Record:
    """One request. What it asked is kept where the log wants it, and only there."""

    id: str = field(default_factory=lambda: f"req-{uuid.uuid4().hex}")
    started: float = field(default_factory=time.monotonic)
    client: str = ""
    method: str = ""
    route: str = "unknown"
    model: str | None = None
    status: int | None = None
    code: str | None = None  # of the error
    problem: str | None = None  # what nobody foresaw
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompts', read before for another
    completion_tokens: int = 0
    first_token: float | None = None  # seconds
    seconds: float = 0.0
    prompt: Any = None

    @property
    def age(self) -> float:
        """Seconds since the request came."""
        return time.monotonic() - self.started

    def said(self, tokens: int) -> None:
        """Let so many tokens have been written."""
        self.completion_tokens += tokens
        if tokens and self.first_token is None:
            self.first_token = self.age

    def line(self, *, with_prompt: bool) -> str:
        """One line of JSON; what is not known is left out."""
        known = {
            "time": _now(),
            "id": self.id,
            "client": self.client,
            "method": self.method,
            "route": self.route,
            "model": self.model,
            "status": self.status,
            "code": self.code,
            "problem": self.problem,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "first_token_seconds": _rounded(self.first_token),
            "seconds": _rounded(self.seconds),
            "prompt": self.prompt if with_prompt else None,
        }
        return json.dumps({name: value for name, value in known.items() if value is not None})


def record_of(scope: Scope) -> Record:
    """The record of the request with this scope."""
    return scope[KEY]


def write(record: Record, log: Callable[[str], None] | None, *, with_prompt: bool) -> None:
    """Give the record's line to `log`."""
    if log is not None:
        log(record.line(with_prompt=with_prompt))


class LogLines(logging.Handler):
    """Gives what other libraries log to the same place, as lines of JSON, too."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        told = {"time": _now(), "level": record.levelname.lower(), "problem": self.format(record)}
        self._log(json.dumps(told))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
