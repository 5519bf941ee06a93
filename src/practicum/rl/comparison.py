"""Learners of three kinds side by side in one environment, and beside those that learn nothing.

By values alone (Q-learning where states can be counted, else a deep Q-network), by the policy alone
(REINFORCE, whose baseline only steadies it), and by both at once (actor-critic; PPO on demand).
Real-valued actions have no table of values to pick from, so learners by values sit out there.

That an agent has learned something is a statement that can fail: the interval of its mean return
over fixed episodes has to lie above those of chance and of the best constant action. How far a
learner can be relied on is told by its agents of several seeds: their interval, how many learned.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, UnknownName
from practicum.lab.intervals import t_interval
from practicum.models.safetensors_folder import read_json
from practicum.models.trunks import Convolutions
from practicum.rl.actor_critic import ActorCritic
from practicum.rl.agent_folder import Saved, save_agent
from practicum.rl.dqn import DQN
from practicum.rl.environments import Choices, Environment, actions_of, observations_of
from practicum.rl.ppo import PPO
from practicum.rl.recording import record, write_gif, write_strip
from practicum.rl.reinforce import Reinforce
from practicum.rl.sanity import Preflight
from practicum.rl.score import SEEDS, Score, score
from practicum.rl.tabular import QLearning
from practicum.rl.trial import explaining, source_of
from practicum.training.loop import Watch

Family = Literal["values", "policy", "both"]
RESULT = "result.json"
MOST_STATES = 10_000  # of a table that chance fills in an ordinary number of steps


class Learner(Protocol):
    """Whatever turns an environment into an actor."""

    def learn(
        self, environment: Environment, *, steps: int, seed: int, watch: Watch = ...
    ) -> Saved:
        """An actor after `steps` environment steps."""
        ...


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A learner under a name that can also be a folder's."""

    name: str
    family: Family
    learner: Learner

    @property
    def reads_images(self) -> bool:
        """Whether its network is one of convolutions; other ones are tiny."""
        learner = self.learner
        deep = isinstance(learner, DQN | Reinforce | ActorCritic | PPO)
        return isinstance(learner.trunk, Convolutions) if deep else False


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one contestant came to at one training seed."""

    name: str
    seed: int
    score: Score
    seconds: float  # of learning


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One line of the comparison."""

    actor: str
    family: str
    mean: float
    interval: tuple[float, float] | None
    over: str  # what the interval is over
    learned: str  # how many of its agents are better than whoever learns nothing: "2 of 3"


LEARNERS = (
    Contestant(name="q-learning", family="values", learner=QLearning()),
    Contestant(name="dqn", family="values", learner=DQN()),
    Contestant(name="reinforce", family="policy", learner=Reinforce()),
    Contestant(name="actor-critic", family="both", learner=ActorCritic()),
    Contestant(name="ppo", family="both", learner=PPO()),
)
NAMES = tuple(contestant.name for contestant in LEARNERS)


def contestants(
    environment: Environment, *, steps: int, names: Sequence[str] = ()
) -> list[Contestant]:
    """Those called `names`, else one of each family that can act in `environment`.

    They have their standard values, but convolutions where images are seen, and a DQN starts within
    the first tenth of `steps`. Raises UnknownName, and ConfigError for one that cannot act here.
    """
    env = environment.make()
    discrete, seen = isinstance(actions_of(env), Choices), observations_of(env)
    env.close()
    known = {contestant.name: contestant for contestant in LEARNERS}
    for name in names:
        if name not in known:
            raise UnknownName("learner", name, known)
        if known[name].family == "values" and not discrete:
            raise ConfigError(f"{name} picks among countable actions; {environment.id} has none")
        if name == "q-learning" and seen.states is None:
            raise ConfigError(f"q-learning needs countable states; {environment.id} has none: dqn")
    if not names:
        countable = seen.states is not None and seen.states <= MOST_STATES
        value = ["q-learning" if countable else "dqn"] if discrete else []
        names = [*value, "reinforce", "actor-critic"]
    return [_suited(known[name], seen.shape, steps) for name in names]


