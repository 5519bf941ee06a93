"""What works obeys the laws; each kind of broken code breaks the law that is about it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from practicum.models.build import build
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.families.transformer import annotated, transformer
from practicum.nn.state import BothWays
from practicum.training.sequence_check import BRIEF, Lesson, laws, lessons

MODELS = {
    "transformer": transformer(width=16, depth=2, heads=2, vocab=11, context=12),
    "annotated": annotated(
        width=16, depth=1, heads=2, hidden=16, source_vocab=11, target_vocab=11, context=12
    ),
    "recurrent": rnnsearch(source_vocab=11, target_vocab=11, embedding=8, width=8, units=4),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_network_of_ours_obeys_the_laws(name):
    assert laws(build(MODELS[name], seed=1), 11).broken() == ()


class Broken(nn.Module):
    """A Transformer with one of the three mistakes."""

    def __init__(self, mistake: str) -> None:
        super().__init__()
        self.model: EncoderDecoderModel = build(MODELS["transformer"], seed=1)
        self.description, self.mistake = self.model.description, mistake

    def forward(self, source: Tensor, target: Tensor, real: Tensor | None = None) -> Tensor:
        real = None if self.mistake == "padding" else real
        sources = self.model.decoder.sources(self.model.read(source, real), real)
        past = BothWays() if self.mistake == "future" else None
        return self.model.logits(self.model.hidden(target, sources, past))

    def start(self, source, real, capacity):
        return self.model.start(source, real, capacity)

    def step(self, state, last):
        if self.mistake == "stepping":  # every word is read as the first
            state = self.model.decoder.new_state(len(last), 1, state.sources)
        return self.model.step(state, last)


@pytest.mark.parametrize("mistake", ["future", "stepping", "padding"])
def test_a_mistake_breaks_its_law(mistake):
    broken = laws(Broken(mistake), 11).broken()
    assert mistake in broken
    # what is read at once without a mask is not what is written word by word either
    assert set(broken) <= {mistake, "stepping"}


def test_a_score_that_is_no_number_breaks_a_law():
    model = build(MODELS["transformer"], seed=1)
    with torch.no_grad():
        model.source_embedding.weight[3:] = torch.nan
    assert laws(model, 11).broken() == ("future", "stepping", "padding")


def test_a_lesson_is_a_brief_training_and_an_examination():
    told = lessons(
        lambda vocab: build(replace(MODELS["transformer"], context=12), seed=1),
        ("reverse", "sort"),
        seed=0,
        budget=replace(BRIEF, steps=2),
    )
    assert [one.order for one in told] == ["reverse", "sort"]
    assert all(one.finding.endswith("not learned in this time") for one in told)


def test_a_low_loss_beside_wrong_answers_is_named():
    leaking = Lesson(order="copy", exact=0.0, loss=0.01)
    assert "reads what it is to say" in leaking.finding
    assert Lesson(order="copy", exact=0.97, loss=0.01).finding.endswith("learned")
