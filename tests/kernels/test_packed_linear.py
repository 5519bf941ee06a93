"""Products with packed matrices are products with what they decode to."""

import pytest
import torch

from practicum.kernels import native
from practicum.kernels.packed_linear import (
    Gated,
    Normed,
    packed_linear,
    packed_linear_reference,
)
from practicum.kernels.packed_matrix import Packed, plain
from practicum.kernels.quantise import rounded, to_nibbles, to_octets
from practicum.seeding import stream

LIBRARIES = {
    "plain": lambda: native.OFF,
    "native": lambda: native.built("native"),
    "avx2": lambda: native.built("avx2"),
}
STORED = {
    32: lambda weight: plain(weight, torch.float32),
    16: lambda weight: plain(weight, torch.bfloat16),
    8: to_octets,
    4: to_nibbles,
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest):
    with native.using(LIBRARIES[request.param]()):
        yield


def normal(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name))


def packed(bits: int, outputs: int, inputs: int) -> Packed:
    return STORED[bits](normal("w", outputs, inputs) / inputs**0.5)


@pytest.mark.parametrize("bits", STORED)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 8, 16, 21])
@pytest.mark.parametrize(("outputs", "inputs"), [(48, 64), (37, 50)])
def test_a_product_is_that_of_the_decoded_matrix(
    library: None, bits: int, rows: int, outputs: int, inputs: int
):
    matrix = packed(bits, outputs, inputs)
    x, bias, added = normal("x", rows, inputs), normal("b", outputs), normal("a", rows, outputs)
    read = rounded(x) if bits < 16 else x
    expected = read.double() @ matrix.decoded().double().T
    ours = packed_linear(x, matrix)
    torch.testing.assert_close(ours, expected.float(), rtol=1e-5, atol=1e-5)
    expected = expected + bias + added
    ours = packed_linear(x, matrix, bias, added=added)
    torch.testing.assert_close(ours, expected.float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bits", STORED)
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("inputs", [64, 50])
@pytest.mark.parametrize("before", ["norm", "gate"])
def test_what_stands_before_is_done_on_the_way(
    library: None, bits: int, rows: int, inputs: int, before: str
):
    matrix = packed(bits, 40, inputs)
    if before == "norm":
        x, does = normal("x", rows, inputs), Normed(weight=normal("n", inputs), eps=1e-5, plus=1.0)
    else:
        x, does = 3.0 * normal("x", rows, 2 * inputs), Gated()
    ours = packed_linear(x, matrix, before=does)
    expected = packed_linear_reference(x, matrix, before=does)
    # a sum in another order may turn a rounding: one step of one input
    step = does(x).abs().max() / 127 * matrix.decoded().abs().max() if bits < 16 else 0.0
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5 + float(step))


def test_rows_may_have_any_number_of_axes_and_any_stride(library: None):
    matrix = packed(8, 40, 64)
    x = normal("x", 64, 3, 2).permute(2, 1, 0)
    ours = packed_linear(x, matrix)
    assert ours.shape == (2, 3, 40)
    torch.testing.assert_close(ours[1], packed_linear(x[1].contiguous(), matrix))


def test_no_rows_give_no_rows(library: None):
    assert packed_linear(torch.empty(0, 64), packed(4, 40, 64)).shape == (0, 40)


def test_threads_divide_the_work_and_change_nothing(library: None):
    matrix, x = packed(4, 3000, 64), normal("x", 2, 64)
    alone = packed_linear(x, matrix)
    torch.set_num_threads(2)
    try:
        assert torch.equal(packed_linear(x, matrix), alone)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("extreme", [0.0, 1e-30, 1e30])
def test_inputs_of_any_size_are_read(library: None, extreme: float):
    matrix = packed(4, 40, 64)
    x = torch.full((1, 64), extreme)
    expected = packed_linear_reference(x, matrix)
    torch.testing.assert_close(packed_linear(x, matrix), expected, rtol=1e-4, atol=0.0)