def _suited(contestant: Contestant, shape: tuple[int, ...], steps: int) -> Contestant:
    learner = contestant.learner
    if isinstance(learner, DQN):
        learner = replace(learner, start=min(learner.start, max(1, steps // 10)))
    if isinstance(learner, DQN | Reinforce | ActorCritic | PPO) and _is_image(shape):
        learner = replace(learner, trunk=Convolutions())
    return replace(contestant, learner=learner)


def _is_image(shape: tuple[int, ...]) -> bool:
    """Whether the standard convolutions can read it."""
    try:
        return len(Convolutions().sides(shape)) > 0
    except ConfigError:
        return False


def play(
    contestant: Contestant,
    environment: Environment,
    *,
    steps: int,
    seed: int,
    episodes: int = len(SEEDS),
    folder: Path | None = None,
    resume: bool = False,
) -> Result:
    """Let `contestant` learn and be scored on that many fixed seeds.

    In `folder` the agent stays (`agent/`), and an episode of it (`replay.gif`, `replay.svg`). With
    `resume` a learner goes on from its checkpoint there, and one that was scored is not run again.
    """
    done = folder / RESULT if folder is not None else None
    if done is not None and resume and done.exists():
        return from_json(Result, read_json(done))
    checkpoints = folder / "checkpoints" if folder is not None else None
    watch = Watch(name=f"{contestant.name}, seed {seed}", folder=checkpoints, resume=resume)
    env = environment.make()
    source = source_of(env)
    env.close()
    with explaining("an episode", environment.id, file=source):
        before = time.perf_counter()
        agent = contestant.learner.learn(environment, steps=steps, seed=seed, watch=watch)
        seconds = time.perf_counter() - before
        points = score(agent, environment, range(episodes))
    result = Result(name=contestant.name, seed=seed, score=points, seconds=seconds)
    if folder is not None and done is not None and checkpoints is not None:
        save_agent(agent, environment, folder / "agent")
        recording = record(agent, environment)
        write_gif(recording, folder / "replay.gif")
        write_strip(recording, folder / "replay.svg")
        done.write_text(json.dumps(to_json(result), indent=1), encoding="utf-8")
        shutil.rmtree(checkpoints, ignore_errors=True)  # a replay may be larger than all the rest
    return result


def standings(results: Sequence[Result], found: Preflight) -> list[Standing]:
    """The learners by falling mean, then chance and the best constant action."""
    assert found.random is not None, found
    assert found.constant is not None, found
    idle = [
        _scored("at random", "none", found.random),
        _scored(found.constant_name, "none", found.constant),
    ]
    highest = max(standing.interval[1] if standing.interval else standing.mean for standing in idle)
    names = dict.fromkeys(result.name for result in results)
    learned = [_learned([r for r in results if r.name == name], highest) for name in names]
    return [*sorted(learned, key=lambda standing: -standing.mean), *idle]


def _scored(actor: str, family: str, score: Score) -> Standing:
    return Standing(
        actor=actor,
        family=family,
        mean=score.mean,
        interval=score.interval,
        over=_count(len(score.returns), "episode"),
        learned="",
    )


def _learned(results: list[Result], highest: float) -> Standing:
    """One learner over its seeds; over the episodes where there is but one seed."""
    name = results[0].name
    family = next(one.family for one in LEARNERS if one.name == name)
    standing = _scored(name, family, results[0].score)
    if len(results) > 1:
        means = [result.score.mean for result in results]
        standing = replace(
            standing,
            mean=fmean(means),
            interval=t_interval(means),
            over=_count(len(means), "seed"),
        )
    better = sum(_lowest(result.score) > highest for result in results)
    return replace(standing, learned=f"{better} of {len(results)}")


def _lowest(score: Score) -> float:
    return score.mean if score.interval is None else score.interval[0]


def _count(number: int, of: str) -> str:
    return f"{number} {of}{'' if number == 1 else 's'}"
