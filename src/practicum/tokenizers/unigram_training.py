"""Learning a unigram model (Kudo 2018, §3.2), in plain Python and for small corpora.

    1. a seed: all characters, and the most frequent substrings, weighed by their length
    2. EM: how often each piece is expected over all cuts of all words; log p from that (eq. 3)
    3. of each piece, what the likelihood loses if it goes and its best other cut takes its place;
       the least missed go, and 2 follows until the vocabulary has its size

Characters stay. Words are what lies between spaces, with the spaces before them. Step 2 is the
paper's; Google's trainer divides by a digamma instead, so that its scores are others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import exp, log

from practicum.errors import TokenizerError
from practicum.events import Progress, emit
from practicum.tokenizers.sentencepiece_corpus import covered, lossless_model, room, spaced_words
from practicum.tokenizers.unigram import Unigram

_LONGEST_WORD = 64  # characters; longer ones are counted in parts
_ROUNDS = 2  # of EM between two prunings
_SHRINK = 0.75  # what stays at a pruning
_SEEDS = 10  # pieces in the seed for each wanted
_RARE = 1e-6  # a count where none is expected, since characters stay

Edge = tuple[int, int, str]  # a piece that may stand at [start, stop) of a word


def train_unigram(
    texts: Iterable[str],
    vocab: int,
    *,
    longest: int = 16,
    coverage: float = 1.0,
    workers: int = 1,
) -> Unigram:
    """A tokenizer of exactly `vocab` ids: <unk>, <s>, </s>, 256 bytes, pieces of ≤ `longest`.

    It is lossless but for ▁: nothing is normalised, and characters not in `texts` become bytes, as
    do the rarest ones in them (see `covered`).
    Raises TokenizerError when `vocab` does not hold all characters, or the texts support fewer ids.
    """
    words, characters = covered(_words(texts, workers), coverage)
    wanted = room(vocab, characters)
    counts = _seed(words, characters, _SEEDS * wanted, longest)
    if len(counts) < wanted:
        raise TokenizerError(
            f"the texts support {len(counts)} pieces, a vocabulary of {259 + len(counts)}; "
            f"{vocab} were asked for: give more text or ask for a smaller vocabulary"
        )
    scores = _logs(counts)
    seeded = len(scores)
    while True:
        for _ in range(_ROUNDS):
            counts = expected(words, scores)
            scores = _logs({piece: max(counts[piece], _RARE) for piece in scores})
        done, total = seeded - len(scores), seeded - wanted
        emit(Progress(task="prune pieces", done=done, total=total, unit="pieces"))
        if len(scores) == wanted:
            return _tokenizer(scores)
        scores = _pruned(scores, counts, max(wanted, int(_SHRINK * len(scores))))


def _words(texts: Iterable[str], workers: int) -> Counter[str]:
    words = Counter[str]()
    for word, count in spaced_words(texts, workers=workers).items():
        for start in range(0, len(word), _LONGEST_WORD):
            words[word[start : start + _LONGEST_WORD]] += count
    return words


def _seed(
    words: Mapping[str, int], characters: Mapping[str, int], size: int, longest: int
) -> dict[str, float]:
    """Characters, and substrings that occur twice by count times length; their counts."""
    substrings = Counter[str]()
    for word, count in words.items():
        for start in range(len(word)):
            for stop in range(start + 2, min(start + longest, len(word)) + 1):
                substrings[word[start:stop]] += count
    often = [piece for piece, count in substrings.items() if count > 1]
    often.sort(key=lambda piece: (-substrings[piece] * len(piece), piece))
    kept = often[: max(size - len(characters), 0)]
    return {piece: float(count) for piece, count in characters.items()} | {
        piece: float(substrings[piece]) for piece in kept
    }


def _logs(counts: Mapping[str, float]) -> dict[str, float]:
    total = log(sum(counts.values()))
    return {piece: log(count) - total for piece, count in counts.items()}


def expected(words: Mapping[str, int], scores: Mapping[str, float]) -> dict[str, float]:
    """How often each piece is expected in `words`, over all cuts by their probability (the E step).

    Forward and backward over the places of a word, in logarithms.
    """
    counts = dict.fromkeys(scores, 0.0)
    longest = max(map(len, scores))
    for word, count in words.items():
        edges = _edges(word, scores, longest)
        forward = _sums(edges, scores, len(word), backward=False)
        backward = _sums(edges, scores, len(word), backward=True)
        for start, stop, piece in edges:
            share = forward[start] + scores[piece] + backward[stop] - backward[0]
            counts[piece] += count * exp(share)
    return counts


def _edges(word: str, scores: Mapping[str, float], longest: int) -> list[Edge]:
    """The pieces within `word`, by where they start."""
    return [
        (start, stop, piece)
        for start in range(len(word))
        for stop in range(start + 1, min(start + longest, len(word)) + 1)
        if (piece := word[start:stop]) in scores
    ]


def _sums(
    edges: list[Edge], scores: Mapping[str, float], length: int, *, backward: bool
) -> list[float]:
    """By place, log of the summed probability of all cuts of what is before it (or after it)."""
    ways: list[list[float]] = [[] for _ in range(length + 1)]
    sums = [0.0] * (length + 1)
    known = {length if backward else 0}
    for start, stop, piece in reversed(edges) if backward else edges:
        source, target = (stop, start) if backward else (start, stop)
        if source not in known:  # all that lead there have come before
            known.add(source)
            sums[source] = _log_sum(ways[source])
        ways[target].append(sums[source] + scores[piece])
    last = 0 if backward else length
    sums[last] = _log_sum(ways[last])
    return sums


def _log_sum(values: list[float]) -> float:
    """log Σ exp(values)."""
    highest = max(values)
    return highest + log(sum(exp(value - highest) for value in values))


def _pruned(
    scores: Mapping[str, float], counts: Mapping[str, float], size: int
) -> dict[str, float]:
    """The `size` pieces that are missed most; characters are among them in any case."""
    longest = max(map(len, scores))
    missed = {
        piece: counts[piece] * (score - _best_without(piece, scores, longest))
        for piece, score in scores.items()
        if len(piece) > 1
    }
    stay = sorted(missed, key=lambda piece: (-missed[piece], piece))
    characters = [piece for piece in scores if len(piece) == 1]
    return {piece: scores[piece] for piece in characters + stay[: size - len(characters)]}


def _best_without(piece: str, scores: Mapping[str, float], longest: int) -> float:
    """The score of the best cut of `piece` into others (Viterbi)."""
    best = [0.0] + [-float("inf")] * len(piece)
    for start, stop, part in _edges(piece, scores, longest):
        if part != piece:
            best[stop] = max(best[stop], best[start] + scores[part])
    return best[-1]


def _tokenizer(scores: Mapping[str, float]) -> Unigram:
    ordered = sorted(scores, key=lambda piece: (-scores[piece], piece))
    return Unigram(
        lossless_model([(piece, scores[piece]) for piece in ordered], algorithm="unigram")
    )
