"""The replay against a plain list of everything that happened."""

from collections import Counter

import numpy as np
import pytest

from practicum.errors import CheckpointError, ConfigError
from practicum.rl.replay import Replay
from practicum.rl.vector import Finished, Step


class World:
    """Copies that count: observation t of episode e of copy c is known from its number alone.

    `history` lists every transition as (number, action, reward, terminated, following number).
    """

    def __init__(self, copies: int, frames: int, lengths: tuple[int, ...]) -> None:
        self.copies, self.frames, self.lengths = copies, frames, lengths
        self.times, self.episodes, self.taken = [0] * copies, [0] * copies, 0
        self.history: list[list[tuple[int, int, float, bool, int]]] = [[] for _ in range(copies)]

    def number(self, copy: int, time: int) -> int:
        return copy * 10_000 + self.episodes[copy] * 100 + max(time, 0)

    def shown(self, copy: int, time: int) -> np.ndarray:
        """The number, or a stack of the latest ones that starts with the first one repeated."""
        if self.frames == 1:
            return np.full(2, self.number(copy, time), np.float32)
        ages = range(time - self.frames + 1, time + 1)
        return np.stack([np.full((2, 2), self.number(copy, age), np.float32) for age in ages])

    def into(self, replay: Replay) -> None:
        """One step of every copy, added to `replay`."""
        self.taken += 1
        before = np.stack([self.shown(c, self.times[c]) for c in range(self.copies)])
        actions = np.array([(self.taken + c) % 3 for c in range(self.copies)])
        rewards = np.array([self.taken + c / 2 for c in range(self.copies)], np.float32)
        after, finished = [], []
        terminated, truncated = np.zeros(self.copies, bool), np.zeros(self.copies, bool)
        for c in range(self.copies):
            here = self.number(c, self.times[c])
            self.times[c] += 1
            after.append(self.shown(c, self.times[c]))
            if self.times[c] == self.lengths[(self.episodes[c] + c) % len(self.lengths)]:
                terminated[c] = self.episodes[c] % 2 == 0
                truncated[c] = not terminated[c]
                finished.append(Finished(c, 0.0, self.times[c]))
            following = self.number(c, self.times[c])
            row = (here, int(actions[c]), float(rewards[c]), bool(terminated[c]), following)
            self.history[c].append(row)
        step = Step(np.stack(after), rewards, terminated, truncated, finished)
        replay.add(before, actions, step)
        for ended in finished:
            self.times[ended.copy] = 0
            self.episodes[ended.copy] += 1


def drawn(replay: Replay, count: int, seed: int = 0) -> list[tuple[int, int, float, bool, int]]:
    """Samples as rows of a `World`'s history; stacks are checked whole on the way."""
    some = replay.sample(count, generator=np.random.default_rng(seed))
    numbers = some.observations.reshape(count, replay.frames, -1)
    following = some.following.reshape(count, replay.frames, -1)
    if replay.frames > 1:
        for stack in (numbers, following):
            ages = stack[:, -1:, 0] - stack[:, :, 0]
            latest = stack[:, -1:, 0] % 100
            wanted = np.minimum(np.arange(replay.frames)[::-1], latest)
            np.testing.assert_array_equal(ages, wanted)
    columns = (numbers[:, -1, 0], some.actions, some.rewards, some.terminated, following[:, -1, 0])
    return [
        (int(o), int(a), float(r), bool(t), int(f)) for o, a, r, t, f in zip(*columns, strict=True)
    ]


@pytest.mark.parametrize("frames", [1, 2, 4])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("lengths", [(1,), (5, 1, 9), (1000,)])
def test_only_what_happened_lately_is_drawn_and_whole(frames, copies, lengths):
    world = World(copies, frames, lengths)
    shape = (2,) if frames == 1 else (frames, 2, 2)
    replay = Replay(12 * copies, shape, np.dtype(np.float32), copies=copies, frames=frames)
    for _ in range(60):
        world.into(replay)
        seen = set(drawn(replay, 40, seed=world.taken))
        lately = {row for history in world.history for row in history[-12:]}
        assert seen <= lately
        newest = {history[-1] for history in world.history}
        if world.taken < 4:
            assert seen & newest


@pytest.mark.parametrize("frames", [1, 3])
def test_within_one_episode_exactly_the_latest_are_kept_each_as_likely(frames):
    world = World(1, frames, (1000,))
    shape = (2,) if frames == 1 else (frames, 2, 2)
    replay = Replay(4, shape, np.dtype(np.float32), frames=frames)
    for _ in range(30):
        world.into(replay)
    counts = Counter(drawn(replay, 4000))
    assert set(counts) == set(world.history[0][-4:])
    assert all(count == pytest.approx(1000, abs=120) for count in counts.values())


@pytest.mark.parametrize(("frames", "copies"), [(1, 1), (4, 2)])
def test_a_sought_replay_goes_on_as_the_one_that_was_kept(frames, copies):
    worlds = [World(copies, frames, (7, 3)) for _ in range(2)]
    shape = (2,) if frames == 1 else (frames, 2, 2)
    made = [
        Replay(10 * copies, shape, np.dtype(np.float32), copies=copies, frames=frames)
        for _ in range(3)
    ]
    for steps in (6, 40):  # half full, and gone round
        for _ in range(steps):
            worlds[0].into(made[0])
            worlds[1].into(made[1])
        made[2].seek(made[1].position())
        made[1], made[2] = made[2], made[1]
        assert drawn(made[0], 50) == drawn(made[1], 50)


def test_bytes_stay_bytes():
    replay = Replay(3, (2, 4, 4), np.dtype(np.uint8), frames=2)
    frames = np.arange(3, dtype=np.uint8)[:, None, None] + np.zeros((3, 4, 4), np.uint8)
    nothing = np.zeros(1, bool)
    step = Step(frames[None, 1:], np.ones(1, np.float32), nothing, nothing, [])
    replay.add(frames[None, :2], np.array([1]), step)
    some = replay.sample(2, generator=np.random.default_rng(0))
    assert some.observations.dtype == np.uint8
    np.testing.assert_array_equal(some.observations[0], frames[:2])
    np.testing.assert_array_equal(some.following[1], frames[1:])


def test_what_cannot_be_held_or_drawn_is_refused():
    with pytest.raises(ConfigError, match="too small"):
        Replay(3, (2,), np.dtype(np.float32), copies=4)
    with pytest.raises(ConfigError, match="stacks of 4 frames"):
        Replay(3, (2, 5, 5), np.dtype(np.float32), frames=4)
    replay = Replay(3, (2,), np.dtype(np.float32))
    with pytest.raises(ConfigError, match="nothing was added"):
        replay.sample(1, generator=np.random.default_rng(0))
    with pytest.raises(CheckpointError, match="another capacity"):
        Replay(4, (2,), np.dtype(np.float32)).seek(replay.position())
