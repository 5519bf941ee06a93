"""Learning a table of action values from steps alone: Q-learning and SARSA.

Q-learning (Watkins 1989) asks what the best next action would bring:
    Q(s,a) ← Q(s,a) + α [r + γ (1 − terminated) max_a′ Q(s′,a′) − Q(s,a)]
SARSA (Rummery & Niranjan 1994) asks what the action really taken next will bring:
    Q(s,a) ← Q(s,a) + α [r + γ (1 − terminated) Q(s′,a′) − Q(s,a)]
A truncated episode still has a future: only `terminated` cuts it off.

Every update must be seen by the very next choice, and there is no gradient, no batch and no
network, so the loop of `training` has nothing to do here: below is one short loop in plain Python.
Every episode draws from streams named by its number, so that the table, the number of episodes and
the number of steps are all there is to a checkpoint; it is taken between episodes.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from jaxtyping import Float, Int

from practicum import events
from practicum.config import fingerprint
from practicum.errors import ConfigError, Interrupted
from practicum.rl.bins import Bins
from practicum.rl.environments import Environment
from practicum.rl.exploration import Exploration
from practicum.rl.planning import Ties, greedy
from practicum.rl.table_file import TableState, forget_table, restore_table, save_table
from practicum.rl.taught import SILENT
from practicum.rl.worlds import Numbers, World, world_of
from practicum.seeding import derive
from practicum.training.interruption import Interruption, interruption
from practicum.training.loop import Watch

POINTS = 100  # of the curve of returns, and checkpoints, over the whole of learning


@dataclass(frozen=True)
class TableAgent:
    """Acts by a table of action values (states, actions)."""

    table: Float[np.ndarray, "s a"]
    numbers: Numbers
    ties: Ties

    def act(self, observations: np.ndarray) -> Int[np.ndarray, " b"]:
        """The best action for each of the encoded observations, the first where several are."""
        return self.table[self.numbers.states_of(observations)].argmax(-1)

    def sample(
        self, observations: np.ndarray, generator: np.random.Generator
    ) -> Int[np.ndarray, " b"]:
        """Drawn from `policy`: among tied actions any, where ties are broken at random."""
        until = self.policy[self.numbers.states_of(observations)].cumsum(-1)
        drawn = generator.random((len(until), 1))
        return (drawn >= until).sum(-1).clip(max=self.table.shape[1] - 1)

    @property
    def policy(self) -> Float[np.ndarray, "s a"]:
        """π(a|s), greedy, for exact scores by `rl.planning`."""
        return greedy(self.table, ties=self.ties)


@dataclass(frozen=True, kw_only=True)
class Learner(ABC):
    """What Q-learning and SARSA share: α, γ, exploration, and how ties are broken."""

    rate: float = 0.1  # α
    discount: float = 0.99  # γ
    explore: Exploration = Exploration()
    ties: Ties = "random"  # "first": the tied action of lowest number, always
    initial: float = 0.0  # of every entry; above what can be earned, it makes greed explore
    bins: Bins | None = None  # number observations of real numbers

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1 or not 0 <= self.discount <= 1:
            raise ConfigError(
                f"{type(self).__name__} with rate {self.rate} and discount {self.discount}; "
                "expected a rate in (0, 1] and a discount in [0, 1]"
            )

    @abstractmethod
    def ahead(
        self, row: list[float], choose: Callable[[list[float]], int]
    ) -> tuple[float, int | None]:
        """What follows is worth, given its row of the table, and the action if one was chosen."""

    def learn(
        self,
        environment: Environment,
        *,
        steps: int | None = None,
        episodes: int | None = None,
        seed: int,
        watch: Watch = SILENT,
    ) -> TableAgent:
        """Learn for so many `steps` or `episodes`; the last episode may be cut by `steps`.

        Emits `Progress` and the metric "return", the mean of the episodes ended since the last
        point, over steps. Of `watch`, `folder`, `resume` and `name` count; a resumed run equals an
        uninterrupted one.

        Raises ConfigError where actions or observations are not discrete, Interrupted when asked to
        stop, once the episode is over.
        """
        if (steps is None) == (episodes is None) or (steps or episodes or 0) < 1:
            raise ConfigError("give either steps or episodes to learn for, 1 or more")
        world = world_of(environment, self.bins)
        run = _Run(self, world, steps, episodes, seed, watch.name)
        identity = fingerprint(self, environment, steps, episodes, seed)
        try:
            with interruption() as asked:
                run.to_the_end(asked, identity, watch)
        finally:
            world.close()
        return TableAgent(np.array(run.state.table), world.numbers, self.ties)


@dataclass(frozen=True, kw_only=True)
class QLearning(Learner):
    """Off-policy: learns of the greedy policy while exploring."""

    def ahead(
        self, row: list[float], choose: Callable[[list[float]], int]
    ) -> tuple[float, int | None]:
        return max(row), None


@dataclass(frozen=True, kw_only=True)
class Sarsa(Learner):
    """On-policy: learns of the policy it follows, exploration included."""

    def ahead(
        self, row: list[float], choose: Callable[[list[float]], int]
    ) -> tuple[float, int | None]:
        action = choose(row)
        return row[action], action


class _Run:
    """One call of `learn`."""

    def __init__(
        self,
        learner: Learner,
        world: World,
        steps: int | None,
        episodes: int | None,
        seed: int,
        name: str,
    ) -> None:
        self.learner, self.world, self.seed, self.name = learner, world, seed, name
        self.steps, self.episodes = steps, episodes
        rows = [[learner.initial] * world.actions for _ in range(world.states)]
        self.state = TableState(table=rows)

    def to_the_end(self, asked: Interruption, identity: str, watch: Watch) -> None:
        folder = watch.folder
        if folder is not None and not watch.resume:
            forget_table(folder)
        elif folder is not None and restore_table(self.state, folder, identity):
            text = f"resumed from episode {self.state.episodes} in {folder}"
            events.emit(events.Note(text=text))
        while self.done < 1.0:
            point = int(self.done * POINTS)
            self.episode()
            due = int(self.done * POINTS) > point
            if due:
                self.tell()
            if folder is not None and (due or asked.signal is not None):
                save_table(self.state, folder, identity)
            if asked.signal is not None and self.done < 1.0:
                raise self.stopped(asked.signal, folder)

    @property
    def done(self) -> float:
        """The share of learning that lies behind."""
        if self.episodes is not None:
            return self.state.episodes / self.episodes
        return self.state.steps / (self.steps or 1)

    def episode(self) -> None:
        """Play one episode to its end, or to the end of learning, and learn from every step."""
        learner, world, state, number = self.learner, self.world, self.state, self.state.episodes
        table, alpha, gamma = state.table, learner.rate, learner.discount
        draw = random.Random(derive(self.seed, "choice", number)).random

        def choose(row: list[float]) -> int:
            return _chosen(row, learner.explore.at(self.done), learner.ties, draw)

        here = world.reset(derive(self.seed, "episode", number) % 2**31)
        action, total = choose(table[here]), 0.0
        while True:
            after, reward, terminated, truncated = world.step(action)
            state.steps += 1
            total += reward
            future, following = 0.0, None
            if not terminated:
                future, following = learner.ahead(table[after], choose)
            row = table[here]
            row[action] += alpha * (reward + gamma * future - row[action])
            if terminated or truncated:
                state.episodes += 1
                state.returns.append(total)
                return
            if state.steps == self.steps:
                return
            here = after
            action = choose(table[here]) if following is None else following

    def tell(self) -> None:
        """A point of the curve, and the bar."""
        state, returns = self.state, self.state.returns
        episodes = self.episodes is not None
        done, total = (state.episodes, self.episodes) if episodes else (state.steps, self.steps)
        unit = "episodes" if episodes else "steps"
        events.emit(events.Progress(task=self.name, done=done, total=total, unit=unit))
        if returns:
            events.emit(events.Metric(name="return", value=fmean(returns), step=state.steps))
            returns.clear()

    def stopped(self, signal: str, folder: Path | None) -> Interrupted:
        where = (
            f"; saved in {folder}, run the same command with --resume to go on"
            if folder is not None
            else "; nothing was saved, since no folder was given"
        )
        return Interrupted(f"stopped by {signal} after episode {self.state.episodes}{where}")


def _chosen(row: list[float], epsilon: float, ties: Ties, draw: Callable[[], float]) -> int:
    """Any action with probability `epsilon`, else the best one."""
    if draw() < epsilon:
        return int(draw() * len(row))
    best = max(row)
    if ties == "first" or row.count(best) == 1:
        return row.index(best)
    tied = [action for action, value in enumerate(row) if value == best]
    return tied[int(draw() * len(tied))]
