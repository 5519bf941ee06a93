"""Pathfinder: are two dots the ends of one dashed curve? (Linsley et al. 2018; Tay et al. 2021)

Two long curves and some short ones are drawn as dashes that keep apart. Two dots mark both ends of
one long curve, or one end of either. Nothing near a dot tells which: the curve has to be followed,
dash by dash, which in a picture read pixel by pixel means over hundreds of steps.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Float64

from practicum.errors import ConfigError, DataError

DASH, GAP = 3.0, 2.0  # pixels
APART = 4.0  # pixels between the middles of two curves, at least
BEND = 0.45  # radians between one dash and the next, at most
TRIES = 60  # for a curve among the others, and for a whole picture

Place = Float64[np.ndarray, "2"]  # (down, right)
Places = Float64[np.ndarray, "_ 2"]
Picture = Float32[np.ndarray, "t f"]


@dataclass(frozen=True, kw_only=True)
class Pathfinder:
    """Pictures of `side` × `side`: curves of `dashes` dashes, `distractors` of a third of it."""

    side: int = 32
    dashes: int = 5
    distractors: int = 3

    def __post_init__(self) -> None:
        if self.side < 16 or not 2 <= self.dashes <= self.side // 5 or self.distractors < 0:
            raise ConfigError(
                f"Pathfinder of {self.side} × {self.side} with curves of {self.dashes} dashes and "
                f"{self.distractors} distractors; expected a side of at least 16, 2 to side/5 "
                "dashes, and 0 distractors or more"
            )

    def draw(self, count: int, rng: np.random.Generator) -> list[tuple[Picture, int]]:
        """`count` fresh pictures, row by row, ink 1 on 0; class 1 where the dots are joined."""
        return [self._picture(rng, joined=bool(rng.integers(2))) for _ in range(count)]

    def _picture(self, rng: np.random.Generator, *, joined: bool) -> tuple[Picture, int]:
        for _ in range(TRIES):
            curves: list[Places] = []
            wanted = [self.dashes] * 2 + [max(1, self.dashes // 3)] * self.distractors
            for dashes in wanted:
                curve = self._curve(dashes, curves, rng)
                if curve is None:
                    break
                curves.append(curve)
            if len(curves) == len(wanted):
                dots = [curves[0][0], curves[0][-1] if joined else _alike(*curves[:2])]
                return self._drawn(curves, dots).reshape(-1, 1), int(joined)
        raise DataError(
            f"{2 + self.distractors} curves do not fit on {self.side} × {self.side} pixels; draw "
            "fewer or shorter ones"
        )

    def _curve(self, dashes: int, others: list[Places], rng: np.random.Generator) -> Places | None:
        """Ends of dashes, two of each, clear of the others; None where there was no room."""
        taken = np.concatenate([_along(other) for other in others]) if others else None
        for _ in range(TRIES):
            place = rng.uniform(2, self.side - 3, 2)
            heading, ends = rng.uniform(0, 2 * math.pi), []
            for _ in range(dashes):
                step = np.array([math.sin(heading), math.cos(heading)])
                ends += [place, place + DASH * step]
                place = ends[-1] + GAP * step
                heading += rng.uniform(-BEND, BEND)
            curve = np.array(ends)
            if self._free(_along(curve), taken):
                return curve
        return None

    def _free(self, points: Places, taken: Places | None) -> bool:
        """Within the picture, and neither near the others nor back upon itself."""
        if points.min() < 1 or points.max() > self.side - 2:
            return False
        if taken is not None and _distances(points, taken).min() < APART:
            return False
        far = np.abs(np.subtract.outer(np.arange(len(points)), np.arange(len(points)))) > 4 * APART
        return not (_distances(points, points)[far] < APART).any()

    def _drawn(self, curves: list[Places], dots: list[Place]) -> Float32[np.ndarray, "i j"]:
        ink: Bool[np.ndarray, "i j"] = np.zeros((self.side, self.side), bool)
        for curve in curves:
            for start, end in zip(curve[::2], curve[1::2], strict=True):
                points = start + np.linspace(0, 1, 7)[:, None] * (end - start)
                ink[tuple(np.rint(points).astype(int).T)] = True
        rows, columns = np.indices(ink.shape)
        for row, column in np.rint(dots):
            ink |= np.maximum(abs(rows - row), abs(columns - column)) <= 1
        return ink.astype(np.float32)


def _alike(first: Places, second: Places) -> Place:
    """The end of the second curve about as far from the first's start as that one's own end is.

    So the distance between the dots tells little.
    """
    far = np.linalg.norm(first[-1] - first[0])
    return min(second[0], second[-1], key=lambda end: abs(np.linalg.norm(end - first[0]) - far))


def _along(curve: Places) -> Places:
    """Points on the curve about a pixel apart, its gaps included."""
    share = np.linspace(0, 1, 4)[:-1, None]
    joints = pairwise(curve)
    return np.concatenate([*(a + share * (b - a) for a, b in joints), curve[-1:]])


def _distances(a: Places, b: Places) -> Float64[np.ndarray, "p q"]:
    return np.linalg.norm(a[:, None] - b, axis=-1)
