"""What may be asked, in OpenAI's shapes.

A field that OpenAI does not have is refused by name, and so is a value that this server would have
to ignore. What OpenAI has and what changes no answer (`user`, `metadata` and the like) is accepted.
`top_k`, `min_p` and `repetition_penalty` are ours: the `openai` package sends them by `extra_body`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from practicum.decoding.sampling import Sampling
from practicum.seeding import derive
from practicum.serving.openai_fields import (
    Biases,
    Ids,
    Json,
    Pairs,
    Penalty,
    Several,
    Shape,
    Text,
    Unsupported,
    Words,
)

MOST_STOPS = 4
MOST_TOOLS = 128
COLDEST = 1e-5  # below, scores divided by it may be no numbers; the likeliest token is taken
SMALLEST_TOP_P = 1e-9  # OpenAI allows 0, which leaves the likeliest token alone


def _text_alone(content: Any) -> Any:
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind != "text":
            raise ValueError(f"a part of type '{kind[:40]}' is not supported here; only text is")
    return content


def one_or_several(given: str | list[int] | list[str] | list[list[int]]) -> list[str | list[int]]:
    """A list of texts, each as text or as ids, whichever of the four was given."""
    if isinstance(given, str):
        return [given]
    several = [one for one in given if not isinstance(one, int)]
    return [*several] if several else [[id for id in given if isinstance(id, int)]]


class StreamOptions(Shape):
    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class Indifferent(Shape):
    """What clients may send and what no answer depends on."""

    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: Pairs | None = None
    store: Literal[False] | None = None
    service_tier: Literal["auto", "default"] | None = None


class Drawn(Indifferent):
    """How answers are drawn, which completions and chats have in common."""

    model: str
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: Text | Annotated[Several[Text], Field(max_length=MOST_STOPS)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: Biases | None = None

    @model_validator(mode="after")
    def _options_of_a_stream(self) -> "Drawn":
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        return self

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the numbers of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def samplings(
        self, prompts: int, *, max_tokens: int, logprobs: int | None
    ) -> list[list[Sampling]]:
        """For each of so many prompts, how its `n` answers are drawn.

        Answer i > 0 has a seed derived from the request's. Without one every answer has its own,
        drawn anew for each request.
        """
        one = Sampling(
            temperature=self._temperature,
            top_p=None if self.top_p is None else max(float(self.top_p), SMALLEST_TOP_P),
            top_k=self.top_k,
            min_p=None if self.min_p is None else float(self.min_p),
            repetition_penalty=float(self.repetition_penalty or 1.0),
            frequency_penalty=float(self.frequency_penalty or 0.0),
            presence_penalty=float(self.presence_penalty or 0.0),
            bias=self.bias,
            max_tokens=max_tokens,
            stop=self._stops(),
            logprobs=logprobs,
        )
        return [
            [_seeded(one, self._seed(), answer) for answer in range(self.n or 1)]
            for _ in range(prompts)
        ]

    @property
    def bias(self) -> tuple[tuple[int, float], ...]:
        """`logit_bias` as numbers; in whichever order it came, equal ones are equal."""
        return tuple(sorted((int(id), float(more)) for id, more in (self.logit_bias or {}).items()))

    @property
    def _temperature(self) -> float:
        if self.temperature is None:
            return 1.0
        return float(self.temperature) if self.temperature >= COLDEST else 0.0

    def _seed(self) -> int:
        return secrets.randbits(62) if self.seed is None else self.seed

    def _stops(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


def _seeded(sampling: Sampling, seed: int, answer: int) -> Sampling:
    return replace(sampling, seed=seed if answer == 0 else derive(seed, "answer", answer))


class CompletionRequest(Drawn):
    """POST /v1/completions"""

    prompt: Words | Ids | Annotated[Several[Words] | Several[Ids], Field(min_length=1)]
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: bool | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None  # 0: nothing is written, see `echo`
    suffix: Unsupported = None
    best_of: int | None = None

    @model_validator(mode="after")
    def _leaves_none_out(self) -> "CompletionRequest":
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise ValueError("best_of has to be n: all answers that are written are given back")
        return self

    @property
    def prompts(self) -> Sequence[str | list[int]]:
        """One or several, each as text or as ids."""
        return one_or_several(self.prompt)

    @property
    def scores_prompts(self) -> bool:
        """Whether it asks what the tokens of its prompts were worth."""
        return bool(self.echo) and self.logprobs is not None


class TextPart(Shape):
    type: Literal["text"]
    text: Words


class CalledFunction(Shape):
    name: Text
    arguments: Words  # JSON
    parsed_arguments: Any = None


class ToolCall(Shape):
    id: Words
    type: Literal["function"]
    function: CalledFunction
    index: int | None = None


class ChatMessage(Shape):
    """One turn. What an answer's message has besides is taken back where it is empty.

    So is what the `openai` package has added to it: `parsed`, `parsed_arguments`, a call's `index`.
    """

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: Annotated[Words | Several[TextPart] | None, BeforeValidator(_text_alone)] = None
    name: Words | None = None
    tool_calls: Several[ToolCall] | None = None
    tool_call_id: Words | None = None
    parsed: Any = None
    refusal: Unsupported = None
    audio: Unsupported = None
    annotations: Unsupported = None
    function_call: Unsupported = None

    @model_validator(mode="after")
    def _says_something(self) -> "ChatMessage":
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError(f"a message of role '{self.role}' needs content")
        if self.tool_calls and self.role != "assistant":
            raise ValueError(f"a message of role '{self.role}' calls no tools")
        return self

    @property
    def text(self) -> str:
        """What is said; parts stand on lines of their own."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class FunctionShape(Shape):
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]
    description: Words | None = None
    parameters: Json | None = None
    strict: bool | None = None


