"""Catch, in pixels: balls fall, one after another, and a paddle at the bottom is to be under them.

A world of 84 × 84 bytes for networks that read pictures (Mnih et al. 2015 shrink Atari's to this
size). A ball drifts sideways and bounces off the walls, so one picture does not tell where it will
land, but two do: stack frames with `Environment(id="practicum.rl.catch:Catch", frames=4)`.
+1 for a ball caught, −1 for one missed; the episode ends after the last ball.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from practicum.errors import ConfigError

SIDE = 84
BALL, PADDLE = 4, 14  # pixels: the ball's side, the paddle's width
FALL, DRIFT, SLIDE = 4, 3, 4  # pixels a step: down, sideways at most, and of the paddle
MOVES = (-SLIDE, 0, SLIDE)


class Catch(gymnasium.Env[Any, Any]):
    """Actions: left, stay, right. Observed are the pixels, 0 (black) to 255; `balls` an episode."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(self, balls: int = 5, render_mode: str | None = None) -> None:
        if balls < 1:
            raise ConfigError(f"{balls} balls an episode; expected at least 1")
        self.balls, self.render_mode = balls, render_mode
        self.observation_space = spaces.Box(0, 255, (SIDE, SIDE), np.uint8)
        self.action_space = spaces.Discrete(len(MOVES))
        self.paddle = (SIDE - PADDLE) // 2  # its left end
        self.left = self.ball = self.height = self.drift = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.paddle, self.left = (SIDE - PADDLE) // 2, self.balls
        self._throw()
        return self.pixels(), {}

    def step(
        self, action: int | np.integer
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.paddle = min(max(self.paddle + MOVES[int(action)], 0), SIDE - PADDLE)
        self.ball, self.drift = _bounced(self.ball + self.drift, self.drift)
        self.height += FALL
        if self.height < SIDE - BALL:
            return self.pixels(), 0.0, False, False, {}
        caught = self.paddle - BALL < self.ball < self.paddle + PADDLE
        last = self.pixels()
        self.left -= 1
        if self.left > 0:
            self._throw()
        return last, 1.0 if caught else -1.0, self.left == 0, False, {}

    def pixels(self) -> np.ndarray:
        """The picture of this moment, a fresh (84, 84) array of bytes."""
        picture = np.zeros((SIDE, SIDE), np.uint8)
        picture[-BALL:, self.paddle : self.paddle + PADDLE] = 160
        picture[self.height : self.height + BALL, self.ball : self.ball + BALL] = 255
        return picture

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The picture four times as large, (336, 336, 3) bytes."""
        if self.render_mode != "rgb_array":
            return None
        return np.repeat(self.pixels().repeat(4, 0).repeat(4, 1)[:, :, None], 3, axis=2)

    def _throw(self) -> None:
        """A new ball at the top, anywhere, with a drift of its own."""
        self.height = 0
        self.ball = int(self.np_random.integers(0, SIDE - BALL + 1))
        self.drift = int(self.np_random.integers(-DRIFT, DRIFT + 1))


def _bounced(place: int, drift: int) -> tuple[int, int]:
    """The place and drift after a wall has thrown the ball back, where it has."""
    most = SIDE - BALL
    if place < 0:
        return -place, -drift
    if place > most:
        return 2 * most - place, -drift
    return place, drift
