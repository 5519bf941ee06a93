"""Packed matrices are what they were packed from, as far as their bits go."""

import pytest
import torch

from practicum.errors import ModelError
from practicum.kernels.ggml_blocks import FORMATS, decode_blocks
from practicum.kernels.packed_matrix import GROUP, Grouped, Packed, plain
from practicum.kernels.quantise import rounded, to_nibbles, to_octets
from practicum.seeding import stream

SHAPES = [(16, 32), (40, 96), (5, 50), (33, 7)]
ERRORS = (0.0, 0.003, 0.01, 0.11)  # of normal weights, relative
WAYS = {
    "float32": lambda weight: plain(weight, torch.float32),
    "bfloat16": lambda weight: plain(weight, torch.bfloat16),
    "8 bits": to_octets,
    "4 bits": to_nibbles,
}


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, "w"))


def stored(form: str, outputs: int, groups: int) -> torch.Tensor:
    """A matrix decoded from random blocks, as ggml makes them: extremes are on the grid."""
    generator = stream(0, form)
    codes = torch.randint(0, 16, (outputs * groups, GROUP), generator=generator)
    codes[:, 3], codes[:, 20] = 0, 15
    d = (torch.rand(outputs * groups, generator=generator) * 0.05).half()
    d = torch.where(torch.rand(len(d), generator=generator) < 0.5, d, -d) if form == "Q4_0" else d
    head = [d]
    if form == "Q8_0":
        codes = torch.randint(-127, 128, codes.shape, generator=generator)
        codes[:, 5] = -127
        body = codes.to(torch.int8).view(torch.uint8)
    else:
        body = (codes[:, :16] | (codes[:, 16:] << 4)).byte()
    if form == "Q4_1":
        head.append((torch.rand(len(d), generator=generator) - 0.8).half())
    blocks = torch.cat([*(number.view(torch.uint8).view(-1, 2) for number in head), body], dim=1)
    return decode_blocks(blocks.flatten(), FORMATS[form]).view(outputs, groups * GROUP)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("way", "error"), list(zip(WAYS, ERRORS, strict=True)))
def test_what_was_packed_is_there(way: str, error: float, shape: tuple[int, int]):
    weight = normal(*shape)
    matrix: Packed = WAYS[way](weight)
    decoded = matrix.decoded()
    assert decoded.shape == shape == (matrix.outputs, matrix.inputs)
    assert (decoded - weight).norm() <= error * weight.norm()
    index = torch.tensor([[3, 0], [shape[0] - 1, 3]])
    assert torch.equal(matrix.rows(index), decoded[index])


def test_rounding_a_number_to_8_bits_is_off_by_half_a_step():
    weight = normal(24, 64)
    steps = weight.unflatten(1, (-1, GROUP)).abs().amax(-1, keepdim=True) / 127
    off = (to_octets(weight).decoded() - weight).unflatten(1, (-1, GROUP)).abs()
    assert (off <= 0.55 * steps).all()  # the step itself is rounded to half precision


@pytest.mark.parametrize(
    ("form", "pack"), [("Q8_0", to_octets), ("Q4_1", to_nibbles), ("Q4_0", to_nibbles)]
)
def test_what_ggml_stored_is_found_again(form: str, pack: type):
    weight = stored(form, 19, 3)
    assert torch.equal(pack(weight).decoded(), weight)


def test_four_bits_are_at_least_as_close_as_the_ends_of_a_group():
    weight = normal(64, 128)
    groups = weight.unflatten(1, (-1, GROUP))
    least, most = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = (most - least) / 15
    ends = (((groups - least) / scale).round() * scale + least).flatten(1)
    assert (to_nibbles(weight).decoded() - weight).norm() < (ends - weight).norm()


@pytest.mark.parametrize("pack", [to_octets, to_nibbles])
def test_equal_weights_and_zeros_stay_as_they_are(pack: type):
    weight = torch.full((16, 64), 0.5)
    weight[3] = 0.0
    torch.testing.assert_close(pack(weight).decoded(), weight, atol=2e-4, rtol=0.0)
    assert not pack(weight).decoded()[3].any()


def test_bytes_are_counted():
    weight = normal(64, 128)
    sizes = [WAYS[way](weight).nbytes for way in WAYS]
    numbers = weight.numel()
    assert sizes == [4 * numbers, 2 * numbers, numbers * 34 // 32, numbers * 20 // 32]


@pytest.mark.parametrize("pack", [to_octets, to_nibbles])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e9])
def test_what_is_no_weight_is_refused(pack: type, bad: float):
    weight = normal(16, 32)
    weight[1, 1] = bad
    with pytest.raises(ModelError, match="cannot be quantised"):
        pack(weight)


def test_inputs_are_rounded_in_steps_of_their_group():
    x = torch.tensor([[127.0, 0.4, -63.6, *[0.0] * 29, 1.27, 0.014]])
    expected = torch.tensor([[127.0, 0.0, -64.0, *[0.0] * 29, 1.27, 0.01]])
    torch.testing.assert_close(rounded(x), expected)
    assert not rounded(torch.zeros(2, 40)).any()


def test_a_matrix_can_be_moved():
    matrix = to_nibbles(normal(16, 32))
    there = matrix.moved(torch.device("meta"))
    assert isinstance(there, Grouped)
    assert (there.device.type, there.nbytes) == ("meta", matrix.nbytes)
