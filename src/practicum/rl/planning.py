"""What is best when the world is known: Bellman's equations over a table of transitions.

V*(s) = max_a Σ_{s′} p(s′|s,a) [r + γ (1 − terminated) V*(s′)]   (Bellman 1957; Sutton & Barto 3.19)

A known world needs no learning, so these functions are what learned tables are judged by: values to
ten digits by iteration, values of any policy by one linear solve, and what an episode of at most so
many steps brings by carrying the distribution over states forward. A policy is a table
π(a|s) (states, actions) whose rows sum to 1; a deterministic one has one 1 in each row.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

import gymnasium
import numpy as np
from jaxtyping import Bool, Float, Int

from practicum.errors import ConfigError
from practicum.rl.environments import name_of

Ties = Literal["random", "first"]

# Environments whose `step` draws from their `P` and does nothing else.
_DRAWN_FROM_TABLES = frozenset(
    {
        "gymnasium.envs.toy_text.frozen_lake",
        "gymnasium.envs.toy_text.cliffwalking",
        "gymnasium.envs.toy_text.taxi",
        "practicum.rl.cheese_maze",
    }
)
_PLAIN_WRAPPERS = (
    gymnasium.wrappers.OrderEnforcing,
    gymnasium.wrappers.PassiveEnvChecker,
    gymnasium.wrappers.TimeLimit,
)


@dataclass(frozen=True)
class Transitions:
    """All that can happen. Outcome k of action a in state s has its probability, and what follows.

    Where there are fewer than k outcomes, the rest have probability 0.
    """

    probability: Float[np.ndarray, "s a k"]
    following: Int[np.ndarray, "s a k"]
    reward: Float[np.ndarray, "s a k"]
    terminated: Bool[np.ndarray, "s a k"]
    start: Float[np.ndarray, " s"]  # the distribution of first states

    @property
    def states(self) -> int:
        return self.probability.shape[0]

    @property
    def actions(self) -> int:
        return self.probability.shape[1]

    @property
    def expected_reward(self) -> Float[np.ndarray, "s a"]:
        """E[r | s, a]."""
        return (self.probability * self.reward).sum(-1)


def transitions_of(env: gymnasium.Env) -> Transitions:
    """The transitions that `env` publishes as Gymnasium's small worlds do: P[state][action].

    Raises ConfigError where there are none, or where they are not all that happens.
    """
    inner = cast(Any, env.unwrapped)
    table = getattr(inner, "P", None)
    if table is None:
        raise ConfigError(
            f"{name_of(env)} publishes no table of transitions; planning needs one, "
            "such as those of FrozenLake-v1, CliffWalking-v1 and Taxi-v4"
        )
    if getattr(inner, "fickle_passenger", False):
        raise ConfigError(f"{name_of(env)}'s fickle passenger is not in its table of transitions")
    states, actions = len(table), len(table[0])
    most = max(len(table[s][a]) for s in range(states) for a in range(actions))
    shape = (states, actions, most)
    probability, reward = np.zeros(shape), np.zeros(shape)
    following, terminated = np.zeros(shape, np.int64), np.zeros(shape, bool)
    for s in range(states):
        for a in range(actions):
            for k, (chance, after, gained, ended) in enumerate(table[s][a]):
                probability[s, a, k], following[s, a, k] = chance, after
                reward[s, a, k], terminated[s, a, k] = gained, ended
    start = np.asarray(inner.initial_state_distrib, np.float64)
    return Transitions(probability, following, reward, terminated, start / start.sum())


def is_drawn_from_its_table(env: gymnasium.Env) -> bool:
    """Whether `transitions_of(env)`, and a limit of steps, say everything that `env` does.

    Wrappers may change anything, and a class of one's own may do more than its `P` says; so only
    known worlds in wrappers that merely count and check are believed.
    """
    while isinstance(env, gymnasium.Wrapper):
        if not isinstance(env, _PLAIN_WRAPPERS):
            return False
        env = env.env
    known = type(env).step.__module__ in _DRAWN_FROM_TABLES
    return known and not getattr(env, "fickle_passenger", False)


def action_values(
    table: Transitions, values: Float[np.ndarray, " s"], gamma: float
) -> Float[np.ndarray, "s a"]:
    """Q(s, a) = Σ p [r + γ (1 − terminated) V(s′)]."""
    future = np.where(table.terminated, 0.0, values[table.following])
    return (table.probability * (table.reward + gamma * future)).sum(-1)


def best_values(
    table: Transitions, gamma: float, *, tolerance: float = 1e-12
) -> Float[np.ndarray, " s"]:
    """V* by value iteration: V ← max_a Q(·, a) until it lies within `tolerance` of the fixed point.

    An update that moves V by δ has come within δ γ/(1 − γ) of it, since each one shrinks distances
    by γ. Raises ConfigError for γ outside [0, 1).
    """
    if not 0 <= gamma < 1:
        raise ConfigError(f"values of endless episodes need a γ in [0, 1), not {gamma}")
    values = np.zeros(table.states)
    while True:
        updated = action_values(table, values, gamma).max(-1)
        moved = float(np.abs(updated - values).max())
        values = updated
        # rounding may keep the last digits moving for ever
        if moved * gamma / (1 - gamma) <= max(tolerance, 1e-14 * float(np.abs(values).max())):
            return values


def policy_values(
    table: Transitions, policy: Float[np.ndarray, "s a"], gamma: float
) -> Float[np.ndarray, " s"]:
    """V^π by one linear solve: (I − γ P_π) V = r_π (Sutton & Barto 4.4, as written)."""
    moves = np.eye(table.states) - gamma * chain(table, policy)
    return np.linalg.solve(moves, (policy * table.expected_reward).sum(-1))


def chain(
    table: Transitions, policy: Float[np.ndarray, "s a"]
) -> Float[np.ndarray, "states following"]:
    """P_π(s, s′): how likely an episode goes on in s′. Rows sum to less than 1 where it may end."""
    matrix = np.zeros((table.states, table.states))
    weight = policy[:, :, None] * np.where(table.terminated, 0.0, table.probability)
    rows = np.broadcast_to(np.arange(table.states)[:, None, None], weight.shape)
    np.add.at(matrix, (rows, table.following), weight)
    return matrix


def greedy(
    values: Float[np.ndarray, "s a"], *, ties: Ties = "random", tolerance: float = 0.0
) -> Float[np.ndarray, "s a"]:
    """The policy that takes the action of highest value.

    Actions within `tolerance` of the best are tied: "random" shares the probability among them,
    "first" gives it to the one of lowest number.
    """
    best = values >= values.max(-1, keepdims=True) - tolerance
    if ties == "first":
        best &= best.cumsum(-1) == 1
    return best / best.sum(-1, keepdims=True)


def uniform(table: Transitions) -> Float[np.ndarray, "s a"]:
    """The policy that takes any action with the same probability."""
    return np.full((table.states, table.actions), 1.0 / table.actions)


def expected_return(
    table: Transitions, policy: Float[np.ndarray, "s a"], *, steps: int, gamma: float = 1.0
) -> float:
    """What an episode of at most `steps` steps brings: Σ_t γ^t μ_t · r_π, with μ_{t+1} = μ_t P_π.

    μ_t is the distribution over states of the episodes that are still going on at step t.
    """
    return _carried(table, policy, (policy * table.expected_reward).sum(-1), steps, gamma)


def success_probability(
    table: Transitions, policy: Float[np.ndarray, "s a"], *, steps: int
) -> float:
    """How likely an episode ends within `steps` steps, by the rules, on a positive reward."""
    succeeded = table.probability * (table.terminated & (table.reward > 0))
    return _carried(table, policy, (policy * succeeded.sum(-1)).sum(-1), steps, 1.0)


def _carried(
    table: Transitions,
    policy: Float[np.ndarray, "s a"],
    gain: Float[np.ndarray, " s"],
    steps: int,
    gamma: float,
) -> float:
    going, total, moves = table.start, 0.0, gamma * chain(table, policy)
    for _ in range(steps):
        total += float(going @ gain)
        going = going @ moves
    return total
