"""Random graphs: the same for the same generator, of every gate, told apart when they differ."""

import numpy as np
import pytest

from practicum.autograd.random_graphs import (
    ARRAY_GATES,
    FULL,
    SCALAR_GATES,
    array_graphs,
    disagreement,
    draw_shape,
    gradients,
    scalar_graphs,
)
from practicum.autograd.scalar import Value


def test_equal_generators_draw_equal_graphs_of_every_gate():
    one, two = (list(scalar_graphs(30, generator=np.random.default_rng(0))) for _ in range(2))
    assert one == two
    assert {gate for steps, _ in one for gate, _, _ in steps} == set(SCALAR_GATES)
    blocks = array_graphs(60, generator=np.random.default_rng(0))
    assert {gate for steps, _ in blocks for gate, _, _ in steps} == set(ARRAY_GATES)


def test_shapes_broadcast_to_the_full_one_and_differ():
    draw = np.random.default_rng(0)
    shapes = {draw_shape(draw) for _ in range(100)}
    assert all(np.broadcast_shapes(shape, FULL) == FULL for shape in shapes)
    assert {len(shape) for shape in shapes} == {0, 1, 2, 3}


def test_a_wrong_local_derivative_is_seen():
    (steps, numbers), *_ = scalar_graphs(1, generator=np.random.default_rng(0))
    right = gradients(steps, [Value(n) for n in numbers], SCALAR_GATES)
    wrong = {**SCALAR_GATES, **dict.fromkeys(SCALAR_GATES, lambda a, _: a * 1.001)}
    assert disagreement(right, right) == 0
    assert disagreement(gradients(steps, [Value(n) for n in numbers], wrong), right) > 1e-6


def test_disagreement_is_relative_to_the_largest_number():
    assert disagreement([[1.0, 2.0], 100.0], [[1.0, 2.0], 101.0]) == pytest.approx(1 / 101)
    assert disagreement([0.0], [0.0]) == 0.0
