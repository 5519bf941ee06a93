"""Learning to act on CartPole-v1, ours and stable-baselines3 with equal hyper-parameters.

Speed: environment steps per second of a whole run from nothing, acting and learning, on one core,
contestants taking turns. Scores: greedy episodes from twenty fixed seeds after training with each
of several seeds; what is compared is the mean over training seeds with its 95 % t interval. SB3 has
no REINFORCE: its nearest relative, actor-critic with λ = 1 and as many copies, stands beside ours.

    OMP_NUM_THREADS=1 python benchmarks/rl.py [--part speed score] [--rounds 5] [--seeds 5]
"""

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from statistics import fmean
from typing import Any

import numpy as np
import torch
from stable_baselines3 import A2C as TheirA2C
from stable_baselines3 import DQN as TheirDQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env

from measure import RESULTS, interleave, medians, save, show, watching_load
from practicum.lab.intervals import t_interval
from practicum.models.trunks import Dense, Trunk
from practicum.rl.actor_critic import ActorCritic
from practicum.rl.agent import Actor
from practicum.rl.dqn import DQN
from practicum.rl.environments import Environment
from practicum.rl.reinforce import Reinforce
from practicum.rl.score import score
from practicum.training.optimiser import AdamW, RMSprop
from practicum.training.schedules import Constant, Linear

POLE = Environment(id="CartPole-v1")
Learner = ActorCritic | Reinforce | DQN


@dataclass(frozen=True)
class Theirs:
    """An SB3 agent as an actor of ours."""

    model: BaseAlgorithm

    def act(self, observations: np.ndarray) -> np.ndarray:
        return self.model.predict(observations, deterministic=True)[0]


def widths(trunk: Trunk) -> list[int]:
    """Of the hidden layers."""
    assert isinstance(trunk, Dense), trunk
    return list(trunk.hidden)


def their_a2c(ours: ActorCritic, seed: int) -> BaseAlgorithm:
    """SB3's A2C with the hyper-parameters of `ours`."""
    root = isinstance(ours.optimiser, RMSprop)
    linear = isinstance(ours.schedule, Linear)
    assert isinstance(ours.optimiser, RMSprop | AdamW), ours.optimiser
    eps = ours.optimiser.eps
    return TheirA2C(
        "MlpPolicy",
        make_vec_env(POLE.id, n_envs=ours.copies, seed=seed),
        n_steps=ours.length,
        gamma=ours.discount,
        gae_lambda=ours.smoothing,
        vf_coef=ours.value_weight,
        ent_coef=ours.entropy_weight,
        max_grad_norm=ours.clip or math.inf,
        normalize_advantage=ours.normalise,
        learning_rate=(lambda left: ours.rate * left) if linear else ours.rate,
        use_rms_prop=root,
        rms_prop_eps=eps,
        policy_kwargs={
            "net_arch": {"pi": widths(ours.trunk), "vf": widths(ours.trunk)},
            **({"optimizer_kwargs": {"eps": eps}} if isinstance(ours.optimiser, AdamW) else {}),
        },
        device="cpu",
        seed=seed,
    )


def their_dqn(ours: DQN, seed: int) -> BaseAlgorithm:
    """SB3's DQN with the hyper-parameters of `ours`; it counts all of them in environment steps."""
    return TheirDQN(
        "MlpPolicy",
        make_vec_env(POLE.id, n_envs=ours.copies, seed=seed),
        learning_rate=ours.rate,
        buffer_size=ours.replay,
        learning_starts=ours.start,
        batch_size=ours.batch,
        gamma=ours.discount,
        train_freq=ours.every // ours.copies,
        gradient_steps=ours.updates,
        target_update_interval=ours.copy_every * ours.every // ours.updates,
        exploration_fraction=ours.explore.share,
        exploration_initial_eps=ours.explore.start,
        exploration_final_eps=ours.explore.end,
        max_grad_norm=ours.clip or math.inf,
        policy_kwargs={"net_arch": widths(ours.trunk)},
        device="cpu",
        seed=seed,
    )


