"""Pictures between words: where they stand, what sees them, and how they are predicted from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from practicum.data.patches import cut, joined
from practicum.data.segments import Signal, Written
from practicum.errors import ConfigError, DataError, ModelError
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.interleaved import Interleaved
from practicum.nn.senses import Projection, Tower
from practicum.objectives.interleaved import InterleavedText, last_word_right
from practicum.seeding import stream

DECODER = llama(width=16, depth=2, heads=4, kv_heads=1, hidden=20, vocab=30, context=40)
TOWER = Tower(features=4, places=9, stack=replace(DECODER.stack, width=8))
SENSES = {
    "matrix": Projection(features=4),
    "places": Projection(features=4, places=9),
    "tower": TOWER,
}
PIECES = np.random.default_rng(0).random((3, 9, 4), np.float32)
DOCUMENTS = (
    (Written(ids=(1, 2)), Signal(pieces=PIECES[0]), Written(ids=(3, 4, 5))),
    (
        Signal(pieces=PIECES[1, :4]),
        Written(ids=(6,)),
        Signal(pieces=PIECES[2, :6]),
        Written(ids=(7,)),
    ),
)


def described(sense) -> Interleaved:
    return Interleaved(decoder=DECODER, sense=sense, begin=27, place=28, finish=29)


@pytest.fixture(params=SENSES)
def model(request):
    made = build(described(SENSES[request.param]), seed=0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.3, generator=stream(0, str(tuple(parameter.shape))))
    return made


def test_segments_stand_in_their_order_and_only_words_are_predicted():
    batch = InterleavedText(network=described(SENSES["matrix"])).batch(DOCUMENTS)
    assert batch.ids[0].tolist() == [1, 2, 27, *[28] * 9, 29, 3, 4]
    none = IGNORED
    assert batch.targets[0].tolist() == [2, *[none] * 11, 3, 4, 5]
    assert batch.ids[1].tolist() == [27, *[28] * 4, 29, 6, 27, *[28] * 6, 29]
    assert batch.count == 6
    assert batch.real.sum(1).tolist() == [9, 4, 6]


def test_documents_do_not_matter_to_each_other(model):
    objective = InterleavedText(network=model.description)
    together = objective.loss(model, objective.batch(DOCUMENTS))
    alone = [objective.loss(model, objective.batch([document])) for document in DOCUMENTS]
    torch.testing.assert_close(together.total, alone[0].total + alone[1].total)


def test_what_comes_before_a_picture_does_not_see_it_and_what_follows_does(model):
    batch = InterleavedText(network=model.description).batch(DOCUMENTS[:1])
    plain = model(batch.ids, batch.signals, batch.real)
    other = model(batch.ids, 1 - batch.signals, batch.real)
    torch.testing.assert_close(plain[:, :3], other[:, :3])
    assert (plain[:, 13:] - other[:, 13:]).abs().amax(-1).min() > 1e-4


def test_reading_on_equals_reading_at_once(model):
    batch = InterleavedText(network=model.description).batch(DOCUMENTS[:1])
    state = model.new_state(1, 40)
    first = model(batch.ids[:, :12], batch.signals, batch.real, state)
    rest = model(batch.ids[:, 12:], state=state)
    whole = model(batch.ids, batch.signals, batch.real)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)


def test_without_signals_it_is_the_decoder(model):
    ids = torch.randint(27, (2, 8), generator=stream(0, "ids"))
    torch.testing.assert_close(model(ids), model.decoder(ids))


def test_the_last_word_is_looked_at(model):
    batch = InterleavedText(network=model.description).batch(DOCUMENTS)
    found = model(batch.ids, batch.signals, batch.real).argmax(-1)
    right = [int(found[0, 14] == 5), int(found[1, 14] == 7)]
    assert last_word_right(model, batch) == sum(right) / 2


def test_patches_are_squares_row_by_row():
    pictures = torch.arange(2 * 4 * 6).view(2, 4, 6).float()
    patches = cut(pictures, 2)
    assert patches.shape == (2, 6, 4)
    assert patches[0, 1].tolist() == [2, 3, 8, 9]
    assert torch.equal(joined(patches, 6), pictures)


def test_what_does_not_fit_is_refused(model):
    objective = InterleavedText(network=model.description)
    batch = objective.batch(DOCUMENTS)
    with pytest.raises(ModelError, match="pieces for"):
        model(batch.ids, batch.signals[:1], batch.real[:1])
    with pytest.raises(ModelError, match="none was given"):
        model(batch.ids)
    with pytest.raises(DataError, match="no word to predict"):
        objective.batch([(Signal(pieces=PIECES[0]),)])
    with pytest.raises(ModelError, match="10 pieces"):
        build(described(TOWER), seed=0).sense(torch.zeros(1, 10, 4))
    with pytest.raises(ConfigError, match="three different"):
        replace(model.description, begin=28)
    with pytest.raises(ConfigError, match="other wishes"):
        replace(model.description, decoder=gpt2(width=16, depth=1, heads=2, vocab=30, context=40))
