"""How loss falls with size and data, fitted to measured runs, and what is cheapest by that fit.

L(N, D) = E + A/N^α + B/D^β  of N parameters read D tokens (Hoffmann et al. 2022, §3.3). Fitted are
log A, log B, log E, α and β, by Huber's loss of log L, from several starts.

Training costs 6·N·D and serving S tokens 2·N·S operations. Along the curve of one loss the log of
their sum is convex in log N, so the cheapest size is found by halving.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from practicum.errors import DataError, TrainingError

HUBER = 1e-3  # beyond this residual of log L a run counts linearly, as in the paper
STEPS = 200
TRAIN, SERVE = 6.0, 2.0  # operations per parameter and token


@dataclass(frozen=True, kw_only=True)
class ScalingLaw:
    """`floor` E, `size` A and `size_power` α, `data` B and `data_power` β."""

    floor: float
    size: float
    size_power: float
    data: float
    data_power: float

    def loss(self, parameters: float, tokens: float) -> float:
        return (
            self.floor
            + self.size / parameters**self.size_power
            + self.data / tokens**self.data_power
        )


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A size, how many tokens it reads, and what that costs."""

    parameters: float
    tokens: float
    loss: float
    training_flops: float
    serving_flops: float

    @property
    def total_flops(self) -> float:
        return self.training_flops + self.serving_flops


def fit_law(runs: Float[ndarray, "runs 3"], near: ScalingLaw | None = None) -> ScalingLaw:
    """The law of the rows (parameters, tokens, loss); from one start where it is `near` another.

    Raises DataError: fewer than five runs, sizes or lengths that do not differ, or values that are
    not positive numbers.
    """
    _check(runs)
    size, data, loss = np.log(runs).T
    fits = [_descend(start, (size, data, loss)) for start in _starts(size, data, loss, near)]
    best = min(fits, key=lambda fit: fit[1])[0]
    return ScalingLaw(
        size=math.exp(best[0]),
        data=math.exp(best[1]),
        floor=math.exp(best[2]),
        size_power=float(best[3]),
        data_power=float(best[4]),
    )


def compute_optimal(law: ScalingLaw, budget: float) -> TrainingPlan:
    """The lowest loss that `budget` operations of training reach (eq. 4 of the paper)."""
    a, b = law.size_power, law.data_power
    ratio = (a * law.size / (b * law.data)) ** (1 / (a + b))
    parameters = ratio * (budget / TRAIN) ** (b / (a + b))
    return _plan(law, parameters, budget / TRAIN / parameters, 0.0)


def cheapest(
    law: ScalingLaw, target: float, served: float, budget: float = math.inf
) -> TrainingPlan:
    """What reaches `target` and then serves `served` tokens at the least cost altogether.

    Raises TrainingError: no size reaches the target, or none within a training `budget`.
    """
    if not target > law.floor:
        raise TrainingError(
            f"loss {target:g} is out of reach: the fit's floor is {law.floor:.4g}; aim higher"
        )
    smallest = math.log(law.size / (target - law.floor)) / law.size_power

    def at(size: float) -> TrainingPlan:
        left = max(target - law.floor - law.size / math.exp(size * law.size_power), 1e-300)
        return _plan(law, math.exp(size), (law.data / left) ** (1 / law.data_power), served)

    low, high = smallest + 1e-9, smallest + 60
    cheap = _lowest(lambda size: math.log(at(size).training_flops), low, high)
    if at(cheap).training_flops > budget * (1 + 1e-9):
        raise TrainingError(
            f"loss {target:g} costs {at(cheap).training_flops:.3g} operations of training at "
            f"least, the budget is {budget:.3g}, which reaches "
            f"{compute_optimal(law, budget).loss:.4g}"
        )
    best = _lowest(lambda size: math.log(at(size).total_flops), low, high)
    if at(best).training_flops > budget:  # serving asks for smaller sizes, the budget for larger
        for _ in range(100):
            middle = (best + cheap) / 2
            best, cheap = (middle, cheap) if at(middle).training_flops > budget else (best, middle)
        best = cheap
    return at(best)


