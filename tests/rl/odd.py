"""Environments that go wrong, each in one way, and a `Corridor` that does not."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Corridor(gymnasium.Env):
    """Five places in a row; +1 at the right end, and each step costs a little."""

    observation_space = spaces.Box(0.0, 4.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return self.seen(), {}

    def step(self, action):
        self.place = max(0, self.place + (1 if action == 1 else -1))
        ended = self.place == 4
        return self.seen(), self.reward(ended), ended, False, {}

    def seen(self):
        return np.array([self.place], np.float32)

    def reward(self, ended):
        return 1.0 if ended else -0.01


class NeverEnds(Corridor):
    def step(self, action):
        observation, _, _, _, info = super().step(0)
        return observation, 0.0, False, False, info


class NotANumber(Corridor):
    def reward(self, ended):
        return float("nan") if self.place == 2 else 0.0


class WordsAsReward(Corridor):
    def reward(self, ended):
        return "well done"


class Infinite(Corridor):
    def seen(self):
        return np.array([np.inf if self.place == 3 else self.place], np.float32)


class Outside(Corridor):
    observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)


class WrongShape(Corridor):
    def seen(self):
        return np.zeros(3, np.float32)


class NotAnArray(Corridor):
    def seen(self):
        return "at home"


class Raises(Corridor):
    def step(self, action):
        if self.place == 2:
            raise KeyError("door")
        return super().step(action)


class RaisesAtTheEdge(Corridor):
    """Falls over only where the same action is taken again and again."""

    def step(self, action):
        self.left = self.left + 1 if action == 0 else 0
        if self.left > 40:
            raise IndexError("off the map")
        return super().step(action)

    def reset(self, *, seed=None, options=None):
        self.left = 0
        return super().reset(seed=seed)


class RaisesAtOnce(Corridor):
    def __init__(self):
        raise AttributeError("no such map")


class FourThings(Corridor):
    def step(self, action):
        observation, reward, ended, _, info = super().step(action)
        return observation, reward, ended, info


class OnlyAnObservation(Corridor):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class MaybeEnded(Corridor):
    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, None, False, info


class ManySwitches(Corridor):
    action_space = spaces.MultiBinary(3)


class Unsteady(Corridor):
    """Ignores its seed."""

    entropy = np.random.default_rng()  # from the system: another one in every copy

    def seen(self):
        return np.array([self.place / 4 + self.entropy.uniform()], np.float32)


class Huge(Corridor):
    def reward(self, ended):
        return 1e6 if ended else 0.0


class Silent(Corridor):
    def reward(self, ended):
        return 0.0


class Steering(Corridor):
    """Continuous: a push to the left or right."""

    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def step(self, action):
        return super().step(int(action[0] > 0))


class Seen(Corridor):
    """Draws itself, when asked to."""

    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, render_mode=None, broken=False):
        self.render_mode, self.broken = render_mode, broken

    def render(self):
        if self.broken:
            raise ZeroDivisionError("no light")
        picture = np.zeros((40, 400, 3), np.uint8)
        picture[:, self.place * 80 : self.place * 80 + 80] = 255
        return picture


class ManyDoors(Corridor):
    action_space = spaces.Discrete(1000)


class Pixels(Corridor):
    observation_space = spaces.Box(0, 255, (2, 5), np.uint8)

    def seen(self):
        return np.repeat([np.arange(5) == self.place], 2, axis=0).astype(np.uint8) * 255
