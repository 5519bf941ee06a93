"""Ids are those of other people's libraries on 100,000 strings of all Unicode planes each.

An example is many strings, put together at random out of a few fragments that hypothesis finds,
words, white space, and characters of any plane, assigned or not. Left out are letters and digits
too new for this Python: what counts as one depends on the Unicode version of each library's regular
expressions, and `regex` is ahead of tiktoken.
"""

import random
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import regex
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece_kinds import ours as our_sentencepiece
from sentencepiece_kinds import theirs as their_sentencepiece
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizer_kinds import TEXT, patient
from tokenizers import Tokenizer, models, pre_tokenizers

from practicum.data.fetch import locate
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.gpt2_files import load_gpt2_files
from practicum.tokenizers.patterns import CL100K
from practicum.tokenizers.tiktoken_ranks import CL100K_SPECIALS, read_ranks, tokenizer_from_ranks

pytestmark = pytest.mark.slow(reason="100,000 strings go through two libraries, five times")

EXAMPLES, STRINGS = 200, 500
COMMON = [*TEXT.split(" "), " ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "ſ", "1234", "…", "▁", "é"]
FRAGMENTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8)

CLASSES = regex.compile(r"[\p{L}\p{N}]")


def strings(fragments: list[str], seed: int) -> list[str]:
    draw = random.Random(seed)
    texts = (
        "".join(_part(fragments, draw) for _ in range(draw.randrange(1, 9))) for _ in range(STRINGS)
    )
    return ["".join(c for c in text if c.isascii() or not _too_new(c)) for text in texts]


@cache
def _too_new(character: str) -> bool:
    return unicodedata.category(character) == "Cn" and bool(CLASSES.match(character))


def _part(fragments: list[str], draw: random.Random) -> str:
    match draw.randrange(4):
        case 0:
            return draw.choice(fragments)
        case 1:
            plane = draw.randrange(17) << 16
            codes = [plane + draw.randrange(1 << 16) for _ in range(draw.randrange(1, 4))]
            return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
        case _:
            return draw.choice(COMMON)


def agree(
    ours: Callable[[str], list[int]],
    theirs: Callable[[list[str]], list[list[int]]],
    examples: int = EXAMPLES,
) -> None:
    """Assert that both give the same ids, for `examples` times `STRINGS` strings and this file."""

    @settings(patient, max_examples=examples, database=None)
    @given(fragments=FRAGMENTS, seed=st.integers(0, 2**32))
    def same(fragments: list[str], seed: int) -> None:
        texts = strings(fragments, seed)
        for text, expected in zip(texts, theirs(texts), strict=True):
            assert ours(text) == expected, repr(text)

    same()
    text = Path(__file__).read_text(encoding="utf-8") + TEXT
    assert ours(text) == theirs([text])[0]


@cache
def gpt2() -> tuple[BPE, Path, Path]:
    folder = locate("gpt2-vocabulary")
    if folder is None:
        pytest.skip("GPT-2's vocabulary is not here: practicum data add gpt2-vocabulary")
    encoder, merges = (next(folder.rglob(name)) for name in ("encoder.json", "vocab.bpe"))
    return load_gpt2_files(encoder, merges), encoder, merges


def test_gpt2_is_tiktokens() -> None:
    ours = gpt2()[0]
    ranks = {piece: id for id, piece in enumerate(ours.vocabulary()[:-1])}
    theirs = tiktoken.Encoding(
        "gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={}
    )
    agree(ours.encode, lambda texts: [theirs.encode_ordinary(text) for text in texts])


def test_gpt2_is_that_of_tokenizers() -> None:
    ours, encoder, merges = gpt2()
    theirs = Tokenizer(models.BPE.from_file(str(encoder), str(merges)))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    agree(ours.encode, lambda texts: [one.ids for one in theirs.encode_batch(texts)])


def test_gpt4_is_tiktokens() -> None:
    path = locate("cl100k")
    if path is None:
        pytest.skip("GPT-4's ranks are not here: practicum data add cl100k")
    ranks = read_ranks(path)
    ours = tokenizer_from_ranks(ranks, pattern=CL100K, specials=CL100K_SPECIALS)
    theirs = tiktoken.Encoding(
        "cl100k",
        pat_str=r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        mergeable_ranks=ranks,
        special_tokens={},
    )
    agree(ours.encode, lambda texts: [theirs.encode_ordinary(text) for text in texts])


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
@pytest.mark.parametrize(
    ("setting", "examples"),
    [("lossless", EXAMPLES), ("defaults", EXAMPLES // 10)],  # normalising takes its time
)
def test_sentencepiece_is_googles(algorithm: str, setting: str, examples: int) -> None:
    theirs = their_sentencepiece(algorithm, setting)
    agree(our_sentencepiece(algorithm, setting).encode, theirs.encode, examples)
