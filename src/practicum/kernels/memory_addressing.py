"""How a neural Turing machine finds, reads and writes the rows of its memory (Graves et al. 2014).

    content   w^c(i) = softmax_i(β · cos(k, M(i)))                 (eq. 5, 6)
    gate      w^g = g w^c + (1 − g) w_before                       (eq. 7)
    shift     w̃(i) = Σ_j w^g(j) s(i − j), indices modulo the rows   (eq. 8)
    sharpen   w(i) = w̃(i)^γ / Σ_j w̃(j)^γ                           (eq. 9)
    read      r = Σ_i w(i) M(i)                                    (eq. 2)
    write     M(i) ← M(i) (1 − w(i) e) + w(i) a                    (eq. 3, 4)

Each function is its equation, for one head; a machine of several heads calls them for each. Here
`s` are the rows of the memory, `d` their width, `j` the shifts from −reach to reach. What the
controller says comes as any real numbers and is brought into its range by `controls`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ConfigError

SMALLEST_LENGTH = 1e-6  # vectors shorter than this are near 0, and point nowhere
ABOVE_ZERO = 1e-12  # added before the logarithm of a weight


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What one head asks for, each in its range."""

    key: Float[Tensor, "b d"]
    strength: Float[Tensor, " b"]  # β > 0
    gate: Float[Tensor, " b"]  # g in (0, 1): 1 looks at the content alone
    shifts: Float[Tensor, "b j"]  # sum to 1; the middle one stays where it is
    sharpness: Float[Tensor, " b"]  # γ ≥ 1


def control_size(width: int, reach: int) -> int:
    """How many numbers a controller gives to address rows of `width` with shifts up to `reach`."""
    return width + 3 + 2 * reach + 1


def controls(raw: Float[Tensor, "b c"], width: int, reach: int) -> Controls:
    """β = softplus, g = σ, s = softmax, γ = 1 + softplus of consecutive parts of `raw`.

    Raises ConfigError when `raw` has not `control_size(width, reach)` numbers.
    """
    if raw.shape[1] != control_size(width, reach):
        raise ConfigError(
            f"a head got {raw.shape[1]} numbers; rows of {width} and shifts up to {reach} "
            f"take {control_size(width, reach)}"
        )
    key, strength, gate, shifts, sharpness = raw.split([width, 1, 1, 2 * reach + 1, 1], dim=1)
    return Controls(
        key=key,
        strength=F.softplus(strength[:, 0]),
        gate=torch.sigmoid(gate[:, 0]),
        shifts=shifts.softmax(-1),
        sharpness=1.0 + F.softplus(sharpness[:, 0]),
    )


def unit(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """x / |x|, so that the dot product of two is their cosine; a vector of zeros stays one."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH)


def by_content(
    key: Float[Tensor, "b d"], strength: Float[Tensor, " b"], memory: Float[Tensor, "b s d"]
) -> Float[Tensor, "b s"]:
    """w^c: the rows that point where the key points."""
    cosines = torch.einsum("bd,bsd->bs", unit(key), unit(memory))
    return (strength[:, None] * cosines).softmax(-1)


def interpolate(
    content: Float[Tensor, "b s"], before: Float[Tensor, "b s"], gate: Float[Tensor, " b"]
) -> Float[Tensor, "b s"]:
    """w^g: from where the head stood, towards what the content says."""
    return gate[:, None] * content + (1.0 - gate[:, None]) * before


def shift(weights: Float[Tensor, "b s"], shifts: Float[Tensor, "b j"]) -> Float[Tensor, "b s"]:
    """w̃: moved around the circle; shifts[:, reach + j] is the share that moves j rows onward."""
    reach = shifts.shape[1] // 2
    moved = [weights.roll(j, dims=1) for j in range(-reach, reach + 1)]
    return torch.einsum("jbs,bj->bs", torch.stack(moved), shifts)


def sharpen(weights: Float[Tensor, "b s"], sharpness: Float[Tensor, " b"]) -> Float[Tensor, "b s"]:
    """w: what a shift has blurred is made narrow again; γ = 1 changes nothing.

    As softmax(γ log w̃), since powers of small weights would all round to 0, and 0/0 is no weight.
    """
    return (sharpness[:, None] * (weights + ABOVE_ZERO).log()).softmax(-1)


def address(
    asked: Controls, memory: Float[Tensor, "b s d"], before: Float[Tensor, "b s"]
) -> Float[Tensor, "b s"]:
    """The weights of a head that had the weights `before`: content, gate, shift, sharpen."""
    content = by_content(asked.key, asked.strength, memory)
    gated = interpolate(content, before, asked.gate)
    return sharpen(shift(gated, asked.shifts), asked.sharpness)


def read_rows(
    weights: Float[Tensor, "b s"], memory: Float[Tensor, "b s d"]
) -> Float[Tensor, "b d"]:
    """r: the rows mixed by the weights."""
    return torch.einsum("bs,bsd->bd", weights, memory)


def write_rows(
    weights: Float[Tensor, "b s"],
    memory: Float[Tensor, "b s d"],
    erase: Float[Tensor, "b d"],
    add: Float[Tensor, "b d"],
) -> Float[Tensor, "b s d"]:
    """The memory afterwards: each row loses the share `erase` in [0, 1], then gains `add`."""
    share = weights[..., None]
    return memory * (1.0 - share * erase[:, None]) + share * add[:, None]
