"""Encoding by merges: against the definition, against tiktoken, and at its limits."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, TOKENIZERS, patient

from practicum.data.fetch import locate
from practicum.errors import TokenizerError
from practicum.tokenizers import bpe
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import unprintable
from practicum.tokenizers.patterns import GPT2, GPT4

TRAINED = TOKENIZERS["gpt2"]
BYTES = [bytes([byte]) for byte in range(256)]

# "abc" arises in two ways, so that a later merge may make room for an earlier one.
TWO_WAYS = BPE(
    [*BYTES, b"ab", b"abc", b"abca", b"bc", b"abcabc"],
    [(b"ab", b"c"), (b"abc", b"a"), (b"b", b"c"), (b"a", b"bc"), (b"abc", b"abc")],
    pattern=GPT2,
    specials={},
)


def by_definition(tokenizer: BPE, piece: str) -> list[bytes]:
    """Join the pair of lowest rank, leftmost first, until none is left."""
    ranks = {pair: rank for rank, pair in enumerate(tokenizer.merges)}
    tokens = [bytes([byte]) for byte in piece.encode()]
    while pairs := [
        (ranks[pair], place) for place, pair in enumerate(pairwise(tokens)) if pair in ranks
    ]:
        _, place = min(pairs)
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
    return tokens


@pytest.mark.parametrize("tokenizer", [TRAINED, TWO_WAYS], ids=["trained", "two ways"])
@pytest.mark.parametrize("long", [0, 64], ids=["as long ones", "as short ones"])
@patient
@given(piece=st.text("abcthe ré", max_size=60))
def test_a_piece_is_joined_as_defined(tokenizer: BPE, long: int, piece: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe, "LONG", long)
        ids = tokenizer.encode_piece(piece)
    assert [tokenizer.piece(id) for id in ids] == by_definition(tokenizer, piece)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("letters", ["a", "ab", "thé"])
def test_a_megabyte_without_a_break_is_encoded(letters: str) -> None:
    text = "".join(random.Random(0).choices(letters, k=1_000_000))
    tokenizer = train_bpe([text[:5000], TEXT], 300)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_memory_of_encodings_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "REMEMBERED", 100)
    tokenizer = train_bpe([TEXT], 300)
    text = " ".join(map(str, range(1000)))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode("x" * 1000)) == "x" * 1000
    assert len(tokenizer._encodings) <= 100


def test_a_byte_without_a_token_is_named() -> None:
    tokenizer = BPE([b"a", b"b"], [], pattern=GPT2, specials={})
    assert tokenizer.encode("ab") == [0, 1]
    with pytest.raises(TokenizerError, match="no token for byte 0xC3 of 'aé'"):
        tokenizer.encode("aé")


def test_a_merge_without_its_tokens_is_named() -> None:
    with pytest.raises(TokenizerError, match="merge 0 joins b'a' and b'b'.* no token b'ab'"):
        BPE([b"a", b"b"], [(b"a", b"b")], pattern=GPT2, specials={})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"specials": {"x": 0}}, "id 0 is not the special token 'x'"),
        ({"specials": {"": 1}}, "the empty text"),
        ({"specials": {}, "end": 2}, "the end id is 2; this vocabulary has ids 0 to 1"),
        ({"specials": {}, "begin": -1}, "the begin id is -1"),
    ],
)
def test_impossible_specials_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        BPE([b"a", b"b"], [], pattern=GPT2, **settings)


def test_a_whole_token_is_taken_only_where_asked() -> None:
    whole = TOKENIZERS["whole first"]
    assert whole.encode(" feather") == [300]
    assert 300 not in whole.encode(" feathers")


@pytest.mark.parametrize("pattern", [GPT2, GPT4], ids=lambda pattern: pattern.name)
def test_ids_are_those_of_tiktoken(pattern) -> None:
    ours = train_bpe([TEXT], 350, pattern=pattern, specials=())
    theirs = tiktoken.Encoding(
        "ours",
        pat_str=pattern.unicode,
        mergeable_ranks={piece: id for id, piece in enumerate(ours.vocabulary())},
        special_tokens={},
    )
    assert ours.encode(TEXT) == theirs.encode_ordinary(TEXT)


@pytest.fixture(scope="module")
def released() -> BPE:
    folder = locate("gpt2-vocabulary")
    if folder is None:
        pytest.skip("GPT-2's vocabulary is not here: practicum data add gpt2-vocabulary")
    files = {path.name: path for path in Path(folder).rglob("*") if path.is_file()}
    vocabulary = json.loads(files["encoder.json"].read_text(encoding="utf-8"))
    lines = files["vocab.bpe"].read_text(encoding="utf-8").splitlines()[1:]
    end = vocabulary.pop("<|endoftext|>")
    pieces = [unprintable(text) for text in sorted(vocabulary, key=vocabulary.__getitem__)]
    merges = [tuple(map(unprintable, line.split(" "))) for line in lines if line]
    specials = {"<|endoftext|>": end}
    pieces.append(b"<|endoftext|>")
    return BPE(pieces, merges, pattern=GPT2, specials=specials, end=end)


def test_gpt2s_vocabulary_gives_tiktokens_ids(released: BPE) -> None:
    ranks = {piece: id for id, piece in enumerate(released.vocabulary()[:-1])}
    theirs = tiktoken.Encoding(
        "gpt2", pat_str=GPT2.unicode, mergeable_ranks=ranks, special_tokens=released.specials
    )
    text = TEXT + Path(__file__).read_text(encoding="utf-8") + "<|endoftext|> 東京 café"
    assert released.size == 50_257
    assert released.encode(text) == theirs.encode_ordinary(text)
    assert released.encode(text, specials=True) == theirs.encode(text, allowed_special="all")
    assert released.encode("Hello world") == [15496, 995]  # as everywhere on the web
