"""Mamba as a whole network: published sizes, how it starts, and how it reads on."""

import math

import pytest
import torch

from practicum.models.build import build, parameters_of
from practicum.models.counts import state_bytes
from practicum.models.decoder import DecoderModel
from practicum.models.families.mamba import SIZES, mamba
from practicum.nn.selective import Selective
from practicum.seeding import stream

TINY = mamba(width=24, depth=3, vocab=31, context=64, mixer=Selective(state=4, rank=3))


@pytest.fixture
def model() -> DecoderModel:
    return build(TINY, seed=1, dtype=torch.float64)


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(31, (2, 40), generator=stream(0, "ids"))


@pytest.mark.parametrize("name", SIZES)
def test_a_published_size_has_the_published_number_of_parameters(name: str):
    description, count = SIZES[name]
    assert parameters_of(description) == count


@torch.no_grad()
def test_it_starts_as_the_authors_start_it():
    description = mamba(width=64, depth=4, vocab=300)
    layer = build(description, seed=0).stack.blocks[0].mixer
    rates = layer.log_rates.exp()
    torch.testing.assert_close(rates, torch.arange(1.0, 17.0).expand(128, 16))
    steps = torch.nn.functional.softplus(layer.step_bias)
    assert 1e-3 <= steps.min() < 2e-3
    assert 5e-2 < steps.max() <= 0.1 * (1 + 1e-5)
    assert float(steps.log().mean()) == pytest.approx(math.log(0.01), abs=0.3)
    assert torch.equal(layer.skip, torch.ones(128))
    for weight, bound in (
        (layer.step.weight, 4**-0.5),
        (layer.convolution_weight, 4**-0.5),
        (layer.enter.weight, 64**-0.5),
        (layer.select.weight, 128**-0.5),
        (layer.out.weight, (128 * 4) ** -0.5),
    ):
        assert 0.95 * bound < weight.abs().max() <= bound


@torch.no_grad()
def test_the_control_that_does_not_select_starts_too():
    mixer = Selective(selective=False, gated=False)
    layer = build(mamba(width=16, depth=1, vocab=9, mixer=mixer), seed=0).stack.blocks[0].mixer
    assert torch.equal(layer.write, torch.ones(32, 16))
    assert float(layer.read.std()) == pytest.approx(1.0, abs=0.1)


def test_reading_on_from_what_was_kept_equals_reading_at_once(model, ids):
    state = model.new_state(2, 40)
    parts = [model(part, state) for part in ids.split([17, 1, 1, 20, 1], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(ids))


def test_packed_documents_do_not_see_each_other(model, ids):
    segments = (torch.arange(40) >= 13).int().expand(2, 40)
    packed = model(ids, segments=segments)
    torch.testing.assert_close(packed[:, 13:], model(ids[:, 13:]))


def test_what_is_kept_does_not_grow_with_the_text():
    bytes_of_state = 3 * 4 * 2 * (48 * 4 + 48 * 3)  # blocks, float32, rows, h and inputs
    assert state_bytes(TINY, 2, 64) == state_bytes(TINY, 2, 10**6) == bytes_of_state
