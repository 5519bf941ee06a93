"""Uniform experience replay: what was seen lately, to be learned from in another order (Lin 1992).

Every observation is stored once: slot i holds one, with the action taken there, the reward and
whether the world ended, and slot i + 1 holds what followed. The last observation of an episode has
a slot too, from which nothing starts. Stacks of frames are taken apart, since each shares all but
its newest frame with the one before: a million transitions of four 84 × 84 frames are 7 GB instead
of 56, and slots i − 3 … i + 1 are read to put both stacks together again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, Shaped

from practicum.errors import CheckpointError, ConfigError
from practicum.rl.vector import Step


@dataclass(frozen=True)
class Experience:
    """Steps drawn from the past: in `observations` the `actions` brought `rewards` and `following`.

    `terminated` tells that nothing more could be earned; what was merely truncated is not marked.
    """

    observations: Shaped[np.ndarray, "b ..."]
    actions: Int64[np.ndarray, " b"]
    rewards: Float32[np.ndarray, " b"]
    terminated: Bool[np.ndarray, " b"]
    following: Shaped[np.ndarray, "b ..."]


class Replay:
    """The latest `capacity` transitions of `copies` environments stepped together, or nearly so.

    Ends of episodes take slots too. Memory is taken as it is filled, never more than once.
    """

    def __init__(
        self,
        capacity: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
        *,
        copies: int = 1,
        frames: int = 1,
    ) -> None:
        if capacity < copies:
            raise ConfigError(f"a replay of {capacity} transitions for {copies} copies; too small")
        if frames > 1 and shape[0] != frames:
            raise ConfigError(f"stacks of {frames} frames expected; observations have {shape}")
        self.copies, self.frames = copies, frames
        self.stacked = frames > 1
        self.rows = capacity // copies + frames  # of slots; slot s of copy c is s × copies + c
        self.slots = self.rows * copies
        self.seen = np.empty((self.slots, *(shape[1:] if self.stacked else shape)), dtype)
        self.actions = np.zeros(self.slots, np.int64)
        self.rewards = np.zeros(self.slots, np.float32)
        self.terminated = np.zeros(self.slots, bool)
        self.starts = np.zeros(self.slots, bool)  # a whole transition starts here
        self.here = [-1] * copies  # the row of each copy's present observation
        self.fresh = [True] * copies  # whose episode has not begun here yet
        self.used = 0  # rows written so far
        self._reach = np.arange(1 - frames, 2) * copies  # from the oldest frame to the next one

    def add(self, observations: np.ndarray, actions: np.ndarray, step: Step) -> None:
        """One step of every copy: `actions` taken at `observations`, and what came of them."""
        rewards, terminated = step.rewards, step.terminated
        for copy in range(self.copies):
            if self.fresh[copy]:
                self._begin(copy, observations[copy])
            slot = self.here[copy] * self.copies + copy
            self.actions[slot] = actions[copy]
            self.rewards[slot] = rewards[copy]
            self.terminated[slot] = terminated[copy]
            after = step.observations[copy]
            self._write(copy, after[-1] if self.stacked else after)
            self.starts[slot] = True
        for ended in step.finished:
            self.fresh[ended.copy] = True

    def sample(self, count: int, *, generator: np.random.Generator) -> Experience:
        """`count` transitions, each any of those kept with the same probability, repeats included.

        Raises ConfigError where nothing was added yet.
        """
        bound = self.used * self.copies
        if bound == 0:
            raise ConfigError("nothing was added to this replay yet")
        drawn = generator.integers(0, bound, count)
        while not (whole := self.starts.take(drawn)).all():
            drawn[~whole] = generator.integers(0, bound, int((~whole).sum()))
        if self.stacked:
            seen = self.seen.take((drawn[:, None] + self._reach) % self.slots, axis=0)
            observations, following = seen[:, :-1], seen[:, 1:]
        else:
            observations = self.seen.take(drawn, axis=0)
            following = self.seen.take((drawn + self.copies) % self.slots, axis=0)
        rewards, terminated = self.rewards.take(drawn), self.terminated.take(drawn)
        return Experience(observations, self.actions.take(drawn), rewards, terminated, following)

    def position(self) -> dict[str, Any]:
        """All that is kept, as numbers and tensors for a checkpoint."""
        bound = self.used * self.copies
        arrays = {name: torch.from_numpy(array[:bound]) for name, array in self._arrays.items()}
        return {"here": list(self.here), "fresh": list(self.fresh), "slots": self.slots, **arrays}

    def seek(self, position: dict[str, Any]) -> None:
        """Hold what was held at `position()`. Raises CheckpointError for one of another size."""
        if position["slots"] != self.slots or len(position["here"]) != self.copies:
            raise CheckpointError("the checkpoint's replay has another capacity or other copies")
        bound = len(position["starts"])
        for name, array in self._arrays.items():
            array[:bound] = position[name].numpy()
        self.here, self.fresh = list(position["here"]), list(position["fresh"])
        self.used = bound // self.copies

    @property
    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            "seen": self.seen,
            "actions": self.actions,
            "rewards": self.rewards,
            "terminated": self.terminated,
            "starts": self.starts,
        }

    def _begin(self, copy: int, observation: np.ndarray) -> None:
        """Write the first observation of an episode, every frame of it."""
        for frame in observation if self.stacked else observation[None]:
            self._write(copy, frame)
        self.fresh[copy] = False

    def _write(self, copy: int, frame: np.ndarray) -> None:
        """Put a frame in the copy's next slot; what needed the one that lay there is forgotten."""
        row = (self.here[copy] + 1) % self.rows
        slot = row * self.copies + copy
        self.seen[slot] = frame
        self.starts[slot] = False
        self.starts[(slot + (self.frames - 1) * self.copies) % self.slots] = False
        self.here[copy] = row
        self.used = max(self.used, row + 1)
