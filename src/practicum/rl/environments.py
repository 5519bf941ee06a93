"""Environments by name, in the interface of Gymnasium (Towers et al. 2024), and their spaces.

An `Environment` is a frozen description; `make` gives a fresh copy of the world it describes. What
an agent sees and does is told by two small things read off the copy: `Observations` turns whatever
the environment returns into an array of one shape, `Choices` or `Reals` turn rows of an array of
actions into what the environment takes. Spaces of actions other than Discrete and Box are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from practicum.errors import ConfigError, UnknownName
from practicum.own_code import blaming, module_called

Option = int | float | bool | str | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A world to act in: a Gymnasium id, `module:Class` or `path/to/file.py:Class`.

    After the colon may also stand an id that the module registers when imported. `options` go to
    the constructor; `max_episode_steps` among them truncates episodes. With `frames` above 1 the
    agent sees that many latest observations, stacked along a new first axis.
    """

    id: str
    options: tuple[tuple[str, Option], ...] = ()
    frames: int = 1

    def __post_init__(self) -> None:
        if not self.id.strip():
            raise ConfigError("an environment needs an id, such as CartPole-v1")
        if self.frames < 1:
            raise ConfigError(f"Environment.frames is {self.frames}; expected at least 1")

    def make(self, *, render: str | None = None) -> gymnasium.Env:
        """A fresh copy; `render` is a Gymnasium render mode, such as "rgb_array".

        Raises UnknownName for an id or class that does not exist, ConfigError for options or a
        render mode it does not take, or where a library it needs is missing.
        """
        options: dict[str, Any] = dict(self.options)
        if render is not None:
            options["render_mode"] = render
        place, colon, name = self.id.rpartition(":")
        factory = getattr(module_called(place), name, None) if colon else None
        try:
            if callable(factory):
                made = _from_class(self.id, factory, options)
            else:
                made = gymnasium.make(name, disable_env_checker=True, **options)
        except gymnasium.error.UnregisteredEnv as problem:
            raise UnknownName(
                "environment", name, gymnasium.registry, "or give your own as file.py:Class"
            ) from problem
        except (gymnasium.error.Error, ImportError, TypeError, ValueError) as problem:
            said = " ".join(str(problem).split())
            raise ConfigError(f"cannot make environment '{self.id}': {said}") from problem
        if self.frames > 1:
            made = gymnasium.wrappers.FrameStackObservation(made, self.frames)
        return made


def _from_class(id: str, factory: Callable[..., Any], options: dict[str, Any]) -> gymnasium.Env:
    limit = options.pop("max_episode_steps", None)
    with blaming(f"cannot make environment '{id}'"):
        made = factory(**options)
    if not isinstance(made, gymnasium.Env):
        raise ConfigError(f"'{id}' made a {type(made).__name__}; expected a gymnasium.Env")
    return made if limit is None else gymnasium.wrappers.TimeLimit(made, limit)


class Observations:
    """How observations of a space become arrays of one `shape`.

    Box: as they are, float32 (bytes, such as pixels, stay uint8). Discrete: one-hot. Tuple, Dict,
    MultiDiscrete and MultiBinary: their parts one after another, discrete ones one-hot.
    """

    def __init__(self, id: str, space: spaces.Space) -> None:
        self.id, self.space = id, space
        self.sizes = _sizes(space)
        if isinstance(space, spaces.Box):
            self.shape: tuple[int, ...] = space.shape or (1,)
        elif space.is_np_flattenable:
            self.shape = (spaces.flatdim(space),)
        else:
            raise ConfigError(f"{id} shows observations of {space}; expected Box or Discrete ones")
        pixels = isinstance(space, spaces.Box) and space.dtype == np.uint8
        self.dtype = np.dtype(np.uint8 if pixels else np.float32)

    def encode(self, observation: Any) -> np.ndarray:
        """One observation as an array of `shape` and `dtype`."""
        if isinstance(self.space, spaces.Box):
            row = np.asarray(observation, self.dtype)
            return row if self.space.shape else row.reshape(1)
        if isinstance(self.space, spaces.Discrete):
            row = np.zeros(self.shape, self.dtype)
            row[int(observation - self.space.start)] = 1.0
            return row
        return np.asarray(spaces.flatten(self.space, observation), self.dtype)

    @property
    def states(self) -> int | None:
        """How many different observations there are; None where they are not discrete."""
        return prod(self.sizes) if self.sizes else None

    def states_of(self, observations: np.ndarray) -> np.ndarray:
        """The number in 0 … states − 1 of each of the encoded `observations` (count, shape).

        Raises ConfigError where observations are not discrete.
        """
        if not self.sizes:
            raise ConfigError(f"a table needs discrete observations; {self.id} shows {self.space}")
        number, start = np.zeros(len(observations), np.int64), 0
        for size in self.sizes:
            number = number * size + observations[:, start : start + size].argmax(1)
            start += size
        return number


def _sizes(space: spaces.Space) -> tuple[int, ...]:
    """Sizes of the one-hot parts of a discrete space; none where a part is not discrete."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(int(n) for n in space.nvec.flatten())
    if isinstance(space, spaces.Tuple):
        parts = [_sizes(part) for part in space.spaces]
        return sum(parts, ()) if all(parts) else ()
    return ()


@dataclass(frozen=True)
class Choices:
    """Actions 0 … count − 1; the environment counts them from `start`."""

    count: int
    start: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def for_environment(self, actions: np.ndarray) -> list[int]:
        """Plain numbers, one for each of the rows of `actions`."""
        return (actions + self.start if self.start else actions).tolist()

    def from_record(self, action: Any) -> int:
        """The action that was written down as JSON data."""
        return int(action)


@dataclass(frozen=True)
class Reals:
    """Actions of real numbers, clipped to the bounds of the space on their way in, and only there.

    A policy scores the action it drew, not the clipped one.
    """

    space: spaces.Box

    @property
    def shape(self) -> tuple[int, ...]:
        return self.space.shape

    def for_environment(self, actions: np.ndarray) -> list[np.ndarray]:
        """Clipped arrays of the space's own shape and type, one for each row of `actions`."""
        given = actions.reshape(len(actions), *self.shape)
        return list(np.clip(given, self.space.low, self.space.high).astype(self.space.dtype))

    def from_record(self, action: Any) -> np.ndarray:
        """The action that was written down as JSON data."""
        return np.asarray(action, self.space.dtype).reshape(self.shape)


Actions = Choices | Reals


def actions_of(env: gymnasium.Env) -> Actions:
    """What can be done in `env`. Raises ConfigError for spaces other than Discrete and Box."""
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return Choices(int(space.n), int(space.start))
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return Reals(space)
    raise ConfigError(f"{name_of(env)} takes actions of {space}; expected Discrete or a real Box")


def observations_of(env: gymnasium.Env) -> Observations:
    """What `env` shows. Raises ConfigError for spaces that cannot be laid out as one array."""
    return Observations(name_of(env), env.observation_space)


def name_of(env: gymnasium.Env) -> str:
    """The id an environment was made by, or its class."""
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
