"""Learning merges (Sennrich et al. 2016, algorithm 1), incrementally and in plain Python.

    repeat: the most frequent pair of neighbouring tokens becomes one token, everywhere

Counted are pairs within unique pieces ("words"), each weighted by how often it occurs. A word is a
string of tokens, one character each, so that a merge within it is `str.replace`. An index leads
from each pair to its words, and a heap, whose outdated entries are put right when they come up, to
the most frequent pair: a merge costs what it changes, not the size of the corpus.

Of equally frequent pairs the one with the older first token wins, then the one with the older
second; bytes are as old as GPT-2's alphabet orders them. These are the merges of Hugging Face's
`BpeTrainer`.

No two merges make the same token, and no pair comes up again once merged: whatever happened inside
an occurrence of a token depended on its own bytes alone, or a merge would have crossed its border.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise

from practicum.errors import TokenizerError
from practicum.events import Progress, emit
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import BYTE_ORDER
from practicum.tokenizers.patterns import GPT2, SplitPattern

_OLDEST_FIRST = bytes(BYTE_ORDER.index(byte) for byte in range(256))  # byte → its age
_LARGEST = 0x110000  # `chr` ends there
_REPORT_CHARACTERS = 1_000_000
_REPORT_MERGES = 128


def train_bpe(
    texts: Iterable[str],
    vocab: int,
    *,
    pattern: SplitPattern = GPT2,
    specials: tuple[str, ...] = ("<|endoftext|>",),
) -> BPE:
    """A tokenizer of exactly `vocab` ids: 256 bytes, then merges, then `specials`.

    The first special token ends a text. Texts of special tokens inside `texts` count as plain text.

    Raises TokenizerError when `vocab` is below 256 + specials, or the texts support fewer merges.
    """
    if isinstance(texts, str):
        raise TokenizerError("texts is one string; give a list of texts, such as [text]")
    if len(set(specials)) < len(specials):
        raise TokenizerError(f"a special token is named twice in {specials}")
    room = vocab - len(specials)
    if not 256 <= room < _LARGEST:
        raise TokenizerError(
            f"a vocabulary of {vocab} cannot hold 256 bytes and {len(specials)} special tokens; "
            f"ask for {256 + len(specials)} to {_LARGEST}"
        )
    pieces, merges = _Merging(_count(texts, pattern)).until(room)
    if len(pieces) < room:
        raise TokenizerError(
            f"the texts support {len(pieces) - 256} merges, a vocabulary of "
            f"{len(pieces) + len(specials)}; {room - 256} merges were asked for "
            f"(vocabulary {vocab}): give more text or ask for a smaller vocabulary"
        )
    ids = {text: room + number for number, text in enumerate(specials)}
    pieces += [text.encode() for text in specials]
    return BPE(pieces, merges, pattern=pattern, specials=ids, end=room if specials else None)


def _count(texts: Iterable[str], pattern: SplitPattern) -> Counter[str]:
    """How often each piece occurs in `texts`."""
    counts: Counter[str] = Counter()
    done = reported = 0
    for number, text in enumerate(texts):
        counts.update(pattern.split(text))
        done += len(text)
        if done - reported >= _REPORT_CHARACTERS:
            reported = done
            detail = f"{number + 1} texts, {len(counts)} unique pieces"
            emit(Progress(task="count pieces", done=done, unit="characters", detail=detail))
    return counts


class _Merging:
    """The state of algorithm 1: words, pair counts, where pairs occur, and the heap of pairs."""

    def __init__(self, counts: Counter[str]) -> None:
        self.pieces = [bytes([byte]) for byte in BYTE_ORDER]
        self.words = [_tokens(piece) for piece in counts]
        self.weights = list(counts.values())
        self.pairs: defaultdict[str, int] = defaultdict(int)
        self.where: defaultdict[str, list[int]] = defaultdict(list)  # may name a word twice
        for number, (word, weight) in enumerate(zip(self.words, self.weights, strict=True)):
            for left, right in pairwise(word):
                self.pairs[left + right] += weight
                self.where[left + right].append(number)
        # Most frequent first, then oldest: characters compare as their ids do.
        self.heap = [(-count, pair) for pair, count in self.pairs.items()]
        heapify(self.heap)

    def until(self, size: int) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
        """The pieces and the merges by rank, once there are `size` pieces or no pair is left."""
        total = size - len(self.pieces)
        merges: list[tuple[bytes, bytes]] = []
        while len(merges) < total and (pair := self._most_frequent()) is not None:
            left, right = (self.pieces[ord(token)] for token in pair)
            self._merge(pair, chr(len(self.pieces)))
            self.pieces.append(left + right)
            merges.append((left, right))
            if len(merges) % _REPORT_MERGES == 0 or len(merges) == total:
                done = len(merges)
                emit(Progress(task="learn merges", done=done, total=total, unit="merges"))
        return self.pieces, merges

    def _most_frequent(self) -> str | None:
        """The next pair to merge. Entries whose count has changed go back with the present one."""
        heap, pairs = self.heap, self.pairs
        while heap:
            negative, pair = heappop(heap)
            count = pairs.get(pair, 0)  # 0: merged meanwhile
            if count == -negative:
                return pair
            if count > 0:
                heappush(heap, (-count, pair))
        return None

    def _merge(self, pair: str, merged: str) -> None:
        """Replace `pair` in every word by `merged`, and bring counts, index and heap up to date."""
        words, weights, pairs, where = self.words, self.weights, self.pairs, self.where
        left, right = pair
        grown: set[str] = set()
        for number in where.pop(pair):
            word = words[number]
            at = word.find(pair)
            if at < 0:  # an earlier merge took one of the two, or the index named it twice
                continue
            weight = weights[number]
            previous_stop = -1
            while at >= 0:
                stop = at + 2
                if at:
                    before = merged if at == previous_stop else word[at - 1]
                    pairs[before + left] -= weight
                    new = before + merged
                    pairs[new] += weight
                    where[new].append(number)
                    grown.add(new)
                if stop < len(word):
                    after = word[stop]
                    pairs[right + after] -= weight
                    new = merged + after
                    pairs[new] += weight
                    where[new].append(number)
                    grown.add(new)
                previous_stop = stop
                at = word.find(pair, stop)
            words[number] = word.replace(pair, merged)
        del pairs[pair]
        for new in grown:
            if pairs[new] > 0:
                heappush(self.heap, (-pairs[new], new))


def _tokens(piece: str) -> str:
    try:
        return piece.encode().translate(_OLDEST_FIRST).decode("latin-1")
    except UnicodeEncodeError as problem:
        raise TokenizerError(
            f"a text holds the lone surrogate U+{ord(piece[problem.start]):04X}, which UTF-8 "
            "cannot express; read the file with errors='replace'"
        ) from problem
