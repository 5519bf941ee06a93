"""Small environments that can be learned in a second."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Match(gymnasium.Env):
    """Eight times: a letter is shown, and naming it earns 1. Then the world ends, or is cut."""

    observation_space: spaces.Space = spaces.Discrete(3)
    action_space: spaces.Space = spaces.Discrete(3)

    def __init__(self, length: int = 8, cut: bool = False, nan_at: int = -1) -> None:
        self.length, self.cut, self.nan_at, self.all_steps = length, cut, nan_at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self.shown(), {}

    def step(self, action):
        self.count, self.all_steps = self.count + 1, self.all_steps + 1
        reward = self.reward(action) if self.all_steps != self.nan_at else float("nan")
        over = self.count == self.length
        return self.shown(), reward, over and not self.cut, over and self.cut, {}

    def shown(self):
        self.letter = int(self.np_random.integers(3))
        return self.letter

    def reward(self, action):
        return float(action == self.letter)


class Aim(Match):
    """A number is shown, and the nearer the action comes to its negative, the better."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1, 1), np.float32)

    def shown(self):
        self.letter = float(self.np_random.uniform(-1, 1))
        return np.array([self.letter], np.float32)

    def reward(self, action):
        assert self.action_space.contains(action)
        return 1 - abs(action.item() + self.letter)


class Unsteady(Match):
    """Draws from a generator that a reset does not set."""

    draw = np.random.default_rng(0)

    def shown(self):
        self.letter = int(Unsteady.draw.integers(3))
        return self.letter
