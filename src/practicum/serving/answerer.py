"""What the routes ask: an engine in this process, or several in processes of their own."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.errors import PracticumError
from practicum.serving.load import Load
from practicum.serving.question import Piece, Question
from practicum.serving.settings import Settings

CLOSING = "the server is closing; ask again later"


class Answerer(Protocol):
    """Who answers questions from an event loop: a `Worker`, or a `Spread` over replicas."""

    @property
    def problem(self) -> PracticumError | None:
        """Why no question is answered; None: they are."""
        ...

    @property
    def ready(self) -> tuple[int, int] | None:
        """How many replicas answer, and of how many; None where there are none."""
        ...

    @property
    def load(self) -> Load:
        """What goes on now, and what went on since the start."""
        ...

    @property
    def settings(self) -> Settings:
        """The limits of an engine; `waiting` is that of all questions together."""
        ...

    @property
    def language_model(self) -> LanguageModel:
        """The tokenizer, the template and the description; the weights may be elsewhere."""
        ...

    @property
    def context(self) -> int:
        """The most tokens of a prompt and its answer."""
        ...

    def refuse_if_full(self, more: int = 0) -> None:
        """Raises Busy where as many wait as may, counting `more` that are on their way."""
        ...

    def answer(self, question: Question) -> AsyncGenerator[Piece | Completion, None]:
        """What is said, piece by piece, and the completion; who closes it has cancelled.

        Raises Busy, GivenUp, ModelError or ConfigError; see `Engine.ask`.
        """
        ...

    def embed(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """The mean of each text's last hidden states; waits for it. Raises ModelError."""
        ...

    async def score(self, ids: Sequence[int], top: int) -> list[Choice]:
        """The tokens of a prompt but the first: what each was worth, and the `top` likeliest.

        Raises ModelError.
        """
        ...

    def close(self) -> None:
        """End every answer with an error, and what answers."""
        ...
