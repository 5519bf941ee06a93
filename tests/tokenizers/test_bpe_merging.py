"""Learning merges in both conventions, in short and long words: against the naive algorithm."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, patient

from practicum.errors import TokenizerError
from practicum.tokenizers import bpe_merging
from practicum.tokenizers.bpe_merging import MINBPE, TOKENIZERS, Convention, merging_bytes
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.patterns import GPT2, GPT4, WHOLE, SplitPattern
from practicum.tokenizers.piece_counts import count_pieces

conventions = pytest.mark.parametrize(
    "convention",
    [TOKENIZERS, MINBPE, Convention(alphabet=bytes(range(255, -1, -1)))],
    ids=["tokenizers", "minbpe", "bytes backwards"],
)
longs = pytest.mark.parametrize("long", [0, 4, 1000])


def naive(
    texts: list[str], pattern: SplitPattern, convention: Convention
) -> Iterator[tuple[bytes, bytes]]:
    """All pairs of all pieces counted anew for every merge."""
    pieces = [list(piece.encode()) for text in texts for piece in pattern.split(text)]
    tokens = [bytes([byte]) for byte in range(256)]
    age = {bytes([byte]): number for number, byte in enumerate(convention.alphabet)}
    while True:
        counts: dict[tuple[int, int], int] = {}
        for piece in pieces:
            for pair in pairwise(piece):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return
        if convention.first_met:
            best = max(counts, key=counts.__getitem__)  # the first of equals: dicts are in order
        else:
            best = max(counts, key=lambda pair: (counts[pair], [-age[tokens[n]] for n in pair]))
        left, right = (tokens[number] for number in best)
        age[left + right] = len(tokens)
        tokens.append(left + right)
        for piece in pieces:
            for at in range(len(piece) - 1):  # shrinks meanwhile; a slice past the end is empty
                if piece[at : at + 2] == [*best]:
                    piece[at : at + 2] = [len(tokens) - 1]
        yield left, right


@conventions
@longs
@pytest.mark.parametrize("pattern", [GPT2, WHOLE], ids=lambda pattern: pattern.name)
@patient
@given(texts=st.lists(st.text("ab é", max_size=50), max_size=4))
def test_all_merges_are_those_of_the_definition(
    convention: Convention, long: int, pattern: SplitPattern, texts: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe_merging, "LONG", long)
        merging = merging_bytes(count_pieces(texts, pattern), convention)
    assert merging.until(10_000)[1] == list(naive(texts, pattern, convention))


@conventions
@longs
def test_merges_of_real_text_are_those_of_the_definition(
    convention: Convention, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe_merging, "LONG", long)
    for pattern in (GPT4, WHOLE):
        trained = train_bpe([TEXT, TEXT[::-1]], 330, pattern=pattern, convention=convention)
        merges = naive([TEXT, TEXT[::-1]], pattern, convention)
        assert list(trained.merges) == [next(merges) for _ in range(73)]


def test_the_example_of_minbpe_comes_out() -> None:
    trained = train_bpe(["aaabdaaabac"], 259, pattern=WHOLE, specials=(), convention=MINBPE)
    assert trained.encode("aaabdaaabac") == [258, 100, 258, 97, 99]


def test_a_long_word_among_short_ones_takes_part() -> None:
    text = "the cat " * 50 + "th" * 3000
    trained = train_bpe([text], 256 + 8, specials=())
    merges = naive([text], GPT2, TOKENIZERS)
    assert list(trained.merges) == [next(merges) for _ in range(8)]


def test_an_alphabet_without_all_bytes_is_refused() -> None:
    with pytest.raises(TokenizerError, match="an alphabet of 3 bytes; all 256 are needed"):
        Convention(alphabet=b"abc")
