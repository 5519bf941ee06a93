"""Random play in an environment of unknown make, where nothing is believed before it is seen.

What breaks the contract of `reset` and `step`, or could not be learned from, is said in a line.
"""

import inspect
import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np

from practicum.errors import PracticumError
from practicum.rl.environments import Environment, observations_of
from practicum.seeding import derive


class UnfitEnvironment(PracticumError):
    """An environment that no learner here could work with."""


@contextmanager
def explaining(what: str, id: str, *, file: str | None = None) -> Iterator[None]:
    """What somebody else's code raises within the block becomes a line with its place.

    With the `file` that holds that code, only what was raised on a way through it.
    """
    try:
        yield
    except PracticumError:
        raise
    except Exception as problem:
        frames = traceback.extract_tb(problem.__traceback__)
        theirs = [frame for frame in frames if file is None or frame.filename == file]
        if not theirs:
            raise
        raise UnfitEnvironment(
            f"{what} of {id} raised {type(problem).__name__}: {problem} "
            f"({theirs[-1].filename}, line {theirs[-1].lineno})"
        ) from problem


def source_of(env: gymnasium.Env) -> str:
    """The file that holds the environment's class."""
    return inspect.getfile(type(env.unwrapped))


class Trial:
    """One copy, played episode after episode, with everything checked on its way."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.id = environment.id
        with explaining("making", self.id):
            self.env = environment.make()
        self.seen = observations_of(self.env)
        self.env.action_space.seed(seed)
        self.seed, self.steps, self.ended, self.terminated = seed, 0, 0, 0
        self.lowest, self.highest, self.reward = math.inf, -math.inf, 0.0
        self.reset()

    def draw(self) -> Any:
        """A random action."""
        return self.env.action_space.sample()

    def reset(self) -> None:
        """Begin the next episode."""
        seed = derive(self.seed, self.ended) % 2**31
        with explaining("reset", self.id):
            given: Any = self.env.reset(seed=seed)
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict)):
            raise UnfitEnvironment(
                f"reset of {self.id} returned {_short(given)}; expected (observation, info)"
            )
        self._look(given[0], "reset")

    def step(self, action: Any) -> None:
        """Act once, and begin the next episode where this one ended."""
        with explaining("step", self.id):
            given: Any = self.env.step(action)
        if not (isinstance(given, tuple) and len(given) == 5):
            raise UnfitEnvironment(
                f"step of {self.id} returned {_short(given)}; expected (observation, reward, "
                "terminated, truncated, info)"
            )
        observation, reward, terminated, truncated, _ = given
        self.steps += 1
        self._pay(reward)
        self._look(observation, "step")
        if not all(isinstance(flag, bool | np.bool_) for flag in (terminated, truncated)):
            raise UnfitEnvironment(
                f"step of {self.id} said terminated={terminated!r}, truncated={truncated!r}; "
                "expected true or false"
            )
        if terminated or truncated:
            self.ended += 1
            self.terminated += bool(terminated)
            self.reset()

    def close(self) -> None:
        """Let go of whatever the environment holds."""
        self.env.close()

    def same_as(self, other: "Trial") -> bool:
        """Whether both show and pay the same at this moment."""
        alike = np.array_equal(self.encoded, other.encoded) and self.reward == other.reward
        return alike and self.ended == other.ended

    def _pay(self, reward: Any) -> None:
        try:
            self.reward = float(reward)
        except (TypeError, ValueError) as problem:
            raise UnfitEnvironment(
                f"{self.id} gave the reward {_short(reward)}; expected a number"
            ) from problem
        if not math.isfinite(self.reward):
            raise UnfitEnvironment(
                f"{self.id} gave a reward of {self.reward} after {self.steps} random steps; "
                "expected finite numbers"
            )
        self.lowest = min(self.lowest, self.reward)
        self.highest = max(self.highest, self.reward)

    def _look(self, observation: Any, where: str) -> None:
        self.observation = observation
        try:
            self.encoded = self.seen.encode(observation)
        except Exception as problem:
            raise UnfitEnvironment(
                f"{where} of {self.id} showed {_short(observation)}; its observation_space is "
                f"{self.seen.space}"
            ) from problem
        if self.encoded.shape != self.seen.shape:
            raise UnfitEnvironment(
                f"{where} of {self.id} showed an observation of shape {self.encoded.shape}; its "
                f"observation_space says {self.seen.shape}"
            )
        if not np.isfinite(self.encoded).all():
            raise UnfitEnvironment(
                f"{where} of {self.id} showed an observation that is not finite after "
                f"{self.steps} random steps: {_short(observation)}"
            )


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
