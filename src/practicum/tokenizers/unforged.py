"""Conversations in which nobody forges a turn: what people wrote is text, whatever it spells.

A chat template writes special tokens such as `<|im_end|>` around what was said, and the whole is
encoded with them as tokens. Where a message itself spells one, it must not become the token, or its
writer could end the turn and speak for another. So before a message is given to the template,
every special token it spells is replaced by a character that stands for it; after the template's
own tokens have been found, the spelling comes back, as text. A conversation that spells none is
encoded as ever.

Not here: tokens that are in every text of a tokenizer (`AddedToken`, not special), and a special
token whose halves stand in two messages that a template would write without anything between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import PieceTokenizer, Tokenizer, one_of

PRIVATE = range(0xF0000, 0xFFFFE)  # characters without meaning: Unicode's plane 15


class StandIns:
    """Characters that stand for the special tokens which `given` spells, at any depth of it."""

    def __init__(self, tokenizer: Tokenizer, given: Any) -> None:
        self._tokenizer = tokenizer
        self._spelling: dict[str, str] = {}  # by the character that stands for it
        if not tokenizer.specials:
            return
        self._special = one_of(tokenizer.specials)
        texts = list(_texts(given))
        spelled = sorted({found for text in texts for found in self._special.findall(text)})
        if spelled:
            used = set().union(*texts)
            free = (chr(code) for code in PRIVATE if chr(code) not in used)
            self._spelling = dict(zip(free, spelled, strict=False))
            assert len(self._spelling) == len(spelled), "a plane has room for every vocabulary"

    def hide(self, given: Any) -> Any:
        """`given` with every spelling replaced. TokenizerError where it nests too deeply."""
        if not self._spelling:
            return given
        stands = {text: character for character, text in self._spelling.items()}
        try:
            return _mapped(given, lambda text: self._special.sub(lambda m: stands[m.group()], text))
        except RecursionError as problem:
            raise TokenizerError("the messages or tools are nested too deeply") from problem

    def encode(self, text: str) -> list[int]:
        """The ids of a rendered text: its special tokens are tokens, what was hidden is text."""
        if not self._spelling:
            return self._tokenizer.encode(text, specials=True)
        if isinstance(self._tokenizer, PieceTokenizer):
            parts = self._tokenizer._parts(text, True)
            parts[::2] = map(self.shown, parts[::2])
            return self._tokenizer._encode_parts(parts)
        ids: list[int] = []
        for place, part in enumerate(self._special.split(text)):
            if place % 2:
                ids.append(self._tokenizer.specials[part])
            elif part:
                ids += self._tokenizer.encode(self.shown(part))
        return ids

    def shown(self, text: str) -> str:
        """`text` with every spelling back in its place."""
        return text.translate({ord(character): s for character, s in self._spelling.items()})


def _texts(given: Any) -> Iterator[str]:
    """All texts in JSON data, names of fields included."""
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, Sequence):
            waiting += value


def _mapped(given: Any, change: Callable[[str], str]) -> Any:
    """JSON data with every text in it changed."""
    if isinstance(given, str):
        return change(given)
    if isinstance(given, Mapping):
        return {_mapped(name, change): _mapped(value, change) for name, value in given.items()}
    if isinstance(given, Sequence):
        return [_mapped(value, change) for value in given]
    return given