class Tool(Shape):
    type: Literal["function"]
    function: FunctionShape


class FunctionName(Shape):
    name: Text


class ChosenTool(Shape):
    type: Literal["function"]
    function: FunctionName


class PlainText(Shape):
    type: Literal["text"]


class AnyJson(Shape):
    type: Literal["json_object"]


class NamedSchema(Shape):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    description: str | None = None
    schema_: Annotated[Json, Field(alias="schema")]
    strict: bool | None = None


class SchemaJson(Shape):
    type: Literal["json_schema"]
    json_schema: NamedSchema


def _form(given: Any) -> Any:
    """The name of the shape that is meant, which no error quotes, as it would its `type`."""
    kind = given.get("type") if isinstance(given, dict) else None
    named = {"text": "PlainText", "json_object": "AnyJson", "json_schema": "SchemaJson"}
    return named.get(kind) if isinstance(kind, str) else None


ResponseFormat = Annotated[
    Annotated[PlainText, Tag("PlainText")]
    | Annotated[AnyJson, Tag("AnyJson")]
    | Annotated[SchemaJson, Tag("SchemaJson")],
    Discriminator(
        _form,
        custom_error_type="form_unknown",
        custom_error_message="type has to be 'text', 'json_object' or 'json_schema'",
    ),
]


class ChatRequest(Drawn):
    """POST /v1/chat/completions"""

    messages: Annotated[Several[ChatMessage], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[Several[Tool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    modalities: Several[Literal["text"]] | None = None
    functions: Unsupported = None
    function_call: Unsupported = None
    prediction: Unsupported = None
    audio: Unsupported = None
    web_search_options: Unsupported = None
    reasoning_effort: Unsupported = None
    verbosity: Unsupported = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("give max_tokens or max_completion_tokens, not both")
        return self

    @property
    def most_tokens(self) -> int | None:
        """Of one answer, under either of its names."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def shown(self) -> list[Tool]:
        """The tools that the model is told of."""
        return [] if self.tool_choice == "none" else self.tools or []

    @property
    def offered(self) -> list[dict[str, Any]]:
        """They, as templates take them; `strict` is not for the model."""
        hidden = {"function": {"strict"}}
        return [tool.model_dump(exclude_none=True, exclude=hidden) for tool in self.shown]

    @property
    def must_call(self) -> bool:
        """Whether an answer has to be a call."""
        return self.tool_choice == "required" or isinstance(self.tool_choice, ChosenTool)


class EmbeddingRequest(Indifferent):
    """POST /v1/embeddings"""

    model: str
    input: Text | Ids | Annotated[Several[Text] | Several[Ids], Field(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None

    @property
    def texts(self) -> Sequence[str | list[int]]:
        """One or several, each as text or as ids."""
        return one_or_several(self.input)
