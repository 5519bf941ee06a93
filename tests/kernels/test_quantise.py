"""The compiled search finds what the equations find, bit for bit."""

from collections.abc import Callable

import pytest
import torch

from practicum.errors import ModelError
from practicum.kernels import native
from practicum.kernels.packed_matrix import Grouped
from practicum.kernels.quantise import (
    to_nibbles,
    to_nibbles_reference,
    to_octets,
    to_octets_reference,
)
from practicum.seeding import stream

TWINS = {4: (to_nibbles, to_nibbles_reference), 8: (to_octets, to_octets_reference)}


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, "w"))


MATRICES: dict[str, Callable[[], torch.Tensor]] = {
    "normal": lambda: normal(300, 256),
    "odd": lambda: normal(37, 50),
    "narrow": lambda: normal(3, 7),
    "one number": lambda: normal(1, 1),
    "heavy tails": lambda: normal(64, 96) ** 5,
    "scales that half precision hardly holds": lambda: 1e-6 * normal(32, 64),
    "scales that it does not hold": lambda: 1e-9 * normal(32, 64),
    "near its largest": lambda: 16000 * normal(32, 64).clamp(-4, 4),
    "one sign": lambda: -normal(32, 64).abs(),
    "mostly zeros": lambda: normal(32, 64).relu() * (normal(32, 64).abs() > 1),
    "zeros": lambda: torch.zeros(16, 64),
    "equal": lambda: torch.full((16, 64), 0.3),
    "whole numbers": lambda: torch.round(7 * normal(64, 96)),  # with ties in every rounding
    "bfloat16": lambda: normal(48, 64).bfloat16(),
    "turned": lambda: normal(64, 48).T,
}


def bits_of(matrix: Grouped) -> list[torch.Tensor]:
    """Whatever is looked at, as integers."""
    minima = matrix.scales if matrix.minima is None else matrix.minima
    by_row = [part.transpose(1, 2).flatten(0, 1) for part in (matrix.scales, minima)]
    found = [part[: matrix.outputs].contiguous().view(torch.int16) for part in by_row]
    return [matrix.decoded().view(torch.int32), *found]


@pytest.fixture(params=["native", "avx2"])
def library(request: pytest.FixtureRequest):
    built = native.built(request.param)
    if built.library is None:
        pytest.skip(built.reason)
    with native.using(built):
        yield


@pytest.mark.parametrize("bits", TWINS)
@pytest.mark.parametrize("name", MATRICES)
def test_the_compiled_search_is_the_plain_one(library: None, name: str, bits: int):
    ours, reference = (pack(MATRICES[name]()) for pack in TWINS[bits])
    assert size(ours) == size(reference)
    for one, other in zip(bits_of(ours), bits_of(reference), strict=True):
        assert torch.equal(one, other)


def size(matrix: Grouped) -> tuple[int, int, int]:
    return matrix.outputs, matrix.inputs, matrix.bits


@pytest.mark.parametrize("bits", TWINS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e9])
@pytest.mark.parametrize("place", [0, 17, 31])
def test_what_is_no_weight_is_refused_wherever_it_stands(
    library: None, bits: int, bad: float, place: int
):
    for pack in TWINS[bits]:
        weight = normal(40, 64)
        weight[23, place] = bad
        with pytest.raises(ModelError, match="cannot be quantised"):
            pack(weight)


def test_threads_change_nothing(library: None):
    weight = normal(1 << 15, 65)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(bits_of(to_nibbles(weight)))
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *found))
