"""Characters nobody has seen before: every episode invents its own, and asks which one this is.

A character is a line through a few random points; whoever writes it again moves each point a
little, and turns and sizes the whole. An episode shows every character `shots` times with its
number, in random order, then one of them once more without. As characters never come back, only
comparing helps (cf. Omniglot, Lake et al. 2015).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int

from practicum.errors import ConfigError

POINTS = 5  # of a character's line
PEN = 0.06  # how thick it is, where a picture is 1 wide


class Episode(NamedTuple):
    """Pictures in the order they are shown, and which character each is; the last is asked for."""

    pictures: Float32[np.ndarray, "t pixels"]
    labels: Int[np.ndarray, " t"]


@dataclass(frozen=True, kw_only=True)
class Alphabets:
    """`ways` characters, each shown `shots` times, as pictures of `side` by `side` pixels."""

    ways: int = 5
    shots: int = 1
    side: int = 14
    wobble: float = 0.04  # standard deviation of a point from writing to writing

    def __post_init__(self) -> None:
        if self.ways < 2 or self.shots < 1 or self.side < 4 or self.wobble < 0:
            raise ConfigError(
                f"Alphabets has {self.ways} ways, {self.shots} shots, a side of {self.side} and a "
                f"wobble of {self.wobble}; expected at least 2, 1, 4 and 0"
            )

    @property
    def length(self) -> int:
        """Pictures in an episode."""
        return self.ways * self.shots + 1

    def draw(self, count: int, rng: np.random.Generator) -> list[Episode]:
        """`count` fresh episodes."""
        shown = np.repeat(np.arange(self.ways), self.shots)
        labels = rng.permuted(np.tile(shown, (count, 1)), axis=1)
        labels = np.concatenate([labels, rng.integers(self.ways, size=(count, 1))], axis=1)
        alphabets = rng.uniform(0.15, 0.85, size=(count, self.ways, POINTS, 2))
        lines = alphabets[np.arange(count)[:, None], labels]
        pictures = self._pictures(self._written(lines, rng))
        return list(map(Episode, pictures, labels))

    def _written(
        self, lines: Float[np.ndarray, "b t p 2"], rng: np.random.Generator
    ) -> Float[np.ndarray, "b t p 2"]:
        """The same lines by another hand."""
        lines = lines + rng.normal(0.0, self.wobble, size=lines.shape) - 0.5
        angle, size = rng.normal(0.0, 0.15, size=(2, *lines.shape[:2]))
        cosine, sine = np.cos(angle) * np.exp(size), np.sin(angle) * np.exp(size)
        right, down = lines[..., 0], lines[..., 1]
        turned = [
            cosine[..., None] * right - sine[..., None] * down,
            sine[..., None] * right + cosine[..., None] * down,
        ]
        return np.stack(turned, axis=-1) + 0.5

    def _pictures(self, lines: Float[np.ndarray, "b t p 2"]) -> Float32[np.ndarray, "b t pixels"]:
        """1 on the line, falling to 0 with the distance from it in pens."""
        middle = (np.arange(self.side) + 0.5) / self.side
        pixels = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        nearest = np.full((*lines.shape[:2], len(pixels)), np.inf)
        for point in range(POINTS - 1):
            start, end = lines[:, :, point], lines[:, :, point + 1]
            along, away = (end - start)[..., None, :], pixels - start[..., None, :]
            share = (away * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
            rest = away - np.clip(share, 0.0, 1.0)[..., None] * along
            nearest = np.minimum(nearest, (rest**2).sum(-1))
        return np.exp(-nearest / (2 * PEN**2)).astype(np.float32)
