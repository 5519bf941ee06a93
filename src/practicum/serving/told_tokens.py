"""What a server tells of the tokens of a text: what each was worth, and where it begins.

Two shapes are read: that of OpenAI's completions, and that of its chats, which llama.cpp has for
completions, too. Ids are told in neither.
"""

import math
import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, NamedTuple

from practicum.serving.token_texts import NEVER

BYTES = re.compile(r"bytes:((?:\\x[0-9a-f]{2})+)")  # how OpenAI writes a token that is no text


class Told(NamedTuple):
    """One token."""

    text: str
    logprob: float | None  # None: it stands after nothing
    start: int  # the character that it begins in
    best: float | None  # log P of the likeliest token in its place, where that is told

    @property
    def clean(self) -> bool:
        """Whether `text` is what the token stands for, not a name of bytes that are no text."""
        return BYTES.fullmatch(self.text) is None and "\ufffd" not in self.text

    @property
    def last(self) -> int:
        """The character that it ends in; one before `start` for a token without text."""
        found = BYTES.fullmatch(self.text)
        raw = bytes.fromhex(found[1].replace("\\x", "")) if found else self.text.encode()
        amid = bool(raw) and not _begins(raw[0])
        return self.start + sum(map(_begins, raw)) - (0 if amid else 1)


def told_tokens(logprobs: dict[str, Any] | None) -> list[Told] | None:
    """From a choice's `logprobs`; None where nothing is told.

    Raises KeyError, TypeError or ValueError for another shape.
    """
    if logprobs is None or logprobs.get("content", ()) is None:
        return None
    if "content" in logprobs:
        return _of_chat(logprobs["content"])
    tokens = logprobs["tokens"]
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    fields = (tokens, logprobs["token_logprobs"], logprobs["text_offset"], tops)
    return [
        Told(text, _number(worth), start, max(top.values()) if top else None)
        for text, worth, start, top in zip(*fields, strict=True)
    ]


def _of_chat(content: list[dict[str, Any]]) -> list[Told]:
    pieces = [one.get("bytes") or one["token"].encode() for one in content]
    begun = accumulate((sum(map(_begins, piece)) for piece in pieces), initial=0)
    return [
        Told(
            one["token"],
            _number(one["logprob"]),
            # what begins amid a character stands in the one before
            start - 1 if piece and not _begins(piece[0]) and start else start,
            _best(one["top_logprobs"]) if one.get("top_logprobs") else None,
        )
        for one, piece, start in zip(content, pieces, begun, strict=False)
    ]


def _best(top: Iterable[dict[str, Any]]) -> float:
    return max(one["logprob"] for one in top)


def _begins(byte: int) -> bool:
    """Whether a character of UTF-8 begins with it."""
    return byte & 0xC0 != 0x80


def _number(worth: float | None) -> float | None:
    return -math.inf if worth is not None and worth <= NEVER else worth
