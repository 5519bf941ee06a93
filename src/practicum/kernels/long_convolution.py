"""Convolution of sequences with kernels as long as they are, by the fast Fourier transform.

    causal       y_t = Σ_{s ≤ t} k_{t−s} u_s
    two-sided    y_t = Σ_{s ≤ t} k_{t−s} u_s + Σ_{s > t} k'_{s−t−1} u_s

A product of transforms is a circular convolution, so both are padded with zeros to twice their
length: nothing comes round. Costs L log L instead of L². Half precision is computed in float32.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def long_convolution_reference(
    u: Float[Tensor, "b h t"],
    kernel: Float[Tensor, "h t"],
    backward: Float[Tensor, "h t"] | None = None,
) -> Float[Tensor, "b h t"]:
    """The sums as written, by the matrix of lags. Judges `long_convolution`."""
    place = torch.arange(u.shape[-1], device=u.device)
    lag = place[:, None] - place
    matrix = torch.where(lag >= 0, kernel[:, lag.clamp(min=0)], 0)
    if backward is not None:
        matrix = matrix + torch.where(lag < 0, backward[:, (-lag - 1).clamp(min=0)], 0)
    return torch.einsum("hts,bhs->bht", matrix, u)


def long_convolution(
    u: Float[Tensor, "b h t"],
    kernel: Float[Tensor, "h t"],
    backward: Float[Tensor, "h t"] | None = None,
) -> Float[Tensor, "b h t"]:
    """y of each row and channel; with `backward` (k') two-sided."""
    t = u.shape[-1]
    size = fast_length(2 * t)
    wide = torch.promote_types(u.dtype, torch.float32)
    kernel = F.pad(kernel, (0, size - t))
    if backward is not None:  # negative lags stand at the end of the circle
        kernel = kernel + F.pad(backward.flip(-1), (size - t, 0))
    spectrum = torch.fft.rfft(u.to(wide), n=size) * torch.fft.rfft(kernel.to(wide))
    return torch.fft.irfft(spectrum, n=size)[..., :t].to(u.dtype)


@lru_cache(maxsize=256)
def fast_length(least: int) -> int:
    """The smallest even number, at least `least`, with no prime factor above 5."""
    size = least + least % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2
