"""POST /v1/completions: texts that follow prompts."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request, Response
from pydantic import BaseModel

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.serving.answering import TokensOfText, choices_of, heard, whole
from practicum.serving.api_errors import Refusal
from practicum.serving.connection import while_connected
from practicum.serving.http_settings import HttpSettings
from practicum.serving.openai_answers import (
    CompletionAnswer,
    CompletionChoice,
    Finish,
    TokenLogprobs,
    Usage,
    usage_of,
)
from practicum.serving.openai_requests import CompletionRequest
from practicum.serving.question import Piece, Question
from practicum.serving.request_log import Record, record_of
from practicum.serving.served import Served
from practicum.serving.streams import streamed
from practicum.serving.token_texts import readable, worth

TOKENS = 16  # of an answer where nothing is said: OpenAI's default
FINISH: dict[str, Finish] = {"stop": "stop", "end": "stop", "length": "length"}


async def answer_completion(
    served: Served, settings: HttpSettings, asked: CompletionRequest, request: Request
) -> Response:
    """The answer to `asked`, whole or as a stream."""
    record = record_of(request.scope)
    served.check_name(asked.model)
    record.model = served.name
    check_number(len(asked.prompts) * (asked.n or 1), served, settings)
    served.check_known((id for id, _ in asked.bias), "logit_bias")
    prompts = [await served.text_ids(prompt, "prompt") for prompt in asked.prompts]
    record.prompt_tokens = sum(map(len, prompts))
    if settings.log_prompts:
        record.prompt = asked.prompt
    writing = CompletionWriting(served, asked, _questions(asked, settings, prompts))
    if asked.stream:
        return await streamed(request, writing.chunks(record))
    work = whole(served.worker, writing.questions, record)
    return json_of(writing.answer(await while_connected(request.receive, work), record))


def check_number(answers: int, served: Served, settings: HttpSettings) -> None:
    """Raises Refusal (400) where one request wants more answers than it may, or than can wait."""
    most = min(settings.answers, served.worker.settings.waiting)
    if answers > most:
        raise Refusal(
            400,
            f"{answers} answers are asked for in one request, which may have {most}; send several",
            code="too_many_answers",
            param="n",
        )


def json_of(answer: BaseModel) -> Response:
    """The response with this body."""
    return Response(answer.model_dump_json(), media_type="application/json")


def _questions(
    asked: CompletionRequest, settings: HttpSettings, prompts: Sequence[tuple[int, ...]]
) -> list[Question]:
    samplings = asked.samplings(
        len(prompts), max_tokens=asked.max_tokens or TOKENS, logprobs=asked.logprobs
    )
    return [
        Question(ids=ids, sampling=sampling, patience=settings.answer_seconds)
        for ids, several in zip(prompts, samplings, strict=True)
        for sampling in several
    ]


@dataclass(eq=False)
class CompletionWriting:
    """The texts of one request, while they are written; number i is of prompt i // n."""

    served: Served
    asked: CompletionRequest
    questions: list[Question]

    def __post_init__(self) -> None:
        self._head = self.served.head("cmpl")

    def answer(self, completions: Sequence[Completion], record: Record) -> CompletionAnswer:
        """All texts at once."""
        choices = []
        for number, completion in enumerate(completions):
            logprobs = None
            if self.asked.logprobs is not None:
                pairs = self._tokens().push(completion.text, choices_of(completion))
                logprobs = self._logprobs(pairs)
            text = self._echo(number) + completion.text
            choices.append(
                CompletionChoice(
                    index=number,
                    text=text,
                    logprobs=logprobs,
                    finish_reason=FINISH[completion.finish],
                )
            )
        return self._part(choices, usage_of(record))

    async def chunks(self, record: Record) -> AsyncGenerator[CompletionAnswer, None]:
        """Parts of the texts, as they come."""
        tokens = [self._tokens() for _ in self.questions]
        begun: set[int] = set()
        async with aclosing(heard(self.served.worker, self.questions, record)) as events:
            async for number, event in events:
                if number not in begun and self.asked.echo:
                    yield self._chunk(number, self._echo(number))
                begun.add(number)
                if isinstance(event, Completion):
                    yield self._chunk(number, "", finish=FINISH[event.finish])
                    continue
                logprobs = self._of_piece(tokens[number], event)
                if event.text or logprobs is not None:
                    yield self._chunk(number, event.text, logprobs=logprobs)
        if self.asked.wants_usage:
            yield self._part([], usage_of(record))

    def _of_piece(self, tokens: TokensOfText, piece: Piece) -> TokenLogprobs | None:
        if self.asked.logprobs is None:
            return None
        pairs = tokens.push(piece.text, piece.choices)
        return self._logprobs(pairs) if pairs else None

    def _chunk(
        self,
        number: int,
        text: str,
        *,
        logprobs: TokenLogprobs | None = None,
        finish: Finish | None = None,
    ) -> CompletionAnswer:
        choice = CompletionChoice(index=number, text=text, logprobs=logprobs, finish_reason=finish)
        return self._part([choice])

    def _part(
        self, choices: list[CompletionChoice], usage: Usage | None = None
    ) -> CompletionAnswer:
        return CompletionAnswer(
            **self._head,
            choices=choices,
            usage=usage,
        )

    def _tokens(self) -> TokensOfText:
        model = self.served.language_model
        return TokensOfText(model.tokenizer, model.ends)

    def _echo(self, number: int) -> str:
        if not self.asked.echo:
            return ""
        prompt = self.asked.prompts[number // (self.asked.n or 1)]
        if isinstance(prompt, str):
            return prompt
        return self.served.language_model.tokenizer.decode(prompt)

    def _logprobs(self, pairs: Sequence[tuple[Choice, int]]) -> TokenLogprobs:
        tokenizer = self.served.language_model.tokenizer
        return TokenLogprobs(
            tokens=[readable(tokenizer, choice.id) for choice, _ in pairs],
            token_logprobs=[worth(choice.logprob) for choice, _ in pairs],
            top_logprobs=[
                {readable(tokenizer, id): worth(logprob) for id, logprob in choice.top}
                for choice, _ in pairs
            ],
            text_offset=[place for _, place in pairs],
        )