def within(law: ScalingLaw, budget: float, served: float) -> TrainingPlan:
    """The lowest loss whose training and serving `served` tokens cost `budget` operations together.

    What is left for training is a convex function of log N, as is the loss of spending it all.
    """
    if served == 0.0:
        return compute_optimal(law, budget)
    largest = math.log(budget / (SERVE * served))  # which would leave nothing to train with

    def at(size: float) -> TrainingPlan:
        left = max(budget / math.exp(size) - SERVE * served, 1e-300) / TRAIN
        return _plan(law, math.exp(size), left, served)

    return at(_lowest(lambda size: at(size).loss, largest - 60, largest))


def _plan(law: ScalingLaw, parameters: float, tokens: float, served: float) -> TrainingPlan:
    return TrainingPlan(
        parameters=parameters,
        tokens=tokens,
        loss=law.loss(parameters, tokens),
        training_flops=TRAIN * parameters * tokens,
        serving_flops=SERVE * parameters * served,
    )


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where the convex `cost` is lowest between `low` and `high`."""
    for _ in range(200):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return (low + high) / 2


def _starts(
    size: ndarray, data: ndarray, loss: ndarray, near: ScalingLaw | None
) -> list[Float[ndarray, "5"]]:
    if near is not None:
        logs = np.log([near.size, near.data, max(near.floor, 1e-300)])
        return [np.array([*logs, near.size_power, near.data_power])]
    floor = math.log(0.8) + float(loss.min())
    tried = product((0.2, 0.5, 1.0), (0.2, 0.5, 1.0), (0.0, -0.5))
    return [
        np.array([a * size.mean() - 0.5, b * data.mean() - 0.5, floor + lower, a, b])
        for a, b, lower in tried
    ]


def _descend(
    start: Float[ndarray, "5"], logs: tuple[ndarray, ndarray, ndarray]
) -> tuple[Float[ndarray, "5"], float]:
    """Levenberg and Marquardt's steps; far runs weigh less, so that it is Huber's loss."""
    point, damping = start, 1e-2
    residual, slopes = _residual(point, logs)
    for _ in range(STEPS):
        weight = HUBER / np.maximum(np.abs(residual), HUBER)
        matrix = slopes.T @ (weight[:, None] * slopes)
        scaled = matrix + damping * np.diag(np.diag(matrix) + 1e-12)
        moved = point - np.linalg.lstsq(scaled, slopes.T @ (weight * residual), rcond=None)[0]
        ahead, ahead_slopes = _residual(moved, logs)
        if moved[3:].min() > 0 and _huber(ahead) < _huber(residual):
            done = _huber(residual) - _huber(ahead) < 1e-12 * _huber(residual)
            point, residual, slopes, damping = moved, ahead, ahead_slopes, damping / 3
            if done:
                break
        else:
            damping *= 4
            if damping > 1e12:
                break
    return point, _huber(residual)


def _residual(
    point: Float[ndarray, "5"], logs: tuple[ndarray, ndarray, ndarray]
) -> tuple[Float[ndarray, " runs"], Float[ndarray, "runs 5"]]:
    """Predicted less measured log L, and its slopes."""
    size, data, loss = logs
    terms = np.stack(
        [point[0] - point[3] * size, point[1] - point[4] * data, np.full_like(size, point[2])], 1
    )
    total = np.logaddexp.reduce(terms, axis=1)
    shares = np.exp(terms - total[:, None])
    powers = np.stack([-size * shares[:, 0], -data * shares[:, 1]], 1)
    return total - loss, np.concatenate([shares, powers], axis=1)


def _huber(residual: Float[ndarray, " runs"]) -> float:
    distance = np.abs(residual)
    inside = np.minimum(distance, HUBER)
    return float((inside * (distance - inside / 2)).sum())


def _check(runs: Float[ndarray, "runs 3"]) -> None:
    if not np.isfinite(runs).all() or runs.min(initial=1.0) <= 0:
        raise DataError("parameters, tokens and losses must be positive numbers")
    if len(runs) < 5:
        raise DataError(f"{len(runs)} runs; five numbers are fitted, give at least five, best 15")
    for column, name in enumerate(("sizes", "token counts")):
        if len(set(runs[:, column].tolist())) < 3:
            raise DataError(f"the runs have fewer than three {name}; the fit needs three or more")
