"""Weights rounded to a few bits, group by group of 32 (Dettmers et al. 2021, §2.1, block-wise).

8 bits:  d = max|w| / 127,  q = 128 + round(w / d).
4 bits:  q = round((w − m) / d) within 0…15, with the pair (d, m) of least square error among

- the ends of the group:  m = min w,  d = (max w − min w) / 15;
- the farthest weight at −8 and no minimum of its own:  d = −w₍max|w|₎ / 8,  m = −8 d;
- the ends drawn in by a tenth and a fifth, each followed by the pair that is best for the integers
  found, min over (d, m) of Σ (d q + m − w)².

d and m are rounded to float16 before q is found. What was stored by ggml as Q8_0, Q4_0 or Q4_1 and
decoded is found again without error: the first two pairs are how it chose them.

The C++ finds the same numbers, bit for bit, since both add up 32 numbers by halves.
"""

import ctypes

import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ModelError
from practicum.kernels import native
from practicum.kernels.packed_matrix import GROUP, TILE, Grouped, nibbles, octets

# So many groups at a time stay in the cache until the last operation has passed over them, and are
# too few for torch to split them over threads, whose meetings cost more than the work.
_RUN = 1 << 9
_DRAWN_IN = (0.1, 0.2)


def to_octets(weight: Float[Tensor, "outputs inputs"]) -> Grouped:
    """`weight` in 8 bits and a scale per 32, in C++ where it can be.

    Raises ModelError for what is no number, or too large.
    """
    compiled = native.library()
    return _found(compiled, weight, 8) if compiled else to_octets_reference(weight)


def to_nibbles(weight: Float[Tensor, "outputs inputs"]) -> Grouped:
    """`weight` in 4 bits, a scale and a minimum per 32. Otherwise as `to_octets`."""
    compiled = native.library()
    return _found(compiled, weight, 4) if compiled else to_nibbles_reference(weight)