def their_reinforce(ours: Reinforce, seed: int) -> BaseAlgorithm:
    """No such thing: A2C with λ = 1, updates after 64 steps of each of as many copies."""
    relative = ActorCritic(
        copies=ours.episodes,
        length=64,
        smoothing=1.0,
        discount=ours.discount,
        normalise=False,
        rate=ours.rate,
        schedule=Constant(),
        clip=ours.clip,
        trunk=ours.trunk,
    )
    return their_a2c(relative, seed)


def theirs(ours: Learner, seed: int) -> BaseAlgorithm:
    match ours:
        case ActorCritic():
            return their_a2c(ours, seed)
        case DQN():
            return their_dqn(ours, seed)
        case Reinforce():
            return their_reinforce(ours, seed)


THEIR_DEFAULTS = ActorCritic(
    length=5,
    smoothing=1.0,
    normalise=False,
    rate=7e-4,
    schedule=Constant(),
    optimiser=RMSprop(smoothing=0.99, eps=1e-5),
)
OUR_DQN = DQN(copy_every=63)  # updates, one every 4 steps: a new target every 250 steps or so
SPEED: dict[str, tuple[Learner, int]] = {  # with the environment steps of one run
    "A2C, SB3's defaults, 1 copy": (replace(THEIR_DEFAULTS, copies=1), 3_000),
    "A2C, SB3's defaults, 8 copies": (THEIR_DEFAULTS, 16_000),
    "A2C, 8 × 32": (ActorCritic(), 32_000),
    "DQN, 128-128": (OUR_DQN, 6_000),
}
SCORE: dict[str, tuple[Learner, int]] = {
    "A2C": (ActorCritic(), 60_000),
    "REINFORCE": (Reinforce(), 60_000),
    "DQN": (OUR_DQN, 50_000),
}


def speed(name: str, *, rounds: int) -> dict[str, Any]:
    """Steps per second of both, and how many times as fast ours is."""
    learner, steps = SPEED[name]
    contestants: dict[str, Callable[[], object]] = {
        "practicum": lambda: learner.learn(POLE, steps=steps, seed=1),
        "stable-baselines3": lambda: theirs(learner, 1).learn(steps),
    }
    with watching_load() as load:
        seconds = interleave(contestants, rounds=rounds)
    show(f"{name}: {steps} steps", seconds, "stable-baselines3")
    middle = medians(seconds)
    per_second = {who: steps / middle[who] for who in middle}
    ratio = middle["stable-baselines3"] / middle["practicum"]
    print(f"  {per_second['practicum']:,.0f} against {per_second['stable-baselines3']:,.0f} "
          f"steps/s; foreign load {load.foreign:.0%}{' (noisy)' * load.noisy}")  # fmt: skip
    return {"steps_per_second": per_second, "speedup": ratio, "foreign": load.foreign}


def scores(name: str, *, seeds: int) -> dict[str, Any]:
    """Mean scores of both after training with each seed, and whether their intervals overlap."""
    learner, steps = SCORE[name]
    learners: dict[str, Callable[[int], Actor]] = {
        "practicum": lambda seed: learner.learn(POLE, steps=steps, seed=seed),
        "stable-baselines3": lambda seed: Theirs(theirs(learner, seed).learn(steps)),
    }
    result: dict[str, Any] = {}
    for who, learn in learners.items():
        found = [score(learn(seed), POLE).mean for seed in range(seeds)]
        low, high = t_interval(found) or (found[0], found[0])
        result[who] = {"scores": found, "mean": fmean(found), "interval": (low, high)}
        print(f"{name}, {steps} steps, {who:17}: {fmean(found):5.1f} in [{low:.1f}, {high:.1f}]")
    (a, b), (c, d) = (result[who]["interval"] for who in learners)
    return {**result, "overlap": a <= d and c <= b}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="+", default=["speed", "score"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        print("set OMP_NUM_THREADS=1: NumPy's products would use more than one core")
    path = RESULTS / "rl.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    result["peers"] = {p: metadata.version(p) for p in ("stable-baselines3", "gymnasium")}
    if "speed" in asked.part:
        result["speed"] = {name: speed(name, rounds=asked.rounds) for name in SPEED}
    if "score" in asked.part:
        result["score"] = {name: scores(name, seeds=asked.seeds) for name in SCORE}
    save("rl", {key: result[key] for key in ("peers", "speed", "score") if key in result})


if __name__ == "__main__":
    main()
