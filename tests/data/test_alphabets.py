"""Episodes of characters nobody has seen: pictures of the same one are alike, of others not."""

import numpy as np
import pytest

from practicum.data.alphabets import Alphabets
from practicum.errors import ConfigError

RNG = np.random.default_rng


def test_every_character_is_shown_as_often_and_one_is_asked_for():
    for episode in Alphabets(ways=3, shots=2, side=8).draw(20, RNG(0)):
        assert episode.pictures.shape == (7, 64)
        assert sorted(episode.labels[:6].tolist()) == [0, 0, 1, 1, 2, 2]
        assert 0 <= episode.labels[6] < 3
        assert episode.pictures.min() >= 0
        assert 0.5 < episode.pictures.max() <= 1


def test_the_picture_nearest_to_the_one_asked_for_is_mostly_of_the_same_character():
    right = 0
    for episode in Alphabets(wobble=0.02).draw(200, RNG(0)):
        distances = np.square(episode.pictures[:-1] - episode.pictures[-1]).sum(1)
        right += int(episode.labels[distances.argmin()] == episode.labels[-1])
    assert right > 100  # by chance 40


def test_without_a_wobble_or_a_turn_a_picture_would_be_the_same_and_is_not():
    (episode,) = Alphabets(ways=2, shots=2).draw(1, RNG(0))
    same = [n for n in range(4) if episode.labels[n] == 0]
    assert not np.array_equal(*episode.pictures[same])


def test_an_impossible_alphabet_is_refused():
    with pytest.raises(ConfigError, match="1 ways, 1 shots"):
        Alphabets(ways=1)
