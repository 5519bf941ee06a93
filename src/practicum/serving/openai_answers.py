"""What is answered, in OpenAI's shapes."""

from typing import Annotated, Any, Literal, TypedDict, TypeVar

from pydantic import BaseModel, Field

from practicum.serving.request_log import Record

T = TypeVar("T")


def _missing(value: Any) -> bool:
    return value is None


Sparse = Annotated[T | None, Field(exclude_if=_missing)]
"""A field that does not appear where it is None."""

Finish = Literal["stop", "length", "tool_calls"]


class PromptDetails(BaseModel):
    """Of the tokens that were read."""

    cached_tokens: int


class Usage(BaseModel):
    """Tokens that were read and written; a prompt with several answers is read once."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


def usage_of(record: Record) -> Usage:
    """Of a request whose answers are over."""
    return Usage(
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        total_tokens=record.prompt_tokens + record.completion_tokens,
        prompt_tokens_details=PromptDetails(cached_tokens=record.cached_tokens),
    )


class Head(TypedDict):
    """What all parts of one answer say alike."""

    id: str
    created: int
    model: str
    system_fingerprint: str


class ModelCard(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "practicum"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class TokenLogprobs(BaseModel):
    """Tokens of a completion, and what each was worth (natural logarithm)."""

    tokens: list[str]
    token_logprobs: list[float | None]  # null for the first of a prompt
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]  # the character that the token begins in


class CompletionChoice(BaseModel):
    """One text; in a stream a part of it."""

    index: int
    text: str
    logprobs: TokenLogprobs | None = None
    finish_reason: Finish | None = None


class CompletionAnswer(BaseModel):
    """All texts, or in a stream a part of one."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Sparse[Usage] = None


class TopLogprob(BaseModel):
    """A token, and what it would have been worth."""

    token: str
    logprob: float
    bytes: list[int]


class ContentLogprob(TopLogprob):
    """A token of a message, and the likeliest ones in its place."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """Of all tokens of a message."""

    content: list[ContentLogprob]
    refusal: None = None


class FunctionCall(BaseModel):
    """What is called, with JSON as arguments."""

    name: str
    arguments: str


class MadeCall(BaseModel):
    """A call of a tool that the model asks for."""

    index: Sparse[int] = None  # in a stream
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class AnswerMessage(BaseModel):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    tool_calls: Sparse[list[MadeCall]] = None


class ChatChoice(BaseModel):
    """One message."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: Finish


class ChatAnswer(BaseModel):
    """All messages."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: Usage


class Delta(BaseModel):
    """What came to a message."""

    role: Sparse[Literal["assistant"]] = None
    content: Sparse[str] = None
    tool_calls: Sparse[list[MadeCall]] = None


class ChunkChoice(BaseModel):
    """What came to one of the messages."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: Finish | None = None


class ChatChunk(BaseModel):
    """One event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Sparse[Usage] = None


class EmbeddingItem(BaseModel):
    """A text's vector, or the base64 of its numbers in little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(BaseModel):
    """The vectors, in the order of their texts."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingUsage


class Health(BaseModel):
    """Whether questions are answered."""

    status: Literal["ok", "stopped"]
    reason: Sparse[str] = None
    replicas: Sparse[int] = None  # where there are several; one that answers is enough
    ready: Sparse[int] = None  # of these, those that answer
