"""POST /v1/embeddings: a vector for each text, by the model that is named.

Sentences     a model made for it, whose vectors are as it makes them
MeanOfStates  the model that writes: the mean of a text's last hidden states, of length one
"""

import asyncio
import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from fastapi import Request, Response
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.model import Reach
from practicum.decoding.sentence_embedder import SentenceEmbedder
from practicum.errors import ModelError
from practicum.kernels.openmp import release_team
from practicum.serving.api_errors import Refusal
from practicum.serving.completions import json_of
from practicum.serving.connection import while_connected
from practicum.serving.http_settings import HttpSettings
from practicum.serving.openai_answers import EmbeddingAnswer, EmbeddingItem, EmbeddingUsage
from practicum.serving.openai_requests import EmbeddingRequest
from practicum.serving.request_log import record_of
from practicum.serving.served import Served, check_known
from practicum.serving.vectors import Ids, Vectors

FIELD = "input"


class Embedding(Protocol):
    """What makes vectors, under a name."""

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        ...

    async def ids(self, text: str | Sequence[int]) -> Ids:
        """What is read of a text, or of its ids. Raises Refusal (400)."""
        ...

    def vectors(self, seconds: float | None) -> Vectors:
        """The line of those who wait for vectors, and how they are made."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentences:
    """A model made for vectors, as clients see it."""

    name: str
    embedder: SentenceEmbedder
    waiting: int = 256  # requests; of more, Busy is said
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def width(self) -> int:
        """See `Embedding`."""
        return self.embedder.width

    async def ids(self, text: str | Sequence[int]) -> Ids:
        """See `Embedding`: between the tokens that stand at both ends."""
        check_known([] if isinstance(text, str) else text, self.embedder.tokenizer, FIELD)
        try:
            return tuple(await asyncio.to_thread(self.embedder.row, text))
        except ModelError as problem:
            code = "context_length_exceeded"
            raise Refusal(400, str(problem), code=code, param=FIELD) from problem

    def vectors(self, seconds: float | None) -> Vectors:
        """See `Embedding`."""
        return Vectors(
            self._made,
            waiting=self.waiting,
            seconds=seconds,
            reach=self.embedder.reach,
        )

    def _made(self, rows: Sequence[Ids]) -> Float[Tensor, "n d"]:
        """In a thread whose OpenMP team ends with it: an engine's would wait for it."""
        try:
            return self.embedder.embed_rows(rows)
        finally:
            release_team()


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanOfStates:
    """The model that writes, asked for vectors; as many may wait as questions of its engine."""

    served: Served

    @property
    def name(self) -> str:
        """See `Embedding`."""
        return self.served.name

    @property
    def width(self) -> int:
        """See `Embedding`."""
        return self.served.language_model.model.description.stack.width

    async def ids(self, text: str | Sequence[int]) -> Ids:
        """See `Embedding`."""
        return await self.served.text_ids(text, FIELD)

    def vectors(self, seconds: float | None) -> Vectors:
        """See `Embedding`: one text after the other, so that answers are written between.

        Of several replicas each reads one.
        """
        worker = self.served.worker
        _, replicas = worker.ready or (1, 1)
        reach = Reach(rows=replicas, tokens=replicas * worker.context)

        def means(rows: Sequence[Ids]) -> Float[Tensor, "n d"]:
            return torch.nn.functional.normalize(worker.embed(rows), dim=1)

        return Vectors(means, waiting=worker.settings.waiting, seconds=seconds, reach=reach)


class Desk:
    """Where vectors are asked for: each of `embeddings` by its name."""

    def __init__(self, embeddings: Sequence[Embedding], settings: HttpSettings) -> None:
        self._settings = settings
        self._by_name: Mapping[str, tuple[Embedding, Vectors]] = {
            one.name: (one, one.vectors(settings.answer_seconds)) for one in embeddings
        }

    async def answer(self, asked: EmbeddingRequest, request: Request) -> Response:
        """A vector for each text of `asked`."""
        if asked.model not in self._by_name:
            raise no_model(asked.model, self._by_name)
        embedding, vectors = self._by_name[asked.model]
        record = record_of(request.scope)
        record.model = embedding.name
        texts = asked.texts
        self._check_number(len(texts))
        _check_width(asked.dimensions, embedding.width)
        rows = [await embedding.ids(text) for text in texts]
        record.prompt_tokens = sum(map(len, rows))
        if self._settings.log_prompts:
            record.prompt = asked.input
        found = await while_connected(request.receive, vectors.of(rows))
        read = record.prompt_tokens
        return json_of(
            EmbeddingAnswer(
                data=[
                    EmbeddingItem(index=index, embedding=_written(vector, asked.encoding_format))
                    for index, vector in enumerate(found)
                ],
                model=embedding.name,
                usage=EmbeddingUsage(prompt_tokens=read, total_tokens=read),
            )
        )

    def _check_number(self, texts: int) -> None:
        if texts > self._settings.texts:
            raise Refusal(
                400,
                f"{texts} texts are given and a request may have {self._settings.texts}; send "
                "several",
                code="too_many_texts",
                param=FIELD,
            )


def no_model(name: str, known: Mapping[str, object]) -> Refusal:
    """What is said of a model (404) that is none of those `known`."""
    here = " and ".join(f"'{one}'" for one in known)
    return Refusal(
        404,
        f"there is no model '{name[:200]}' here; this server has {here}",
        code="model_not_found",
        param="model",
    )


def _check_width(asked: int | None, width: int) -> None:
    """A vector cannot be cut short: nothing taught these models to put what matters first."""
    if asked not in (None, width):
        raise Refusal(
            400,
            f"this model's vectors have {width} dimensions and no others; leave dimensions out",
            code="invalid_value",
            param="dimensions",
        )


def _written(vector: Float[Tensor, " d"], form: str | None) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode()
    return vector.tolist()
