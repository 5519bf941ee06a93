"""Answers do not depend on company, and greedy ones are those of reading at once."""

import pytest
import torch

from practicum.decoding.beam import Beam
from practicum.decoding.translate import Translator, said, translate
from practicum.errors import DataError, ModelError
from practicum.models.build import build
from practicum.models.families.transformer import transformer
from practicum.tokenizers.bytes import ByteTokenizer

SOURCES = [[5, 6, 7], [8], [9, 8, 7, 6, 5, 4], [3, 3], [11, 4]]
ENDS = {"begin": 1, "end": 2, "extra": 6}


@pytest.fixture(scope="module")
def model():
    shape = {"width": 16, "depth": 1, "heads": 2, "vocab": 12, "context": 12}
    return build(transformer(**shape), seed=3)


@pytest.mark.parametrize("beam", [Beam(width=1), Beam(width=3)])
def test_the_company_of_a_source_does_not_matter(model, beam):
    together = translate(model, SOURCES, beam=beam, **ENDS)
    for source, hypotheses in zip(SOURCES, together, strict=True):
        [alone] = translate(model, [source], beam=beam, **ENDS)
        assert [one.ids for one in alone] == [one.ids for one in hypotheses]
    assert [
        [h.ids for h in one] for one in translate(model, SOURCES, beam=beam, batch=2, **ENDS)
    ] == [[h.ids for h in one] for one in together]


def test_greedy_answers_are_the_likeliest_words_of_reading_at_once(model):
    for source, [best] in zip(SOURCES, translate(model, SOURCES, **ENDS), strict=True):
        read = torch.tensor([[1, *best.ids[:-1]]])
        likeliest = model(torch.tensor([source]), read).argmax(-1)[0].tolist()
        assert likeliest == list(best.ids)
        assert len(best.ids) <= min(len(source) + 6, 12)
        assert said(best) == (best.ids[:-1] if best.finished else best.ids)


def test_sources_that_are_empty_or_too_long_are_refused(model):
    with pytest.raises(DataError, match="source 2 has no tokens"):
        translate(model, [[3], []], **ENDS)
    with pytest.raises(ModelError, match="source 1 has 13 tokens, the model reads 12"):
        translate(model, [[3] * 13], **ENDS)


def test_a_translator_takes_and_gives_text():
    tokenizer = ByteTokenizer()
    shape = {"width": 16, "depth": 1, "heads": 2, "vocab": tokenizer.size, "context": 30}
    translator = Translator(
        model=build(transformer(**shape), seed=3), source=tokenizer, target=tokenizer
    )
    texts = translator.translate(["ab", "a longer text"], beam=Beam(width=2))
    assert len(texts) == 2
    assert all(isinstance(text, str) for text in texts)