def _found(compiled: ctypes.CDLL, weight: Float[Tensor, "outputs inputs"], bits: int) -> Grouped:
    weight = weight.detach().cpu().float().contiguous()
    outputs, inputs = weight.shape
    tiles, groups = -(-outputs // TILE), -(-inputs // GROUP)
    codes = torch.empty(tiles, groups, TILE * GROUP * bits // 8, dtype=torch.uint8)
    scales = torch.empty(tiles, groups, TILE, dtype=torch.float16)
    minima = torch.empty_like(scales) if bits == 4 else None
    places = (weight, codes, scales, minima)
    failed = compiled.quantise(
        *(None if place is None else place.data_ptr() for place in places),
        *(outputs, inputs, torch.get_num_threads()),
    )
    if failed:
        raise _no_numbers()
    return Grouped(outputs=outputs, inputs=inputs, codes=codes, scales=scales, minima=minima)


def to_octets_reference(weight: Float[Tensor, "outputs inputs"]) -> Grouped:
    """As the equation is written. Judges `to_octets`."""
    groups = _grouped(weight)
    codes = torch.empty(groups.shape, dtype=torch.uint8)
    scales = torch.empty(groups.shape[:2], dtype=torch.float16)
    flat = groups.flatten(0, 1)
    for run in _runs(len(flat)):
        part = flat[run].float()
        scale = (part.abs().amax(-1) / 127.0).half()
        finer = torch.where(scale > 0, 1.0 / scale.float(), 0.0)[:, None]
        scales.view(-1)[run] = scale
        codes.view(-1, GROUP)[run] = ((part * finer).round().clamp(-127, 127) + 128).byte()
    _check(scales)
    return octets(codes, scales, weight.shape[1])


def to_nibbles_reference(weight: Float[Tensor, "outputs inputs"]) -> Grouped:
    """As the equations are written. Judges `to_nibbles`."""
    groups = _grouped(weight)
    codes = torch.empty(groups.shape, dtype=torch.uint8)
    scales = torch.empty(groups.shape[:2], dtype=torch.float16)
    minima = torch.empty_like(scales)
    flat = groups.flatten(0, 1)
    for run in _runs(len(flat)):
        best = _best(flat[run].float())
        codes.view(-1, GROUP)[run], scales.view(-1)[run], minima.view(-1)[run] = best
    _check(scales)
    _check(minima)
    return nibbles(codes, scales, minima, weight.shape[1])


def _best(w: Float32[Tensor, "n 32"]) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (bytes), scales and minima (float16) of least error."""
    least, most = w.amin(-1, keepdim=True), w.amax(-1, keepdim=True)
    farthest = torch.where(most > -least, most, least)
    best = _tried(w, (most - least) / 15, least)
    best = _better(best, _tried(w, farthest / -8, farthest))
    for share in _DRAWN_IN:
        inside = share / 2 * (most - least)
        found = _tried(w, (most - least - 2 * inside) / 15, least + inside)
        best = _better(best, _tried(w, *_fitted(w, found[0])))
    codes, scale, least, _ = best
    return codes.byte(), scale[:, 0].half(), least[:, 0].half()


_Try = tuple[Tensor, Tensor, Tensor, Tensor]


def _tried(w: Tensor, scale: Tensor, least: Tensor) -> _Try:
    """Codes, scale and minimum as they will be stored, and the square error."""
    scale, least = scale.half().float(), least.half().float()
    finer = torch.where(scale != 0, 1.0 / scale, 0.0)
    codes = ((w - least) * finer).round_().clamp_(0, 15)
    error = _total((codes * scale + least).sub_(w).square_())
    return codes, scale, least, error


def _better(one: _Try, other: _Try) -> _Try:
    """Of each group the try with less error; the first where they are equal or the second fails."""
    wins = other[3] < one[3]
    codes, scale, least, error = (torch.where(wins, b, a) for a, b in zip(one, other, strict=True))
    return codes, scale, least, error


def _fitted(w: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and minimum of least error for these codes; the mean where all codes are alike."""
    mean, centre = _total(codes) / GROUP, _total(w) / GROUP
    apart = codes - mean
    scale = _total(apart * w) / _total(apart.square()).clamp(min=1e-9)
    return scale, centre - scale * mean


def _total(x: Float32[Tensor, "n 32"]) -> Float32[Tensor, "n 1"]:
    """Sums of rows, by halves: float32 sums are what their order makes them."""
    half = GROUP // 2
    while half:
        x = x[:, :half] + x[:, half:]
        half //= 2
    return x


def _grouped(weight: Tensor) -> Float[Tensor, "outputs groups 32"]:
    """Rows cut into groups, the last one filled up with the row's last weight: no new extreme."""
    weight = weight.detach().cpu()
    short = -weight.shape[1] % GROUP
    if short:
        weight = F.pad(weight[None], (0, short), mode="replicate")[0]
    return weight.unflatten(1, (-1, GROUP))


def _runs(count: int) -> list[slice]:
    return [slice(start, start + _RUN) for start in range(0, count, _RUN)]


def _check(numbers: Tensor) -> None:
    if not numbers.isfinite().all():
        raise _no_numbers()


def _no_numbers() -> ModelError:
    return ModelError(
        "a matrix cannot be quantised: it holds what is no number, or weights above 65504"
    )


def rounded(x: Float32[Tensor, "*b inputs"]) -> Float32[Tensor, "*b inputs"]:
    """x as a product with a quantised matrix reads it: each 32 numbers in steps of max|x| / 127."""
    inputs = x.shape[-1]
    groups = F.pad(x, (0, -inputs % GROUP)).unflatten(-1, (-1, GROUP))
    most = groups.abs().amax(-1, keepdim=True)
    finer = torch.where(most > 0, 127.0 / most, 0.0)
    steps = (groups * finer).round()
    return (steps * (most / 127.0)).flatten(-2)[..., :inputs]
