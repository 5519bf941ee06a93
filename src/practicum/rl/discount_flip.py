"""The discount γ at which another first move becomes the best one, by planning and as learned.

A small reward d_near steps away is worth γ^{d_near} near, a large one γ^{d_far} far, so that the
choice flips where γ^{d_far − d_near} = near/far: below it one takes what is close by.
"""

from collections.abc import Sequence
from dataclasses import replace

from practicum.rl.environments import Environment
from practicum.rl.planning import Transitions, action_values, best_values, transitions_of
from practicum.rl.tabular import QLearning

LONG_VIEW = 0.999  # a γ beyond any flip of interest
HALVINGS = 30


def first_state(table: Transitions) -> int:
    """Where an episode starts, most probably."""
    return int(table.start.argmax())


def best_move(table: Transitions, state: int, gamma: float) -> int:
    """The action that is best in `state`, the first where several are."""
    return int(action_values(table, best_values(table, gamma), gamma)[state].argmax())


def exact_flip(table: Transitions) -> float:
    """The least γ from which the best first move is that of a long view, by bisection."""
    state = first_state(table)
    move = best_move(table, state, LONG_VIEW)
    low, high = 0.0, LONG_VIEW
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if best_move(table, state, middle) == move:
            high = middle
        else:
            low = middle
    return high


def learned_flip(
    learner: QLearning,
    environment: Environment,
    discounts: Sequence[float],
    *,
    episodes: int,
    seed: int,
) -> int:
    """The place in `discounts` of the first with which the first move of a long view is learned.

    It is their number where there is none.
    """
    env = environment.make()
    table = transitions_of(env)
    env.close()
    state = first_state(table)
    move = best_move(table, state, LONG_VIEW)
    for place, discount in enumerate(discounts):
        patient = replace(learner, discount=discount)
        agent = patient.learn(environment, episodes=episodes, seed=seed)
        if agent.policy[state, move] > 0.5:
            return place
    return len(discounts)


def place_above(discounts: Sequence[float], flip: float) -> int:
    """The place in `discounts` of the first one above `flip`; their number where there is none."""
    return next((n for n, discount in enumerate(discounts) if discount > flip), len(discounts))
