"""Which tokens keep a text within a grammar: llguidance over the pieces of a tokenizer.

A grammar speaks of bytes; llguidance walks all pieces of the vocabulary, kept as a trie, through it
at once. The trie is made once for a tokenizer (a fifth of a second for 49,152 pieces, some seconds
for 262,144), a grammar is compiled once for a tokenizer, and texts start from copies. Every token
that can be continued to a text of the grammar may come, not only those that `encode` would choose.
"""

import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from subprocess import TimeoutExpired, run
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from torch import Tensor

from practicum.decoding import grammar_check
from practicum.errors import ConfigError, ModelError
from practicum.tokenizers.tokenizer import Tokenizer

SECONDS = 3.0  # for compiling a grammar; a schema of some thousand lines takes less than one
KEPT = 64  # compiled grammars of a tokenizer
DEAD_END = "NoExtension"  # its word for a text that cannot go on and may not end
# it would else allow, where only one text can come, its canonical tokens alone
NO_FORCING = '\n%llguidance {"no_forcing": true}\n'


class GuidedMatcher:
    """The state of one text under a grammar. Implements `decoding.constraint.Matcher`."""

    def __init__(self, matcher: LLMatcher, size: int, ends: frozenset[int]) -> None:
        self._matcher = matcher
        self._size = size
        self._ends = sorted(id for id in ends if id < size)
        self._taken = 0
        self._ended = False

    def mask(self) -> Bool[Tensor, " v"]:
        """See `Matcher.mask`; end tokens may come exactly where the text may end.

        Raises ConfigError where the grammar has become too much to follow, or leads to where
        nothing more can be written.
        """
        # a byte for every token, not zero where it may come; the last is llguidance's own end
        bias = bytearray(self._matcher.compute_logit_bias())
        self._check()
        allowed = torch.frombuffer(bias, dtype=torch.uint8)[: self._size] > 0
        may_end = self._ended or self._matcher.is_accepting()
        allowed[self._ends] = may_end
        if not may_end and not allowed.any():
            raise ConfigError(
                f"after {self._taken} tokens no token of the tokenizer goes on as the constraint "
                "demands; give another constraint"
            )
        return allowed

    def take(self, id: int) -> None:
        """See `Matcher.take`. Raises ModelError where this token may not come."""
        if id in self._ends:
            if not self._matcher.is_accepting():
                raise ModelError(f"the text may not end after {self._taken} tokens")
            self._ended = True
        elif self._ended or not 0 <= id < self._size or not self._matcher.consume_token(id):
            if "doesn't satisfy" not in self._matcher.get_error():
                self._check()  # it would have fitted
            raise ModelError(f"token {id} may not come after {self._taken} tokens")
        self._taken += 1

    def copy(self) -> "GuidedMatcher":
        """See `Matcher.copy`; it costs about a microsecond."""
        other = GuidedMatcher(self._matcher.deep_copy(), self._size, frozenset(self._ends))
        other._taken, other._ended = self._taken, self._ended
        return other

    def forced(self) -> bytes:
        """See `Matcher.forced`."""
        # a copy is asked: what is too much to look ahead in may not be too much to follow
        return b"" if self._ended else self._matcher.deep_copy().compute_ff_bytes()

    @property
    def finished(self) -> bool:
        """See `Matcher.finished`."""
        return self._ended or self._matcher.is_stopped()

    def _check(self) -> None:
        error = self._matcher.get_error()
        if error and not error.startswith(DEAD_END):
            raise ConfigError(
                f"after {self._taken} tokens the constraint cannot be followed any more: "
                f"{reason(error)}; simplify it"
            )


def guided(source: str, tokenizer: Tokenizer, ends: frozenset[int]) -> GuidedMatcher:
    """A matcher at the beginning of a text of the Lark grammar `source`.

    Raises ConfigError where the grammar is none, or nothing could end the text.
    """
    if not ends:
        raise ConfigError(
            "the tokenizer has no end token, so nothing could end a text under a constraint; say "
            "which tokens do by LanguageModel(ends=…)"
        )
    return GuidedMatcher(_guide(tokenizer).start(source), tokenizer.size, ends)


def prepare(tokenizer: Tokenizer) -> None:
    """Make the trie of `tokenizer` now, so that no text has to wait for it."""
    _guide(tokenizer)


@lru_cache(maxsize=1024)
def complaint(source: str) -> str:
    """What is wrong with a Lark grammar, in some words; empty where nothing is.

    It is compiled in a process of its own, see `decoding.grammar_check`.
    """
    try:
        done = run(
            [sys.executable, "-P", "-X", "utf8", str(Path(grammar_check.__file__))],
            input=source + NO_FORCING,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=SECONDS,
        )
    except TimeoutExpired:
        return f"compiling it takes more than {SECONDS:.0f} seconds"
    assert done.returncode != 1, done.stderr  # Python's own; a stack that overflows has another
    if done.returncode:
        return "it refers or nests too deeply"
    return reason(done.stdout)


def reason(error: str) -> str:
    """The line of llguidance's account that says what is wrong; empty where the account is."""
    lines = error.partition("<state>")[0].splitlines() or [""]
    told = next((line for line in lines if line.startswith("error: ")), lines[0])
    told = told.removeprefix("error: ").removeprefix("Unsatisfiable schema: ")
    if told.startswith(DEAD_END):
        told = "no text fits it"
    return told if len(told) <= 200 else f"{told[:200]} …"


class _Pieces:
    """A vocabulary as llguidance reads it, with one more token that only it knows: its end."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        pieces = tokenizer.vocabulary()
        self.tokens: Sequence[bytes] = [*pieces, b"<end>"]
        self.eos_token_id = len(pieces)
        self.bos_token_id = None
        self.special_token_ids = [*sorted(set(tokenizer.specials.values())), len(pieces)]

    def __call__(self, text: str | bytes) -> list[int]:
        return []  # asked for only where tokens are forced


@dataclass(frozen=True, kw_only=True)
class _Guide:
    """The trie of a tokenizer and what was compiled for it."""

    trie: LLTokenizer
    compiled: OrderedDict[str, LLMatcher] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, source: str) -> LLMatcher:
        with self.lock:
            found = self.compiled.get(source)
            if found is None:
                grammar = LLMatcher.grammar_from_lark(source + NO_FORCING)
                found = LLMatcher(self.trie, grammar, log_level=0)
                if found.is_error():
                    raise ConfigError(f"the constraint is none: {reason(found.get_error())}")
                self.compiled[source] = found
                if len(self.compiled) > KEPT:
                    self.compiled.popitem(last=False)
            self.compiled.move_to_end(source)
            return found.deep_copy()


_guides: WeakKeyDictionary[Tokenizer, _Guide] = WeakKeyDictionary()
_making = threading.Lock()


def _guide(tokenizer: Tokenizer) -> _Guide:
    with _making:
        if tokenizer not in _guides:
            trie = LLTokenizer(TokenizerWrapper(_Pieces(tokenizer)))
            _guides[tokenizer] = _Guide(trie=trie)
        return _guides[tokenizer]
