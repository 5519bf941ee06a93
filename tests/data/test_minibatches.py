"""Mini-batches hold the rows that a loader names, inputs beside their targets."""

from itertools import islice

import numpy as np

from practicum.data.loader import Loader
from practicum.data.minibatches import minibatches

X = np.arange(14.0).reshape(7, 2)


def test_rows_come_in_the_loaders_order_and_stay_together():
    loader = Loader(range(7), 3, seed=5)
    for x, y in islice(minibatches(X, -X[:, :1], 3, seed=5), 9):
        np.testing.assert_array_equal(x, X[next(loader)])
        np.testing.assert_array_equal(y, -x[:, :1])


def test_every_row_comes_once_an_epoch_and_epochs_differ():
    epochs = [
        np.concatenate([x for x, _ in islice(it, 7)]) for it in [minibatches(X, X, 1, seed=0)] * 2
    ]
    for epoch in epochs:
        assert sorted(epoch[:, 0]) == X[:, 0].tolist()
    assert not np.array_equal(*epochs)
