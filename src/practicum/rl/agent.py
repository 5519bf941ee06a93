"""What acts: anything with `act`, and the agent that training leaves behind."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np

from practicum.models.agents import AgentModel, Reader


class Actor(Protocol):
    """Whoever can be scored, watched and compared: tables, networks, and those that learn nothing.

    Actions are what `environments.actions_of` says: whole numbers from 0, or rows of real numbers.
    """

    def act(self, observations: np.ndarray) -> np.ndarray:
        """The actor's choice for each row of `observations` (n, *shape), without exploring."""
        ...


@final
@dataclass(frozen=True)
class Agent:
    """A network that acts."""

    model: AgentModel

    @cached_property
    def _read(self) -> Reader:
        return self.model.reader()

    def act(self, observations: np.ndarray) -> np.ndarray:
        """The best or most probable action for each row of `observations`."""
        return self.model.mode(self._read(observations))

    def sample(self, observations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """An action drawn from the policy, for each row of `observations`."""
        return self.model.sample(self._read(observations), generator)
