"""The cost as a landscape over the weights: along lines, and on planes.

    between two networks          θ(s) = θ_a + s (θ_b − θ_a)            (Goodfellow et al. 2015)
    around one network            θ(s, t) = θ + s d₁ + t d₂, random d    (Li et al. 2018, eq. 1)
    through three networks        u = θ_b − θ_a, v = θ_c − θ_a           (Garipov et al. 2018)
    where a path of training went the two principal directions of θ_i − θ_n  (Li et al. 2018, §7)

Random directions are filter-normalised (§4): each row of each matrix gets the length of the row of
θ at its place, since the size of a row means nothing by itself; biases and gains do not move.

What is measured is any function of the model, such as `held_out.held_out_loss(objective, examples)`
gives; so any network, objective and data will do. The model's weights are moved in place and come
back bit for bit.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from practicum.errors import TrainingError
from practicum.nn.modes import resting

Weights = tuple[Tensor, ...]  # in the order of model.parameters()
Measure = Callable[[nn.Module], float]


def weights_of(model: nn.Module) -> Weights:
    """A copy of all parameters: a point of the landscape."""
    return tuple(parameter.detach().clone() for parameter in model.parameters())


@dataclass(frozen=True, eq=False)
class Line:
    """θ(s) = origin + s · direction."""

    origin: Weights
    direction: Weights

    def at(self, s: float) -> Weights:
        return _moved(self.origin, (s, self.direction))


@dataclass(frozen=True, eq=False)
class Plane:
    """θ(s, t) = origin + s · right + t · up."""

    origin: Weights
    right: Weights
    up: Weights

    def at(self, s: float, t: float) -> Weights:
        return _moved(self.origin, (s, self.right), (t, self.up))

    def place(self, weights: Weights) -> tuple[float, float]:
        """The (s, t) of the point of the plane nearest to `weights`."""
        gap = _difference(weights, self.origin)
        axes = (self.right, self.up)
        gram = np.array([[_dot(a, b) for b in axes] for a in axes])
        s, t = np.linalg.solve(gram, np.array([_dot(gap, axis) for axis in axes]))
        return float(s), float(t)


class Path:
    """Remembers the weights while training: give it to `Watch.after_step`."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.points: list[Weights] = []

    def __call__(self, step: int, model: nn.Module) -> None:
        if step % self.every == 0:
            self.points.append(weights_of(model))


def between(start: Weights, end: Weights) -> Line:
    """The line on which s = 0 is `start` and s = 1 is `end`."""
    return Line(start, _difference(end, start))


def filter_normalised(weights: Weights, *, generator: torch.Generator) -> Weights:
    """A random direction, each row of each matrix as long as that row of `weights`.

    Of tensors of more axes a row is all that leads to one output; those of one axis get 0.
    """
    found = []
    for tensor in weights:
        if tensor.ndim < 2:
            found.append(torch.zeros_like(tensor))
            continue
        draw = torch.randn(tensor.shape, generator=generator).to(tensor)
        lengths = tensor.flatten(1).norm(dim=1) / draw.flatten(1).norm(dim=1)
        found.append((draw.flatten(1) * lengths[:, None]).reshape(tensor.shape))
    return tuple(found)


def through(a: Weights, b: Weights, c: Weights) -> Plane:
    """The plane of three networks, with `a` as origin and `right` towards `b`.

    `right` and `up` are orthogonal and of the length of b − a, so that the picture has its angles.
    Raises TrainingError where the three lie on one line.
    """
    right, slant = _difference(b, a), _difference(c, a)
    length = _dot(right, right)
    if length > 0:
        up = _moved(slant, (-_dot(slant, right) / length, right))
        height = _dot(up, up)
        if height > 1e-10 * _dot(slant, slant):
            return Plane(a, right, _scaled(up, (length / height) ** 0.5))
    raise TrainingError("the three networks lie on one line; give three that differ otherwise")


@dataclass(frozen=True, eq=False)
class Seen:
    """A path in its principal plane: `places` of its points, and the share of movement it shows."""

    plane: Plane
    places: list[tuple[float, float]]
    shares: tuple[float, float]


def principal(points: Sequence[Weights]) -> Seen:
    """The plane through the last point in which the path moves most; its axes have length 1.

    The matrix of the θ_i − θ_n may have far more columns than fit in memory twice, so the principal
    directions come from the products of its rows. Raises TrainingError where nothing moves.
    """
    gaps = [_difference(point, points[-1]) for point in points]
    products = np.array([[_dot(a, b) for b in gaps] for a in gaps])
    values, vectors = np.linalg.eigh(products)
    largest = np.maximum(values[::-1][:2], 0.0)
    if len(points) < 3 or largest[1] <= 1e-12 * largest[0]:
        raise TrainingError(
            f"a path of {len(points)} points has no plane; expected three or more, not on one line"
        )
    axes = []
    for size, vector in zip(largest, vectors.T[::-1], strict=False):
        share = vector / size**0.5
        axes.append(_combined(gaps, share.tolist()))
    plane = Plane(points[-1], *axes)
    shares = largest / values.clip(0).sum()
    return Seen(plane, [plane.place(p) for p in points], (float(shares[0]), float(shares[1])))


def along(
    model: nn.Module, measure: Measure, line: Line, places: Sequence[float]
) -> Float64[np.ndarray, " n"]:
    """What `measure` says at each place s of the line."""
    with _borrowed(model):
        return np.array([_measured(model, measure, line.at(s)) for s in places])


def over(
    model: nn.Module,
    measure: Measure,
    plane: Plane,
    rights: Sequence[float],
    ups: Sequence[float],
) -> Float64[np.ndarray, "ups rights"]:
    """What `measure` says on the grid of a plane, a row for each of `ups`."""
    with _borrowed(model):
        return np.array([[_measured(model, measure, plane.at(s, t)) for s in rights] for t in ups])


def barrier(values: Float64[np.ndarray, " n"]) -> float:
    """How far a line from one network to another climbs above the straight line of the two costs.

    `values` at even places from s = 0 to 1 (Frankle et al. 2020); 0 where it never does.
    """
    return float((values - np.linspace(values[0], values[-1], len(values))).max())


@contextmanager
def _borrowed(model: nn.Module) -> Iterator[None]:
    """Within the block the weights may be moved; afterwards they are as before, bit for bit."""
    before = weights_of(model)
    try:
        with resting(model), torch.no_grad():
            yield
    finally:
        _put(model, before)


def _measured(model: nn.Module, measure: Measure, weights: Weights) -> float:
    _put(model, weights)
    return float(measure(model))


def _put(model: nn.Module, weights: Weights) -> None:
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), weights, strict=True):
            parameter.copy_(value)


def _moved(origin: Weights, *steps: tuple[float, Weights]) -> Weights:
    found = [tensor.clone() for tensor in origin]
    for length, direction in steps:
        for tensor, way in zip(found, direction, strict=True):
            tensor.add_(way, alpha=length)
    return tuple(found)


def _combined(gaps: Sequence[Weights], shares: Sequence[float]) -> Weights:
    zero = tuple(torch.zeros_like(tensor) for tensor in gaps[0])
    return _moved(zero, *zip(shares, gaps, strict=True))


def _difference(a: Weights, b: Weights) -> Weights:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _scaled(weights: Weights, factor: float) -> Weights:
    return tuple(tensor * factor for tensor in weights)


def _dot(a: Weights, b: Weights) -> float:
    return sum(
        float(x.double().reshape(-1) @ y.double().reshape(-1)) for x, y in zip(a, b, strict=True)
    )
