"""One token as clients are shown it: a text, its bytes, and what it was worth."""

import math

from practicum.decoding.chooser import Choice
from practicum.serving.openai_answers import ChatLogprobs, ContentLogprob, TopLogprob
from practicum.tokenizers.tokenizer import Tokenizer

NEVER = -9999.0  # OpenAI's number for what cannot come, since JSON has no infinity


def readable(tokenizer: Tokenizer, id: int) -> str:
    """The token's text; `bytes:\\xe3\\x81` where its bytes are no text of their own."""
    piece = tokenizer.piece(id)
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)


def worth(logprob: float | None) -> float:
    """A log-probability as JSON can hold it."""
    assert logprob is not None, "log-probabilities were asked for"
    return logprob if math.isfinite(logprob) else NEVER


def top_of(tokenizer: Tokenizer, choice: Choice) -> dict[str, float]:
    """The likeliest tokens in the place of `choice`, by their texts."""
    return {readable(tokenizer, id): worth(logprob) for id, logprob in choice.top}


def chat_logprobs(tokenizer: Tokenizer, choices: list[Choice]) -> ChatLogprobs:
    """The tokens of a message, in OpenAI's shape."""
    return ChatLogprobs(
        content=[
            ContentLogprob(
                token=_text(tokenizer, choice.id),
                logprob=worth(choice.logprob),
                bytes=list(tokenizer.piece(choice.id)),
                top_logprobs=[
                    TopLogprob(
                        token=_text(tokenizer, id),
                        logprob=worth(logprob),
                        bytes=list(tokenizer.piece(id)),
                    )
                    for id, logprob in choice.top
                ],
            )
            for choice in choices
        ]
    )


def _text(tokenizer: Tokenizer, id: int) -> str:
    return tokenizer.piece(id).decode(errors="replace")
