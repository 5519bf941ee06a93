"""A text's constraint, asked before tokens that are only drafted yet.

What may come after a draft is found by copies that go ahead; the matcher itself hears of nothing
but what was said. Where the constraint leaves one way to go on, or one but for spaces, that is a
draft, too: the names of JSON's objects, and all the signs around them. Spaces are drafted as they
last stood between the same two signs. How the text is cut into tokens is a guess as well; every
draft is checked.

A constraint may be anybody's: whatever it raises is an error of its own text, and ends no other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from practicum.decoding.constraint import Matcher
from practicum.errors import ConfigError, PracticumError
from practicum.tokenizers.tokenizer import Tokenizer

BYTES = 16  # that a wanted token may have
SPACES = frozenset(b" \n\r\t")


class Guard:
    """Follows one text of `tokenizer`."""

    def __init__(self, matcher: Matcher, tokenizer: Tokenizer) -> None:
        self._now, self._tokenizer = matcher, tokenizer
        self._after: dict[tuple[int, ...], Matcher] = {}  # by the tokens that it is ahead
        self._masks: dict[tuple[int, ...], Bool[Tensor, " v"]] = {}
        self._likely = b""  # what is left of the text that was last thought likely
        self._spaces = _Spaces()

    def mask(self, ahead: tuple[int, ...] = ()) -> Bool[Tensor, " v"]:
        """Which tokens may come once these have. Raises as `Matcher.mask` and `Matcher.take`."""
        if ahead not in self._masks:
            with _asking():
                self._masks[ahead] = self._at(ahead).mask()
        return self._masks[ahead]

    def take(self, id: int) -> None:
        """Let `id` have come. Raises as `Matcher.take`."""
        self._after, self._masks = {}, {}
        with _asking():
            self._now.take(id)
        piece = self._tokenizer.piece(id)
        self._likely = self._likely[len(piece) :] if self._likely.startswith(piece) else b""
        self._spaces.take(piece)

    def fitting(self, ids: Sequence[int]) -> tuple[int, ...]:
        """As many of `ids` as may come, one after the other."""
        ids = tuple(ids)
        for count in range(len(ids)):
            try:
                with _asking():
                    self._at(ids[: count + 1])
            except PracticumError:
                return ids[:count]
        return ids

    def likely(self, count: int) -> tuple[int, ...]:
        """At most `count` tokens of the only text that may come, but for spaces; maybe none."""
        self._likely = self._likely or self._only_text(BYTES * count)
        text = self._likely.decode(errors="ignore")
        return self.fitting(self._tokenizer.encode(text)[:count])

    def _at(self, ahead: tuple[int, ...]) -> Matcher:
        if not ahead:
            return self._now
        if ahead not in self._after:
            matcher = self._at(ahead[:-1]).copy()
            matcher.take(ahead[-1])
            self._after[ahead] = matcher
        return self._after[ahead]

    def _only_text(self, most: int) -> bytes:
        """The only text that may come, but for spaces, or its first `most` bytes."""
        spaces, text = self._spaces.copy(), b""
        ids = _ids_of_bytes(self._tokenizer)
        try:
            with _asking():
                matcher = self._now.copy()
                while len(text) < most:
                    more = matcher.forced()[: most - len(text)]
                    if not more:
                        mask = matcher.mask() if text else self.mask()  # which is asked for anyway
                        more = spaces.before(_only_byte(mask, ids))
                    if not more:
                        return text
                    text += more
                    spaces.take(more)
                    for byte in more:
                        matcher.take(int(ids[byte]))
        except PracticumError:  # too much to go on with, or a byte that is no token
            return text
        return text


@contextmanager
def _asking() -> Iterator[None]:
    """Whatever a constraint raises within the block is an error that can be told."""
    try:
        yield
    except PracticumError:
        raise
    except Exception as problem:
        raise ConfigError(f"the constraint broke: {type(problem).__name__}: {problem}") from problem


class _Spaces:
    """Which spaces stood last between two signs that are none, as a text goes on."""

    def __init__(self) -> None:
        self._between: dict[tuple[int, int], bytes] = {}
        self._last, self._run = -1, b""  # the last sign, and the spaces since

    def copy(self) -> "_Spaces":
        other = _Spaces()
        other._between = dict(self._between)
        other._last, other._run = self._last, self._run
        return other

    def take(self, text: bytes) -> None:
        for byte in text:
            if byte in SPACES:
                self._run += bytes([byte])
            else:
                self._between[self._last, byte] = self._run
                self._last, self._run = byte, b""

    def before(self, sign: int | None) -> bytes:
        """The sign, after the spaces that are still likely before it; nothing before None."""
        if sign is None:
            return b""
        usual = self._between.get((self._last, sign), b"")
        return (usual[len(self._run) :] if usual.startswith(self._run) else b"") + bytes([sign])


def _only_byte(mask: Bool[Tensor, " v"], ids: Int[Tensor, " n"]) -> int | None:
    """The only byte that may come, but for spaces; None where there are several, or none."""
    may_come = (mask[ids.clamp(min=0)] & (ids >= 0)).nonzero()[:, 0].tolist()
    signs = [byte for byte in may_come if byte not in SPACES]
    return signs[0] if len(signs) == 1 else None


_singles: WeakKeyDictionary[Tokenizer, Int[Tensor, " n"]] = WeakKeyDictionary()


def _ids_of_bytes(tokenizer: Tokenizer) -> Int[Tensor, " n"]:
    """The id of each of the 256 bytes as a token of its own; −1 where it is none."""
    if tokenizer not in _singles:
        ids = torch.full((256,), -1)
        specials = set(tokenizer.specials.values())
        for id, piece in enumerate(tokenizer.vocabulary()):
            if len(piece) == 1 and id not in specials:
                ids[piece[0]] = id
        _singles[tokenizer] = ids
    return _singles[tokenizer]
