"""Byte-pair encoding with a token for every run of spaces of 2 to `longest` (Chen et al. 2021).

§3.2: the tokenizer of GPT-3 spends many tokens on the indentation of code; tokens for runs of
different length save about 30 % of all. A run is found before the text is cut, the longest first,
so "\\n" and the word after the run are as if it were not there. Nothing else changes, and text
still comes back byte for byte.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.tokenizer import Tokenizer

LONGEST = 25  # spaces; longer runs are several tokens


def with_runs(tokenizer: BPE, longest: int = LONGEST) -> WithAddedTokens:
    """`tokenizer` with tokens for runs of 2 … `longest` spaces behind its own.

    A run that it has as one piece already keeps that id. Raises TokenizerError below 2.
    """
    if longest < 2:
        raise TokenizerError(f"runs of up to {longest} spaces; expected at least 2")
    pieces = tokenizer.vocabulary()
    known = {piece: number for number, piece in enumerate(pieces)}
    runs = [b" " * length for length in range(2, longest + 1)]
    for run in runs:
        if run not in known:
            known[run] = len(pieces)
            pieces.append(run)
    special = [AddedToken(text=t, id=n, special=True) for t, n in tokenizer.specials.items()]
    plain = [AddedToken(text=run.decode(), id=known[run]) for run in runs]
    return WithAddedTokens(tokenizer.changed(pieces=pieces), [*special, *plain])


def train_with_runs(texts: Iterable[str], vocab: int, longest: int = LONGEST) -> WithAddedTokens:
    """A tokenizer of `vocab` ids, runs included, with merges learned from what is between runs.

    So no merge is spent on white space that a run's token stands for. Raises TokenizerError as
    `train_bpe` does, and for `longest` below 2.
    """
    cut = re.compile(f" {{2,{max(2, longest)}}}")
    between = (part for text in texts for part in cut.split(text) if part)
    return with_runs(train_bpe(between, vocab - (longest - 1)), longest)


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How many tokens two tokenizers make of the same texts."""

    without: int
    with_runs: int

    @property
    def share(self) -> float:
        """The share of tokens that is saved, such as 0.3."""
        return 1 - self.with_runs / self.without


def saving(texts: Iterable[str], plain: Tokenizer, runs: Tokenizer) -> Saving:
    """Tokens of `texts` by both. Raises TokenizerError where these have none."""
    without = withs = 0
    for text in texts:
        without += len(plain.encode(text))
        withs += len(runs.encode(text))
    if not without:
        raise TokenizerError("there is no text to count tokens of; give some")
    return Saving(without=without, with_runs=withs)
