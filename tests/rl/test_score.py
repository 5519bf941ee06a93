"""Scores are returns of whole episodes from fixed seeds, with an interval that speaks of them."""

import numpy as np
import pytest

from practicum.errors import ConfigError, TrainingError
from practicum.rl.controls import MOST_CONSTANTS, Always, AtRandom, constants
from practicum.rl.environments import Environment
from practicum.rl.score import LIMIT, score

CART = Environment(id="CartPole-v1")


class Balancing:
    """Pushes towards where the pole falls: a little skill, and no chance."""

    def act(self, observations):
        return (observations[:, 2] + 0.3 * observations[:, 3] > 0).astype(np.int64)


def test_one_episode_for_each_seed_and_the_same_every_time(odd):
    first, second = (score(Balancing(), CART, range(6)) for _ in range(2))
    assert first == second
    assert len(first.returns) == len(first.lengths) == 6
    assert first.returns == tuple(map(float, first.lengths)), "CartPole pays 1 a step"
    assert first.mean == pytest.approx(np.mean(first.returns))
    low, high = first.interval
    assert min(first.returns) <= low <= first.mean <= high <= max(first.returns)


def test_the_company_of_other_seeds_does_not_matter():
    together = score(Balancing(), CART, range(5)).returns
    assert together == tuple(score(Balancing(), CART, [seed]).returns[0] for seed in range(5))


def test_one_episode_has_no_interval():
    assert score(Balancing(), CART, [3]).interval is None


def test_skill_beats_chance_and_constants():
    skilled = score(Balancing(), CART).interval
    chance = score(AtRandom(CART, seed=0), CART).interval
    always = [score(constant, CART).interval for constant in constants(CART)]
    assert skilled[0] > max(high for _, high in [chance, *always])


def test_an_episode_without_end_is_cut_and_counted(odd):
    left = score(Always(0), odd("Corridor"), range(3), limit=50)
    assert left.cut == 3
    assert left.lengths == (50, 50, 50)
    right = score(Always(1), odd("Corridor"), range(3), limit=50)
    assert (right.cut, right.lengths) == (0, (4, 4, 4))
    assert right.mean == pytest.approx(0.97)


def test_the_limit_is_the_environments_own_where_it_has_one(odd):
    lake = Environment(id="FrozenLake-v1", options=(("max_episode_steps", 7),))
    assert max(score(Always(0), lake, range(8)).lengths) <= 7
    assert score(Always(0), odd("Corridor"), [0]).lengths == (LIMIT,)


def test_a_reward_that_is_no_number_is_said(odd):
    with pytest.raises(TrainingError, match="gave a reward of nan in step 2"):
        score(Always(1), odd("NotANumber"), [0])


def test_no_seed_is_refused():
    with pytest.raises(ConfigError, match="at least one seed"):
        score(Always(0), CART, [])


def test_chance_is_repeatable_and_takes_every_action():
    seen = np.zeros((200, 4), np.float32)
    first, again, other = (AtRandom(CART, seed=seed).act(seen) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert set(first.tolist()) == {0, 1}
    pushes = AtRandom(Environment(id="Pendulum-v1"), seed=0).act(seen)
    assert pushes.shape == (200, 1)
    assert -2 <= pushes.min() < -1.5
    assert 1.5 < pushes.max() <= 2


def test_constants_are_every_choice_or_the_ends_and_middle_of_a_range(odd):
    assert [str(constant) for constant in constants(CART)] == ["always 0", "always 1"]
    pushes = [str(constant) for constant in constants(Environment(id="Pendulum-v1"))]
    assert pushes == ["always [-2.]", "always [0.]", "always [2.]"]
    assert len(constants(odd("ManyDoors"))) == MOST_CONSTANTS
