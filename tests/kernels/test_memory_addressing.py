"""The neural Turing machine's memory against its equations as loops, and against scipy."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.errors import ConfigError
from practicum.kernels.memory_addressing import (
    Controls,
    address,
    by_content,
    control_size,
    controls,
    interpolate,
    read_rows,
    sharpen,
    shift,
    unit,
    write_rows,
)
from practicum.seeding import stream

ROWS, SLOTS, WIDTH = 2, 7, 5
CENTRED = Check(by="centred")


def draw(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


@pytest.fixture
def memory() -> torch.Tensor:
    return draw("memory", ROWS, SLOTS, WIDTH)


@pytest.fixture
def weights() -> torch.Tensor:
    return draw("weights", ROWS, SLOTS).softmax(-1)


@pytest.fixture
def asked() -> Controls:
    return controls(draw("raw", ROWS, control_size(WIDTH, 1)), WIDTH, 1)


def test_every_control_lies_in_its_range():
    asked = controls(20 * draw("raw", 50, control_size(WIDTH, 2)), WIDTH, 2)
    assert asked.key.shape == (50, WIDTH)
    assert (asked.strength > 0).all()
    assert ((asked.gate >= 0) & (asked.gate <= 1)).all()
    torch.testing.assert_close(asked.shifts.sum(-1), torch.ones(50, dtype=torch.float64))
    assert asked.shifts.shape == (50, 5)
    assert (asked.sharpness >= 1).all()


def test_a_wrong_number_of_controls_is_said_in_one_line():
    with pytest.raises(
        ConfigError, match="a head got 4 numbers; rows of 5 and shifts up to 1 take 11"
    ):
        controls(torch.zeros(1, 4), WIDTH, 1)


def test_content_is_the_softmax_of_cosines(memory):
    key, strength = draw("key", ROWS, WIDTH), torch.tensor([0.5, 30.0], dtype=torch.float64)
    found = by_content(key, strength, memory)
    for b in range(ROWS):
        powers = []
        for row in memory[b]:
            cosine = (key[b] @ row) / (key[b].norm() * row.norm())
            powers.append(math.exp(strength[b] * cosine))
        expected = torch.tensor(powers, dtype=torch.float64) / sum(powers)
        torch.testing.assert_close(found[b], expected)


def test_a_strong_key_finds_its_row(memory):
    found = by_content(memory[:, 3], torch.full((ROWS,), 200.0).double(), memory)
    assert (found[:, 3] > 0.999).all()


def test_a_row_of_zeros_points_nowhere():
    x = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(unit(x).sum(), x)
    assert torch.equal(unit(x), x)
    assert gradient.isfinite().all()


def test_the_gate_chooses_between_content_and_the_place_before(weights):
    before = weights.flip(1)
    gate = torch.tensor([0.0, 1.0], dtype=torch.float64)
    gated = interpolate(weights, before, gate)
    assert torch.equal(gated[0], before[0])
    assert torch.equal(gated[1], weights[1])


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_a_shift_is_a_circular_convolution(weights, reach):
    shifts = draw("shifts", ROWS, 2 * reach + 1).softmax(-1)
    found = shift(weights, shifts)
    for b in range(ROWS):
        theirs = convolve1d(weights[b].numpy(), shifts[b].numpy(), mode="wrap")
        np.testing.assert_allclose(found[b].numpy(), theirs, atol=1e-12)
        for i in range(SLOTS):
            expected = sum(
                weights[b, (i - j) % SLOTS] * shifts[b, reach + j] for j in range(-reach, reach + 1)
            )
            torch.testing.assert_close(found[b, i], expected)


def test_the_last_shift_moves_onward_and_around():
    at_the_end = torch.tensor([[0.0, 0.0, 1.0]])
    assert shift(at_the_end, torch.tensor([[0.0, 0.0, 1.0]])).tolist() == [[1.0, 0.0, 0.0]]
    assert shift(at_the_end, torch.tensor([[1.0, 0.0, 0.0]])).tolist() == [[0.0, 1.0, 0.0]]


def test_turning_the_memory_turns_what_is_addressed(asked, memory, weights):
    turned = address(asked, memory.roll(2, 1), weights.roll(2, 1))
    torch.testing.assert_close(turned, address(asked, memory, weights).roll(2, 1))


def test_sharpening_is_its_equation_and_one_changes_nothing(weights):
    found = sharpen(weights, torch.tensor([1.0, 3.5], dtype=torch.float64))
    torch.testing.assert_close(found[0], weights[0])
    powers = [w**3.5 for w in weights[1].tolist()]
    torch.testing.assert_close(found[1], torch.tensor(powers, dtype=torch.float64) / sum(powers))


def test_sharpening_exact_zeros_has_a_finite_gradient():
    weights = torch.tensor([[0.0, 1.0, 0.0]], requires_grad=True)
    sharpness = torch.tensor([1.0], requires_grad=True)
    first = sharpen(weights, sharpness)[0, 0]
    for gradient in torch.autograd.grad(first, (weights, sharpness)):
        assert gradient.isfinite().all()


def test_many_flat_weights_can_be_sharpened_much():
    flat = torch.full((1, 1000), 1e-3)
    torch.testing.assert_close(sharpen(flat, torch.tensor([50.0])), flat)


def test_a_head_weighs_with_numbers_that_sum_to_one(asked, memory, weights):
    found = address(asked, memory, weights)
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(ROWS, dtype=torch.float64))


def test_reading_and_writing_are_their_equations(memory, weights):
    erase, add = draw("erase", ROWS, WIDTH).sigmoid(), draw("add", ROWS, WIDTH)
    written = write_rows(weights, memory, erase, add)
    for b in range(ROWS):
        expected = sum(weights[b, i] * memory[b, i] for i in range(SLOTS))
        torch.testing.assert_close(read_rows(weights, memory)[b], expected)
        for i in range(SLOTS):
            w = weights[b, i]
            row = memory[b, i] * (1 - w * erase[b]) + w * add[b]
            torch.testing.assert_close(written[b, i], row)


def test_what_was_written_at_one_place_is_read_there_and_nowhere_else(memory):
    at = torch.zeros(ROWS, SLOTS, dtype=torch.float64)
    at[:, 2] = 1
    add = draw("add", ROWS, WIDTH)
    written = write_rows(at, memory, torch.ones_like(add), add)
    assert torch.equal(read_rows(at, written), add)
    assert torch.equal(written[:, 3:], memory[:, 3:])


def test_gradients_of_a_whole_cycle(memory, weights):
    def cycle(raw, memory, before, erase, add):
        where = address(controls(raw, WIDTH, 1), memory, before)
        return read_rows(where, write_rows(where, memory, erase.sigmoid(), add))

    raw = draw("raw", ROWS, control_size(WIDTH, 1))
    both = draw("erase", ROWS, WIDTH), draw("add", ROWS, WIDTH)
    assert_gradients(cycle, (raw, memory, weights, *both), CENTRED)
