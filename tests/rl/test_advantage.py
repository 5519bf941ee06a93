"""Returns and advantages against direct sums, and where episodes end."""

import numpy as np
import pytest

from practicum.rl.advantage import gae, gae_reference, rewards_to_go


def drawn(seed: int, t: int = 23, n: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    draw = np.random.default_rng(seed)
    numbers = [draw.normal(size=(t, n)) for _ in range(3)]
    terminated, truncated = draw.random((t, n)) < 0.15, draw.random((t, n)) < 0.1
    return numbers, [terminated, truncated & ~terminated]


@pytest.mark.parametrize("smoothing", [0.0, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_gae_equals_the_direct_sum(seed: int, smoothing: float):
    numbers, ends = drawn(seed)
    ours = gae(*numbers, *ends, discount=0.97, smoothing=smoothing)
    direct = gae_reference(*numbers, *ends, discount=0.97, smoothing=smoothing)
    np.testing.assert_allclose(ours, direct, atol=1e-6)


def test_with_full_smoothing_the_advantage_is_the_return_less_the_value():
    (rewards, values, _), _ = drawn(0)
    nothing = np.zeros_like(rewards)
    never = np.zeros(rewards.shape, bool)
    ours = gae(rewards, values, np.vstack([values[1:], nothing[:1]]), never, never,
               discount=0.9, smoothing=1.0)  # fmt: skip
    np.testing.assert_allclose(ours, rewards_to_go(rewards, never, discount=0.9) - values)


def test_truncation_is_worth_what_followed_and_termination_nothing():
    one = np.ones((1, 1))
    yes, no = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    for terminated, truncated, expected in ((yes, no, 1 - 3), (no, yes, 1 + 0.5 * 10 - 3)):
        ours = gae(one, 3 * one, 10 * one, terminated, truncated, discount=0.5, smoothing=0.9)
        assert ours.item() == expected


def test_nothing_passes_from_one_episode_to_the_one_before():
    (rewards, values, next_values), (terminated, truncated) = drawn(1)
    ended = terminated | truncated
    row = int(ended[:, 0].nonzero()[0][0])
    changed = rewards.copy()
    changed[row + 1 :] += 5
    keywords = {"discount": 0.9, "smoothing": 0.9}
    before = gae(rewards, values, next_values, terminated, truncated, **keywords)
    after = gae(changed, values, next_values, terminated, truncated, **keywords)
    np.testing.assert_array_equal(before[: row + 1, 0], after[: row + 1, 0])
    np.testing.assert_array_equal(
        rewards_to_go(rewards, ended, discount=0.9)[: row + 1, 0],
        rewards_to_go(changed, ended, discount=0.9)[: row + 1, 0],
    )


def test_rewards_to_go_are_discounted_sums():
    rewards = np.array([[1.0], [2.0], [4.0], [8.0]])
    ended = np.array([[False], [True], [False], [False]])
    ours = rewards_to_go(rewards, ended, discount=0.5)
    np.testing.assert_allclose(ours[:, 0], [2.0, 2.0, 8.0, 8.0])
