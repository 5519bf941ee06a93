"""Two moons: as many points as asked, half of each, parted by no line but by their bend."""

import numpy as np

from practicum.data.moons import moons


def test_half_the_points_lie_on_each_moon_and_the_seed_decides():
    x, y = moons(50, noise=0.1, seed=3)
    assert x.shape == (50, 2)
    assert sorted(set(y)) == [-1.0, 1.0]
    assert y.sum() == 0
    np.testing.assert_array_equal(x, moons(50, noise=0.1, seed=3)[0])
    assert not np.array_equal(x, moons(50, noise=0.1, seed=4)[0])


def test_without_noise_every_point_lies_on_its_circle():
    x, y = moons(40, noise=0.0, seed=0)
    centres = np.where(y[:, None] < 0, [0.0, 0.0], [1.0, 0.5])
    np.testing.assert_allclose(np.linalg.norm(x - centres, axis=1), 1.0)
    assert (x[y < 0, 1] >= 0).all()
