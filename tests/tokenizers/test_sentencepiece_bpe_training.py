"""Learning merges of characters: the definition, Google reading it, coverage, refusals."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from tokenizer_kinds import TEXT, patient

from practicum.errors import TokenizerError
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_bpe_training import train_sentencepiece_bpe
from practicum.tokenizers.sentencepiece_corpus import covered, spaced_words
from practicum.tokenizers.sentencepiece_file import load_sentencepiece, save_sentencepiece
from practicum.tokenizers.sentencepiece_model import write_sentencepiece

ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"))
SPARSE = ["the théâtre, the 東京 the other", "the brother", "é"]


@pytest.fixture(scope="module")
def learned() -> SentencePieceBPE:
    return train_sentencepiece_bpe([TEXT], 420)


@pytest.fixture(scope="module")
def google(learned: SentencePieceBPE) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_proto=write_sentencepiece(learned.model))


def test_each_merge_is_the_most_frequent_pair(learned: SentencePieceBPE) -> None:
    words = spaced_words([TEXT])
    cuts = {word: list(word) for word in words}
    characters = set("".join(words))
    for piece in learned.model.pieces[259 : learned.size - len(characters)]:
        pairs = Counter[tuple[str, str]]()
        for word, tokens in cuts.items():
            for pair in pairwise(tokens):
                pairs[pair] += words[word]
        merged = [pair for pair, count in pairs.items() if count == max(pairs.values())]
        assert piece.text in {left + right for left, right in merged}
        pair = next(pair for pair in merged if "".join(pair) == piece.text)
        for tokens in cuts.values():
            for at in range(len(tokens) - 1):
                if tuple(tokens[at : at + 2]) == pair:
                    tokens[at : at + 2] = [piece.text]
    assert {piece.text for piece in learned.model.pieces[-len(characters) :]} == characters


def test_the_vocabulary_has_its_size(learned: SentencePieceBPE) -> None:
    assert learned.size == 420
    assert len(learned.encode(TEXT)) < 0.6 * len(TEXT)
    assert train_sentencepiece_bpe(iter([TEXT]), 420).description() == learned.description()


@patient
@given(text=ANY | st.lists(st.sampled_from(TEXT.split(" "))).map(" ".join))
def test_google_cuts_by_what_was_learned_as_we_do(
    learned: SentencePieceBPE, google: SentencePieceProcessor, text: str
) -> None:
    assert learned.encode(text) == google.encode(text)
    assert learned.decode(learned.encode(text)) == text


def test_a_written_model_is_read_back(learned: SentencePieceBPE, tmp_path) -> None:
    save_sentencepiece(learned, tmp_path / "m.model")
    assert load_sentencepiece(tmp_path / "m.model").description() == learned.description()


def test_coverage_keeps_the_most_frequent_characters() -> None:
    words = spaced_words(["aaaa bb ", "c"])
    assert covered(words, 1.0) == (dict(words), {"a": 4, "b": 2, "▁": 2, "c": 1})
    assert covered(words, 8 / 9) == ({"aaaa": 1, "▁bb": 1, "▁": 1}, {"a": 4, "b": 2, "▁": 2})
    assert covered(words, 0.5) == ({"aaaa": 1, "bb": 1}, {"a": 4, "b": 2})


@pytest.mark.parametrize("workers", [1, 2])
def test_rare_characters_become_bytes(workers: int) -> None:
    learned = train_sentencepiece_bpe(SPARSE, 272, coverage=0.8, workers=workers)
    assert not any("東" in piece.text for piece in learned.model.pieces)
    ids = learned.encode("the 東")
    assert [learned.piece(id) for id in ids[-3:]] == [bytes([byte]) for byte in "東".encode()]
    assert learned.decode(ids) == "the 東"


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(TokenizerError, match="texts is one string"):
        train_sentencepiece_bpe("abc", 300)
    with pytest.raises(TokenizerError, match="ask for 262"):
        train_sentencepiece_bpe(["abc"], 261)
    with pytest.raises(TokenizerError, match="support 5 pieces, a vocabulary of 264"):
        train_sentencepiece_bpe(["abc"], 300)
    with pytest.raises(TokenizerError, match=r"lone surrogate U\+D800"):
        train_sentencepiece_bpe(["a", "\ud800"], 300)
    for coverage in (0.0, 1.1):
        with pytest.raises(TokenizerError, match=f"a character coverage of {coverage}"):
            train_sentencepiece_bpe(["abc"], 300, coverage=coverage)
