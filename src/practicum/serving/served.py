"""The model behind a server: its name, its engine, and prompts in its ids."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from practicum.config import to_json
from practicum.decoding.generate import check_fits
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ModelError
from practicum.serving.answerer import Answerer
from practicum.serving.api_errors import Refusal
from practicum.serving.openai_answers import Head
from practicum.tokenizers.chat import render_with_tools, takes_tools
from practicum.tokenizers.tokenizer import PieceTokenizer, Tokenizer
from practicum.tokenizers.unforged import StandIns

SAMPLED = 64  # numbers of each matrix that tell weights apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Served:
    """One model, as clients see it."""

    name: str
    worker: Answerer
    created: int = field(default_factory=lambda: int(time.time()))
    fingerprint: str = ""

    @classmethod
    def of(cls, name: str, worker: Answerer) -> "Served":
        """With the fingerprint of its model."""
        return cls(name=name, worker=worker, fingerprint=fingerprint(worker.language_model))

    @property
    def language_model(self) -> LanguageModel:
        """Its tokenizer, template and description; the weights may be elsewhere."""
        return self.worker.language_model

    @property
    def context(self) -> int:
        """The most tokens of a prompt and its answer."""
        return self.worker.context

    def head(self, kind: str) -> Head:
        """That of a new answer, whose id begins with its `kind`."""
        return Head(
            id=f"{kind}-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self.name,
            system_fingerprint=self.fingerprint,
        )

    def check_name(self, model: str) -> None:
        """Raises Refusal (404) unless that is this model's name."""
        if model != self.name:
            raise Refusal(
                404,
                f"there is no model '{model[:200]}' here; this server has '{self.name}'",
                code="model_not_found",
                param="model",
            )

    def check_known(self, ids: Iterable[int], field: str) -> None:
        """As `check_known`, of this model's tokenizer."""
        check_known(ids, self.language_model.tokenizer, field)

    async def text_ids(self, prompt: str | Sequence[int], field: str) -> tuple[int, ...]:
        """The ids of a prompt that is a text, or ids already, of a length that can be read."""
        if isinstance(prompt, str):
            self._check_size(prompt, field)
            ids = await asyncio.to_thread(self.language_model.encode_prompt, prompt)
        else:
            ids = list(prompt)
            self.check_known(ids, field)
        self._check_length(len(ids), field)
        return tuple(ids)

    async def chat_ids(
        self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]
    ) -> tuple[int, ...]:
        """The ids of a conversation, as the model's own template writes it.

        What a message holds is text, also where it spells a special token.
        """
        ids = await asyncio.to_thread(self._chat_ids, messages, tools)
        self._check_length(len(ids), "messages")
        return tuple(ids)

    def _chat_ids(
        self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]
    ) -> list[int]:
        model = self.language_model
        template = model.chat_template
        if template is None:
            raise Refusal(
                400,
                "this model has no chat template; ask it by /v1/completions",
                code="no_chat_template",
            )
        if tools and not takes_tools(template):
            raise Refusal(
                400,
                "this model was not made for tools: its chat template does not show them; leave "
                "tools out, or use a model that knows them",
                code="unsupported_value",
                param="tools",
            )
        stand_ins = StandIns(model.tokenizer, (messages, tools))
        text = render_with_tools(template, stand_ins.hide(messages), stand_ins.hide(tools))
        self._check_size(text, "messages")
        return stand_ins.encode(text)

    def _check_size(self, text: str, field: str) -> None:
        """Raises Refusal (400) for a text that is too long however it is cut into tokens.

        So nobody waits while millions of characters are encoded for nothing.
        """
        if self._longest and len(text) > self.context * self._longest:
            least = len(text) // self._longest
            raise Refusal(
                400,
                f"the prompt has {len(text)} characters, which is at least {least} tokens, and "
                f"the model's context is {self.context}; shorten it",
                code="context_length_exceeded",
                param=field,
            )

    @cached_property
    def _longest(self) -> int | None:
        """Bytes of the longest token; None where tokens do not stand for the bytes of a text."""
        tokenizer = self.language_model.tokenizer
        if not isinstance(tokenizer, PieceTokenizer):
            return None
        return max(map(len, tokenizer.vocabulary()))

    def _check_length(self, tokens: int, field: str) -> None:
        try:
            check_fits(tokens, self.context)
        except ModelError as problem:
            code = "context_length_exceeded" if tokens else "invalid_value"
            raise Refusal(400, str(problem), code=code, param=field) from problem


def fingerprint(model: LanguageModel) -> str:
    """Short, and another one for another description, other weights or another version of torch.

    Of each matrix a few numbers are looked at, so that a large model is told apart at once.
    """
    digest = hashlib.sha256(f"{torch.__version__} {model.tokenizer.size}".encode())
    digest.update(repr(to_json(model.model.description)).encode())
    for parameter in model.model.parameters():
        flat = parameter.detach().reshape(-1)
        some = flat[:: max(1, flat.numel() // SAMPLED)][:SAMPLED]
        digest.update(some.float().cpu().numpy().tobytes())
    return f"fp_{digest.hexdigest()[:12]}"


def check_known(ids: Iterable[int], tokenizer: Tokenizer, field: str) -> None:
    """Raises Refusal (400) where one of them is no token's."""
    outside = next((id for id in ids if id >= tokenizer.size), None)
    if outside is not None:
        raise Refusal(
            400,
            f"token {outside} is not in the vocabulary, which has ids 0 to {tokenizer.size - 1}",
            code="invalid_value",
            param=field,
        )
