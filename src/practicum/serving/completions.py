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
from practicum.serving.prompt_scores import Scores, echo_of, prompt_logprobs
from practicum.serving.question import Piece, Question
from practicum.serving.request_log import Record, record_of
from practicum.serving.served import Served
from practicum.serving.streams import streamed
from practicum.serving.token_texts import readable, top_of, worth

TOKENS = 16  # of an answer where nothing is said: OpenAI's default
FINISH: dict[str, Finish] = {"stop": "stop", "end": "stop", "length": "length"}


async def answer_completion(
    served: Served,
    settings: HttpSettings,
    scores: Scores,
    asked: CompletionRequest,
    request: Request,
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
    questions = _questions(asked, settings, prompts)
    writing = CompletionWriting(served, scores, asked, prompts, questions)
    if asked.stream:
        return await streamed(request, writing.chunks(record))
    return json_of(await while_connected(request.receive, writing.answer(record)))


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
    """One for each answer; none where nothing is to be written."""
    most = TOKENS if asked.max_tokens is None else asked.max_tokens
    if most == 0:
        return []
    samplings = asked.samplings(len(prompts), max_tokens=most, logprobs=asked.logprobs)
    return [
        Question(ids=ids, sampling=sampling, patience=settings.answer_seconds)
        for ids, several in zip(prompts, samplings, strict=True)
        for sampling in several
    ]


@dataclass(eq=False)
class CompletionWriting:
    """The texts of one request, while they are written; number i is of prompt i // n."""

    served: Served
    scores: Scores
    asked: CompletionRequest
    prompts: Sequence[tuple[int, ...]]
    questions: list[Question]

    def __post_init__(self) -> None:
        self._head = self.served.head("cmpl")
        self._tokenizer = self.served.language_model.tokenizer
        self._echoes = [""] * len(self.prompts)
        self._read: list[TokenLogprobs] | None = None  # of each prompt
        if self.asked.echo:
            self._echoes = [echo_of(self._tokenizer, prompt) for prompt in self.asked.prompts]

    async def answer(self, record: Record) -> CompletionAnswer:
        """All texts at once."""
        await self._score()
        completions = await whole(self.served.worker, self.questions, record)
        choices = []
        for number in range(self._count):
            completion = completions[number] if completions else None
            logprobs = self._of_prompt(number)
            if self.asked.logprobs is not None:
                said = choices_of(completion) if completion else []
                pairs = self._tokens().push(completion.text if completion else "", said)
                logprobs = joined(logprobs, self._logprobs(number, pairs))
            choices.append(
                CompletionChoice(
                    index=number,
                    text=self._echo(number) + (completion.text if completion else ""),
                    logprobs=logprobs,
                    finish_reason=FINISH[completion.finish] if completion else "length",
                )
            )
        return self._part(choices, usage_of(record))

    async def chunks(self, record: Record) -> AsyncGenerator[CompletionAnswer, None]:
        """Parts of the texts, as they come; each begins with its echo.

        Nothing is said before the worker has said something, since it may refuse all.
        """
        await self._score()
        tokens = [self._tokens() for _ in range(self._count)]
        silent = set(range(self._count)) if self.asked.echo else set[int]()
        async with aclosing(heard(self.served.worker, self.questions, record)) as events:
            async for number, event in events:
                if number in silent:
                    silent.remove(number)
                    yield self._echoed(number)
                if isinstance(event, Completion):
                    yield self._chunk(number, "", finish=FINISH[event.finish])
                    continue
                logprobs = self._of_piece(number, tokens[number], event)
                if event.text or logprobs is not None:
                    yield self._chunk(number, event.text, logprobs=logprobs)
        if not self.questions:
            for number in range(self._count):
                if number in silent:
                    yield self._echoed(number)
                yield self._chunk(number, "", finish="length")
        if self.asked.wants_usage:
            yield self._part([], usage_of(record))

    @property
    def _count(self) -> int:
        return len(self.prompts) * (self.asked.n or 1)

    async def _score(self) -> None:
        """Learn what the prompts were worth, where that is asked."""
        if self.asked.scores_prompts:
            found = await self.scores.of(self.prompts, self.asked.logprobs or 0)
            self._read = [
                prompt_logprobs(self._tokenizer, *prompt)
                for prompt in zip(self.asked.prompts, self.prompts, found, strict=True)
            ]

    def _echo(self, number: int) -> str:
        return self._echoes[number // (self.asked.n or 1)]

    def _echoed(self, number: int) -> CompletionAnswer:
        """The beginning of an answer that says its prompt again."""
        return self._chunk(number, self._echo(number), logprobs=self._of_prompt(number))

    def _of_prompt(self, number: int) -> TokenLogprobs | None:
        return None if self._read is None else self._read[number // (self.asked.n or 1)]

    def _of_piece(self, number: int, tokens: TokensOfText, piece: Piece) -> TokenLogprobs | None:
        if self.asked.logprobs is None:
            return None
        pairs = tokens.push(piece.text, piece.choices)
        return self._logprobs(number, pairs) if pairs else None

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
        """Whoever scores prompts counts tokens, and the one that ends a text is one."""
        ends = self.served.language_model.ends
        return TokensOfText(self._tokenizer, ends, every=self.asked.scores_prompts)

    def _logprobs(self, number: int, pairs: Sequence[tuple[Choice, int]]) -> TokenLogprobs:
        before = len(self._echo(number))
        return TokenLogprobs(
            tokens=[readable(self._tokenizer, choice.id) for choice, _ in pairs],
            token_logprobs=[worth(choice.logprob) for choice, _ in pairs],
            top_logprobs=[top_of(self._tokenizer, choice) for choice, _ in pairs],
            text_offset=[before + place for _, place in pairs],
        )


def joined(first: TokenLogprobs | None, then: TokenLogprobs) -> TokenLogprobs:
    """Both, one after the other."""
    if first is None:
        return then
    return TokenLogprobs(
        tokens=[*first.tokens, *then.tokens],
        token_logprobs=[*first.token_logprobs, *then.token_logprobs],
        top_logprobs=[*first.top_logprobs, *then.top_logprobs],
        text_offset=[*first.text_offset, *then.text_offset],
    )
