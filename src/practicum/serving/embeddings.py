"""POST /v1/embeddings: the mean of a text's last hidden states, of length one."""

import asyncio
import base64
from collections.abc import Sequence

import torch
from fastapi import Request, Response
from jaxtyping import Float
from torch import Tensor

from practicum.errors import Busy, GivenUp
from practicum.serving.answerer import Answerer
from practicum.serving.api_errors import Refusal
from practicum.serving.completions import json_of
from practicum.serving.connection import while_connected
from practicum.serving.http_settings import HttpSettings
from practicum.serving.openai_answers import EmbeddingAnswer, EmbeddingItem, EmbeddingUsage
from practicum.serving.openai_requests import EmbeddingRequest
from practicum.serving.request_log import record_of
from practicum.serving.served import Served


class Vectors:
    """Vectors of texts, one request after the other, so that answers are written between.

    As many requests may wait as questions of the engine.
    """

    def __init__(self, worker: Answerer, seconds: float | None) -> None:
        self._worker, self._seconds = worker, seconds
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def of(self, rows: Sequence[tuple[int, ...]]) -> Float[Tensor, "n d"]:
        """Of length one. Raises Busy, and GivenUp where it takes too long."""
        if self._waiting >= self._worker.settings.waiting:
            raise Busy(self._waiting, float(self._waiting))
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                embed = self._worker.embed
                means = [await asyncio.to_thread(embed, [row]) for row in rows]
        except TimeoutError:
            raise GivenUp(
                f"the vectors were not made in {self._seconds:g} seconds; send fewer texts"
            ) from None
        finally:
            self._waiting -= 1
        return torch.nn.functional.normalize(torch.cat(means), dim=1)


async def answer_embeddings(
    served: Served,
    settings: HttpSettings,
    vectors: Vectors,
    asked: EmbeddingRequest,
    request: Request,
) -> Response:
    """A vector for each text of `asked`."""
    record = record_of(request.scope)
    served.check_name(asked.model)
    record.model = served.name
    texts = asked.texts
    if len(texts) > settings.texts:
        raise Refusal(
            400,
            f"{len(texts)} texts are given and a request may have {settings.texts}; send several",
            code="too_many_texts",
            param="input",
        )
    rows = [await served.text_ids(text, "input") for text in texts]
    record.prompt_tokens = sum(map(len, rows))
    if settings.log_prompts:
        record.prompt = asked.input
    found = await while_connected(request.receive, vectors.of(rows))
    _check_width(asked.dimensions, found.shape[1])
    return json_of(
        EmbeddingAnswer(
            data=[
                EmbeddingItem(index=index, embedding=_written(vector, asked.encoding_format))
                for index, vector in enumerate(found)
            ],
            model=served.name,
            usage=EmbeddingUsage(
                prompt_tokens=record.prompt_tokens, total_tokens=record.prompt_tokens
            ),
        )
    )


def _check_width(asked: int | None, width: int) -> None:
    """A vector cannot be cut short: nothing taught this model to put what matters first."""
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
