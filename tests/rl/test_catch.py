"""The pixel game: its pictures, its rules, and that two frames tell what one does not."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from practicum.errors import ConfigError
from practicum.rl.catch import BALL, FALL, SIDE, Catch
from practicum.rl.environments import Environment
from practicum.rl.vector import Vector

LEFT, STAY, RIGHT = range(3)


def landing(game: Catch) -> int:
    """Where the ball will be when it is at the bottom."""
    most, steps = SIDE - BALL, -(-(SIDE - BALL - game.height) // FALL)
    unfolded = (game.ball + game.drift * steps) % (2 * most)
    return min(unfolded, 2 * most - unfolded)


def toward(game: Catch, place: int) -> int:
    middle = game.paddle + 5
    return STAY if abs(place - middle) < 4 else LEFT if place < middle else RIGHT


@pytest.mark.filterwarnings("ignore:.*WARN")
def test_it_keeps_the_contract_of_gymnasium():
    check_env(Catch(), skip_render_check=True)


def test_whoever_knows_the_drift_catches_every_ball_and_whoever_stays_does_not():
    game, known, idle = Catch(balls=20), 0.0, 0.0
    game.reset(seed=2)
    over = False
    while not over:
        _, reward, over, _, _ = game.step(toward(game, landing(game)))
        known += reward
    game.reset(seed=2)
    over = False
    while not over:
        _, reward, over, _, _ = game.step(STAY)
        idle += reward
    assert known == 20
    assert idle < 0


def test_an_episode_has_as_many_rewards_as_balls():
    game = Catch(balls=3)
    game.reset(seed=0)
    rewards, over = [], False
    while not over:
        _, reward, over, truncated, _ = game.step(STAY)
        rewards.append(reward)
        assert not truncated
    assert len([reward for reward in rewards if reward]) == 3
    assert len(rewards) == 3 * 20


def test_the_ball_stays_in_the_picture_and_is_always_seen():
    game = Catch()
    seen, _ = game.reset(seed=4)
    for _ in range(100):
        assert (seen == 255).sum() == BALL * BALL
        assert seen.dtype == np.uint8
        seen, _, over, _, _ = game.step(RIGHT)
        if over:
            seen, _ = game.reset()


def test_stacked_frames_are_bytes_and_tell_the_drift():
    vector = Vector(Environment(id="practicum.rl.catch:Catch", frames=4), 1, seed=0)
    for _ in range(4):
        vector.step(np.array([STAY]))
    stack = vector.observations[0]
    assert (stack.shape, stack.dtype) == ((4, SIDE, SIDE), np.uint8)
    columns = [int(np.flatnonzero((frame == 255).any(0))[0]) for frame in stack]
    assert len(set(np.diff(columns))) == 1


def test_the_picture_is_four_times_as_large():
    game = Catch(render_mode="rgb_array")
    game.reset(seed=0)
    picture = game.render()
    assert picture is not None
    assert picture.shape == (336, 336, 3)
    np.testing.assert_array_equal(picture[::4, ::4, 0], game.pixels())


def test_no_balls_are_no_game():
    with pytest.raises(ConfigError, match="0 balls"):
        Catch(balls=0)
