"""Signals told from the last state of a linear system."""

import pytest
import torch

from practicum.data.signals import band_limited
from practicum.evaluation.recollection import last_traces, recollection_error
from practicum.kernels.hippo import legs, legs_modes
from practicum.kernels.low_rank_system import LowRankSystem
from practicum.kernels.state_space import discretise, states

LENGTH, STATE = 50, 12
STEPS = torch.tensor([0.02, 0.2], dtype=torch.float64)


def hippo() -> LowRankSystem:
    modes = legs_modes(STATE)
    parts = (part.expand(len(STEPS), -1) for part in (modes.poles, modes.low_rank, modes.input))
    return LowRankSystem(*parts, STEPS)


def known(count: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(band_limited(count, LENGTH, cycles=3, seed=seed))


def test_what_is_left_of_every_input_makes_up_the_last_state():
    traces, signals = last_traces(hippo(), LENGTH), known(4, seed=0)
    basis = legs_modes(STATE).basis
    for step, trace in zip(STEPS, traces, strict=True):
        dense = states(*discretise(*legs(STATE), step, "bilinear"), signals)[:, -1]
        real, imaginary = (signals @ trace).chunk(2, dim=-1)
        found = 2 * (torch.complex(real, imaginary) @ basis.T).real
        torch.testing.assert_close(found, dense)


def test_a_signal_with_fewer_freedoms_than_the_state_has_numbers_is_told():
    trace = last_traces(hippo(), LENGTH)[0]
    error, told = recollection_error(trace, known(100, seed=0), known(10, seed=1), ridge=1e-12)
    assert error < 0.01
    torch.testing.assert_close(told, known(10, seed=1), rtol=0, atol=0.05)


def test_what_the_state_does_not_hold_is_not_told():
    nothing = torch.zeros(LENGTH, STATE, dtype=torch.float64)
    error, _ = recollection_error(nothing, known(100, seed=0), known(10, seed=1), ridge=1e-4)
    assert error == pytest.approx(1)
    trace = last_traces(hippo(), LENGTH)[0]
    blurred, _ = recollection_error(trace, known(100, seed=0), known(10, seed=1), ridge=10.0)
    assert 0.3 < blurred < 1
