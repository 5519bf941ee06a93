"""Learning a unigram model: its expectations, its likelihood, its size, and Google reading it."""

import io
from itertools import product
from math import exp, isclose, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizer_kinds import TEXT, patient

from practicum.errors import TokenizerError
from practicum.events import Event, Progress, listening
from practicum.tokenizers.sentencepiece_file import tokenizer_of
from practicum.tokenizers.sentencepiece_model import read_sentencepiece, write_sentencepiece
from practicum.tokenizers.unigram import Unigram
from practicum.tokenizers.unigram_training import expected, train_unigram

CORPUS = Path(__file__).with_name("test_json_file.py").read_text(encoding="utf-8").splitlines()
SCORES = {"a": log(0.3), "b": log(0.2), "ab": log(0.1), "ba": log(0.15), "aba": log(0.25)}


def cuts(word: str) -> list[list[str]]:
    """All ways to write `word` by pieces of SCORES."""
    found: list[list[str]] = []
    for size in range(1, len(word) + 1):
        found += [list(one) for one in product(SCORES, repeat=size) if "".join(one) == word]
    return found


@pytest.mark.parametrize("word", ["a", "ab", "abab", "babab"])
def test_expectations_are_those_over_all_cuts(word: str) -> None:
    chances = [exp(sum(SCORES[piece] for piece in cut)) for cut in cuts(word)]
    found = expected({word: 3}, SCORES)
    for piece in SCORES:
        wanted = sum(
            chance * cut.count(piece) for chance, cut in zip(chances, cuts(word), strict=True)
        )
        assert isclose(found[piece], 3 * wanted / sum(chances), rel_tol=1e-12, abs_tol=1e-300)


@pytest.fixture(scope="module")
def learned() -> Unigram:
    return train_unigram(CORPUS, 600)


def test_the_vocabulary_has_its_size_and_all_characters(learned: Unigram) -> None:
    assert learned.size == 600
    texts = {piece.text for piece in learned.model.pieces}
    assert set("".join(CORPUS).replace(" ", "▁")) <= texts
    assert max(len(piece.text) for piece in learned.model.pieces[259:]) <= 16
    assert isclose(sum(exp(piece.score) for piece in learned.model.pieces[259:]), 1, rel_tol=1e-5)


def test_words_of_the_corpus_became_pieces(learned: Unigram) -> None:
    assert {b"def", b" None:", b"from"} <= set(learned.vocabulary())
    text = "\n".join(CORPUS)
    assert len(learned.encode(text)) < 0.4 * len(text)


def test_pruning_reports_its_way_to_the_end() -> None:
    heard: list[Event] = []
    with listening(heard.append):
        train_unigram(CORPUS[:40], 350)
    last = heard[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total


def test_google_reads_what_was_learned(learned: Unigram) -> None:
    file = write_sentencepiece(learned.model)
    google = SentencePieceProcessor(model_proto=file)
    text = "\n".join([*CORPUS, TEXT])
    assert google.encode(text) == learned.encode(text)


def test_texts_get_as_short_as_by_googles_training(learned: Unigram) -> None:
    file = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=file,
        vocab_size=600,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=False,
        split_by_unicode_script=False,
        split_by_number=False,
        allow_whitespace_only_pieces=True,
        num_threads=1,
        minloglevel=2,
    )
    google = tokenizer_of(read_sentencepiece(file.getvalue()))
    ids = sum(len(learned.encode(line)) for line in CORPUS)
    theirs = sum(len(google.encode(line)) for line in CORPUS)
    assert ids < 1.1 * theirs


@patient
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁")))
def test_any_text_comes_back(learned: Unigram, text: str) -> None:
    assert learned.decode(learned.encode(text)) == text


def test_rare_characters_become_bytes() -> None:
    learned = train_unigram(["aab aab é", "aab aab 東"], 259 + 4, coverage=0.8)
    texts = {piece.text for piece in learned.model.pieces}
    assert {"a", "b", "▁"} <= texts
    assert not any("é" in text or "東" in text for text in texts)
    assert learned.decode(learned.encode("aab é 東")) == "aab é 東"
    google = SentencePieceProcessor(model_proto=write_sentencepiece(learned.model))
    assert google.encode("aab é 東") == learned.encode("aab é 東")


def test_training_twice_gives_the_same(learned: Unigram) -> None:
    assert train_unigram(iter(CORPUS), 600).description() == learned.description()


def test_a_long_run_of_one_letter_is_no_trap() -> None:
    learned = train_unigram(["a" * 20_000 + "b c"], 270)
    assert len(learned.encode("a" * 160)) <= 20


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(TokenizerError, match="texts is one string"):
        train_unigram("abc", 300)
    with pytest.raises(TokenizerError, match="ask for 262"):
        train_unigram(["abc"], 261)
    with pytest.raises(TokenizerError, match="support 3 pieces, a vocabulary of 262"):
        train_unigram(["abc"], 300)
    with pytest.raises(TokenizerError, match="ask for 260"):
        train_unigram([], 259)
    with pytest.raises(TokenizerError, match=r"lone surrogate U\+D800"):
        train_unigram(["a", "\ud800"], 300)
