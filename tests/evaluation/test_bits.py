import math
from dataclasses import dataclass

import pytest

from practicum.decoding.language_model import LanguageModel
from practicum.errors import DataError
from practicum.evaluation.bits import bits_per_byte, score_text
from practicum.evaluation.detokenisers import invertible, wikitext
from practicum.events import listening

TEXTS = ["It was the best of times. " * 9, "", "Ünïcödé 日本語", "it was the age"]


@dataclass(frozen=True)
class Document:
    text: str


def test_a_model_without_knowledge_pays_the_entropy_of_its_vocabulary(uniform, uniform_tokenizer):
    model, per_token = uniform
    score = score_text(LanguageModel(model, uniform_tokenizer), TEXTS)
    tokens = sum(len(uniform_tokenizer.encode(text)) for text in TEXTS)
    size = sum(len(text.encode()) for text in TEXTS)
    assert score.tokens == tokens  # every token once, although the first text has several windows
    assert score.nats == pytest.approx(tokens * per_token, rel=1e-5)
    assert score.bytes == size
    assert score.bits_per_byte == pytest.approx(tokens * per_token / math.log(2) / size, rel=1e-5)
    assert score.token_perplexity == pytest.approx(uniform_tokenizer.size, rel=1e-4)


def test_units_are_counts_of_the_text_itself(told):
    score = score_text(told(lambda context, text: -2.0), ["a bü  c", "d"])
    assert score.nats == 4.0
    assert (score.bytes, score.characters, score.words, score.tokens) == (9, 8, 4, 2)
    assert score.bits_per_byte == pytest.approx(4 / math.log(2) / 9)
    assert score.bits_per_character == pytest.approx(4 / math.log(2) / 8)
    assert score.word_perplexity == pytest.approx(math.e)
    assert score.token_perplexity == pytest.approx(math.exp(2))


def test_documents_strings_and_generators_are_the_same(uniform, uniform_tokenizer):
    lm = LanguageModel(uniform[0], uniform_tokenizer)
    assert bits_per_byte(lm, TEXTS) == bits_per_byte(lm, (Document(text) for text in TEXTS))


def test_the_order_of_documents_does_not_matter(uniform, uniform_tokenizer):
    lm = LanguageModel(uniform[0], uniform_tokenizer)
    assert bits_per_byte(lm, TEXTS) == pytest.approx(bits_per_byte(lm, TEXTS[::-1]))


def test_detokenised_text_is_read_and_original_text_is_counted(told):
    scorer = told(lambda context, text: -1.0)
    score = score_text(scorer, ["a well @-@ known one ."], detokenise=wikitext)
    assert scorer.pairs == [("", "a well-known one.")]
    assert score.words == 6
    assert score.bytes == 22


def test_nothing_to_score_is_an_error(told):
    with pytest.raises(DataError, match="every document is empty"):
        bits_per_byte(told(), ["", ""])


def test_progress_is_told(told):
    heard = []
    with listening(heard.append):
        score_text(told(lambda context, text: -1.0), ["a"] * 300)
    assert [event.done for event in heard] == [256, 300]


@pytest.mark.parametrize(
    ("tokenised", "plain"),
    [
        (" The 1 @,@ 000 men 's ship , lost .", " The 1,000 men's ship, lost."),
        ("a ( small ) one", "a (small) one"),
        ("they do n't", "they don't"),
        ("3 @.@ 5 m ; 4 % ", "3.5 m; 4% "),
        ("a-b stays . a @-@ b changes . ", "a-b stays . a-b changes. "),
    ],
)
def test_wikitext_spacing_is_undone_where_it_can_be_redone(tokenised, plain):
    assert wikitext(tokenised) == plain


def test_a_sentence_without_an_inverse_is_left():
    shout = invertible(str.upper, str.lower)
    assert shout("abc . dEf . ghi") == "ABC . dEf . GHI"
