"""Frames of log-mel energies."""

import math

import pytest
import torch

from practicum.errors import ConfigError
from practicum.kernels.log_mel import hertz, log_mel, mel, triangles
from practicum.seeding import stream

RATE = 8_000


def tone(frequency: float, seconds: float = 0.2) -> torch.Tensor:
    time = torch.arange(int(RATE * seconds), dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * frequency * time)[None]


def test_a_thousand_hertz_are_a_thousand_mel():
    assert mel(torch.tensor([1000.0])).item() == pytest.approx(1000.0, abs=0.1)
    pitches = torch.linspace(0, 3000, 7, dtype=torch.float64)
    torch.testing.assert_close(mel(hertz(pitches)), pitches)


def test_a_frame_is_the_sum_under_triangles_of_its_spectrum():
    wave = torch.randn(1, 40, dtype=torch.float64, generator=stream(0, "wave"))
    made = log_mel(wave, rate=RATE, length=32, hop=8, bands=4)
    assert made.shape == (1, 2, 4)
    window = torch.hann_window(32, dtype=torch.float64)
    for frame in range(2):
        piece = wave[0, frame * 8 : frame * 8 + 32] * window
        energies = []
        for k in range(17):
            angles = 2 * math.pi * k * torch.arange(32, dtype=torch.float64) / 32
            energies.append((piece @ angles.cos()) ** 2 + (piece @ angles.sin()) ** 2)
        wanted = (triangles(4, 32, RATE).double() @ torch.stack(energies)).log()
        torch.testing.assert_close(made[0, frame], wanted)


@pytest.mark.parametrize("band", [2, 6, 11])
def test_a_tone_is_loudest_in_its_own_band(band):
    frequency = int(triangles(12, 200, RATE)[band].argmax()) * RATE / 200
    made = log_mel(tone(frequency), rate=RATE, length=200, hop=80, bands=12)
    assert made.argmax(-1).unique().tolist() == [band]


def test_neighbouring_triangles_sum_to_one_between_their_tops():
    shares = triangles(6, 400, RATE)
    top = shares.argmax(1)
    between = shares[:, top[0] : top[-1]].sum(0)
    torch.testing.assert_close(between, torch.ones_like(between), atol=0.05, rtol=0)


def test_silence_has_a_logarithm_and_too_short_a_wave_is_refused():
    assert log_mel(torch.zeros(1, 200), rate=RATE, length=200, hop=80, bands=12).isfinite().all()
    with pytest.raises(ConfigError, match="no frame"):
        log_mel(torch.zeros(1, 100), rate=RATE, length=200, hop=80, bands=12)
    with pytest.raises(ConfigError, match="too many"):
        triangles(80, 64, RATE)
