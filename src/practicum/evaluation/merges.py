"""The merges of byte-pair encoding as they are defined, and the tokenizers on the way to one.

    repeat: the most frequent pair of neighbours, within pieces, becomes one token everywhere

`merges_by_definition` goes over the whole text for every merge (Sennrich et al. 2016, algorithm 1)
and judges trainers that do not.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int64

from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_merging import TOKENIZERS, Convention
from practicum.tokenizers.patterns import SplitPattern

_BORDER = -1  # stands between pieces


def merges_by_definition(
    texts: Iterable[str],
    count: int,
    pattern: SplitPattern,
    convention: Convention = TOKENIZERS,
) -> list[tuple[bytes, bytes]]:
    """The first `count` merges, or all where the texts support fewer."""
    pieces = [bytes([byte]) for byte in convention.alphabet]
    ids = _with_borders(texts, pattern, convention.alphabet)
    merges: list[tuple[bytes, bytes]] = []
    while len(merges) < count:
        within = (ids[:-1] != _BORDER) & (ids[1:] != _BORDER)
        pairs = ids[:-1] * len(pieces) + ids[1:]
        known, counts = np.unique(pairs[within], return_counts=True)
        if not len(known):
            break
        most = known[counts == counts.max()]  # from the oldest to the youngest
        if convention.first_met:
            most = pairs[within & np.isin(pairs, most)]
        pair = int(most[0])
        left, right = divmod(pair, len(pieces))
        ids = _replaced(ids, within & (pairs == pair), left == right, len(pieces))
        pieces.append(pieces[left] + pieces[right])
        merges.append((pieces[left], pieces[right]))
    return merges


def first_merges(tokenizer: BPE, count: int) -> BPE:
    """The tokenizer that training would have given after `count` merges; without special tokens."""
    merged = [left + right for left, right in tokenizer.merges[:count]]
    single = [piece for piece in tokenizer.vocabulary() if len(piece) == 1]
    return BPE([*single, *merged], tokenizer.merges[:count], pattern=tokenizer.pattern, specials={})


def _with_borders(
    texts: Iterable[str], pattern: SplitPattern, alphabet: bytes
) -> Int64[np.ndarray, " n"]:
    age = np.zeros(256, np.int64)
    age[list(alphabet)] = np.arange(256)
    rows = [np.frombuffer(piece.encode(), np.uint8) for t in texts for piece in pattern.split(t)]
    return np.concatenate([part for row in rows for part in (age[row], [_BORDER])] or [[_BORDER]])


def _replaced(
    ids: Int64[np.ndarray, " n"], at: Bool[np.ndarray, " m"], alike: bool, token: int
) -> Int64[np.ndarray, " fewer"]:
    """`ids` with `token` for the pair that begins where `at` is true, from left to right."""
    starts = np.flatnonzero(at)
    if alike:  # "aaa" holds the pair twice, and only the first of them is merged
        run = np.append(True, np.diff(starts) > 1)
        place = np.arange(len(starts))
        starts = starts[(place - np.maximum.accumulate(np.where(run, place, 0))) % 2 == 0]
    ids = ids.copy()
    ids[starts] = token
    return np.delete(ids, starts + 1)
