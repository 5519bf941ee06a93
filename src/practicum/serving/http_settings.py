"""What a server allows its clients."""

from collections.abc import Callable
from dataclasses import dataclass

from practicum.errors import ConfigError
from practicum.serving.keys import Keys


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """The limits of a server, and what it writes down."""

    keys: Keys = Keys()  # none: whoever reaches the server may ask
    hosts: frozenset[str] | None = None  # names it answers to; None: any
    body_bytes: int = 4 * 2**20  # of a request's body
    body_seconds: float = 30.0  # in which the body has to arrive
    answer_seconds: float | None = 600.0  # after which an answer is given up
    answers: int = 128  # wanted by one request
    texts: int = 2048  # to embed in one request
    requests_per_minute: float | None = None  # of one key, or of one address without keys
    tokens_per_minute: float | None = None  # read and written
    log: Callable[[str], None] | None = None  # takes one line of JSON for each request
    log_prompts: bool = False  # whether what was asked stands in it

    def __post_init__(self) -> None:
        for name in (
            *("body_bytes", "body_seconds", "answer_seconds", "answers", "texts"),
            *("requests_per_minute", "tokens_per_minute"),
        ):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"HttpSettings.{name} is {value}; expected more than 0")
