"""POST /v1/chat/completions: what the model says next in a conversation."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from practicum.decoding.constraint import Constraint
from practicum.decoding.generate import Completion
from practicum.serving.answering import TokensOfText, choices_of, heard, whole
from practicum.serving.api_errors import Refusal
from practicum.serving.call_grammar import kept_to
from practicum.serving.completions import FINISH, check_number, json_of
from practicum.serving.connection import while_connected
from practicum.serving.http_settings import HttpSettings
from practicum.serving.openai_answers import (
    AnswerMessage,
    ChatAnswer,
    ChatChoice,
    ChatChunk,
    ChatLogprobs,
    ChunkChoice,
    Delta,
    Finish,
    Usage,
    usage_of,
)
from practicum.serving.openai_fields import plain_json
from practicum.serving.openai_requests import ChatMessage, ChatRequest
from practicum.serving.question import Piece, Question
from practicum.serving.request_log import Record, record_of
from practicum.serving.served import Served
from practicum.serving.streams import streamed
from practicum.serving.token_texts import chat_logprobs
from practicum.serving.tool_calls import CallReader, writes_calls

HIDDEN = {"index": True, "function": {"parsed_arguments"}}  # of a call, from templates


async def answer_chat(
    served: Served, settings: HttpSettings, asked: ChatRequest, request: Request
) -> Response:
    """The answer to `asked`, whole or as a stream."""
    record = record_of(request.scope)
    served.check_name(asked.model)
    record.model = served.name
    check_number(asked.n or 1, served, settings)
    served.check_known((id for id, _ in asked.bias), "logit_bias")
    turns = [turn_of(message, place) for place, message in enumerate(asked.messages)]
    ids = await served.chat_ids(turns, asked.offered)
    record.prompt_tokens = len(ids)
    if settings.log_prompts:
        record.prompt = turns
    constraint = await kept_to(asked, served)
    questions = _questions(served, settings, asked, ids, constraint)
    writing = ChatWriting(served, asked, questions)
    if asked.stream:
        return await streamed(request, writing.chunks(record))
    work = whole(served.worker, writing.questions, record)
    return json_of(writing.answer(await while_connected(request.receive, work), record))


def turn_of(message: ChatMessage, place: int) -> dict[str, Any]:
    """A message as chat templates take it: arguments of calls are values, not JSON."""
    role = "system" if message.role == "developer" else message.role
    turn: dict[str, Any] = {"role": role, "content": message.text}
    if message.name is not None:
        turn["name"] = message.name
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        turn["tool_calls"] = [call.model_dump(exclude=HIDDEN) for call in message.tool_calls]
        for number, call in enumerate(turn["tool_calls"]):
            try:
                arguments = plain_json(json.loads(call["function"]["arguments"]))
            except (ValueError, RecursionError):
                raise Refusal(
                    400,
                    "the arguments of a call are not JSON",
                    code="invalid_value",
                    param=f"messages.{place}.tool_calls.{number}.function.arguments",
                ) from None
            call["function"]["arguments"] = arguments
    return turn


def _questions(
    served: Served,
    settings: HttpSettings,
    asked: ChatRequest,
    ids: tuple[int, ...],
    constraint: Constraint | None,
) -> list[Question]:
    """One for each answer; without a limit it may fill the context."""
    logprobs = (asked.top_logprobs or 0) if asked.logprobs else None
    most = asked.most_tokens or served.context
    (samplings,) = asked.samplings(1, max_tokens=most, logprobs=logprobs)
    return [
        Question(
            ids=ids, sampling=sampling, constraint=constraint, patience=settings.answer_seconds
        )
        for sampling in samplings
    ]


class Message:
    """One message while it is written: its text, its calls of tools, and its tokens."""

    def __init__(self, served: Served, asked: ChatRequest) -> None:
        model = served.language_model
        calls = asked.shown and writes_calls(model.chat_template)
        self._reader = CallReader() if calls else None
        self._tokens = TokensOfText(model.tokenizer, model.ends) if asked.logprobs else None
        self._tokenizer = model.tokenizer

    def push(self, piece: Piece) -> tuple[Delta, ChatLogprobs | None]:
        """What came to the message."""
        logprobs = None
        if self._tokens is not None:
            pairs = self._tokens.push(piece.text, piece.choices)
            if pairs:
                logprobs = chat_logprobs(self._tokenizer, [choice for choice, _ in pairs])
        if self._reader is None:
            return Delta(content=piece.text or None), logprobs
        text, calls = self._reader.push(piece.text)
        return Delta(content=text or None, tool_calls=calls or None), logprobs

    def rest(self) -> str:
        """Text that was held back."""
        return "" if self._reader is None else self._reader.finish()

    def finish(self, completion: Completion) -> Finish:
        """Why it ends."""
        if self._reader is not None and self._reader.made and completion.finish != "length":
            return "tool_calls"
        return FINISH[completion.finish]


@dataclass(eq=False)
class ChatWriting:
    """The answers to one conversation, while they are written."""

    served: Served
    asked: ChatRequest
    questions: list[Question]

    def __post_init__(self) -> None:
        self._head = self.served.head("chatcmpl")

    def answer(self, completions: Sequence[Completion], record: Record) -> ChatAnswer:
        """All messages at once."""
        return ChatAnswer(
            **self._head,
            choices=[self._choice(*numbered) for numbered in enumerate(completions)],
            usage=usage_of(record),
        )

    def _choice(self, number: int, completion: Completion) -> ChatChoice:
        message = Message(self.served, self.asked)
        choices = tuple(choices_of(completion)) if self.asked.logprobs else ()
        delta, logprobs = message.push(Piece(text=completion.text, choices=choices))
        text = (delta.content or "") + message.rest()
        calls = delta.tool_calls
        for call in calls or ():
            call.index = None
        if self.asked.logprobs and logprobs is None:
            logprobs = ChatLogprobs(content=[])
        return ChatChoice(
            index=number,
            message=AnswerMessage(content=text if text or not calls else None, tool_calls=calls),
            logprobs=logprobs,
            finish_reason=message.finish(completion),
        )

    async def chunks(self, record: Record) -> AsyncGenerator[ChatChunk, None]:
        """Parts of the messages, as they come; each message begins with its role."""
        messages = [Message(self.served, self.asked) for _ in self.questions]
        begun: set[int] = set()
        async with aclosing(heard(self.served.worker, self.questions, record)) as events:
            async for number, event in events:
                if number not in begun:
                    yield self._chunk(number, Delta(role="assistant", content=""))
                begun.add(number)
                message = messages[number]
                if isinstance(event, Piece):
                    delta, logprobs = message.push(event)
                    if delta.content or delta.tool_calls or logprobs:
                        yield self._chunk(number, delta, logprobs=logprobs)
                    continue
                rest = message.rest()
                if rest:
                    yield self._chunk(number, Delta(content=rest))
                yield self._chunk(number, Delta(), finish=message.finish(event))
        if self.asked.wants_usage:
            yield self._part([], usage_of(record))

    def _chunk(
        self,
        number: int,
        delta: Delta,
        *,
        logprobs: ChatLogprobs | None = None,
        finish: Finish | None = None,
    ) -> ChatChunk:
        choice = ChunkChoice(index=number, delta=delta, logprobs=logprobs, finish_reason=finish)
        return self._part([choice])

    def _part(self, choices: list[ChunkChoice], usage: Usage | None = None) -> ChatChunk:
        return ChatChunk(
            **self._head,
            choices=choices,
            usage=usage,
        )
