"""Sound as frames of log-mel energies, which a network reads like the patches of a picture.

A frame is cut out of the wave by a Hann window, its power spectrum is summed under triangles that
are evenly spaced on the mel scale, m(f) = 2595 log₁₀(1 + f / 700) (O'Shaughnessy 1987), and the
logarithm is taken. Usual for speech are 16,000 samples a second and frames of 25 ms every 10 ms.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError

FLOOR = 1e-10  # the least energy, so that silence has a logarithm


def mel(hertz: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The pitch in mel of frequencies in Hz."""
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def hertz(mels: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """`mel` undone."""
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def triangles(bands: int, length: int, rate: int) -> Float[Tensor, "m n"]:
    """What each of the `bands` gives to the n = length/2 + 1 frequencies of a frame, from 0 to 1.

    Triangle i rises from corner i to corner i + 1 and falls to corner i + 2; the corners are even
    in mel from 0 Hz to rate/2.

    Raises ConfigError where a triangle would hold no frequency at all.
    """
    top = mel(torch.tensor([rate / 2.0], dtype=torch.float64))
    corners = hertz(torch.linspace(0.0, 1.0, bands + 2, dtype=torch.float64) * top)
    frequencies = torch.arange(length // 2 + 1, dtype=torch.float64) * rate / length
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (
        (frequencies - left) / (middle - left),
        (right - frequencies) / (right - middle),
    )
    shares = torch.minimum(rising, falling).clamp(min=0.0)
    if not bool((shares.amax(1) > 0).all()):
        raise ConfigError(
            f"{bands} mel bands are too many for frames of {length} samples at {rate} Hz; "
            "take fewer, or longer frames"
        )
    return shares.float()


def log_mel(
    wave: Float[Tensor, "b s"], *, rate: int = 16_000, length: int = 400, hop: int = 160, bands: int
) -> Float[Tensor, "b n m"]:
    """The natural logarithm of the energies of n = 1 + (s − length)/hop frames in `bands` bands.

    `length` and `hop` are in samples. Raises ConfigError for a wave shorter than one frame.
    """
    if wave.shape[1] < length:
        raise ConfigError(f"a wave of {wave.shape[1]} samples holds no frame of {length}")
    window = torch.hann_window(length, device=wave.device, dtype=wave.dtype)
    spectrum = torch.fft.rfft(wave.unfold(1, length, hop) * window)
    energies = spectrum.abs().square() @ triangles(bands, length, rate).to(wave).T
    return energies.clamp(min=FLOOR).log()
