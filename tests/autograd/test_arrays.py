"""The tensor twin: torch's gradients on random graphs, over NumPy and over torch, and its laws."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.autograd.arrays import Array, no_grad
from practicum.autograd.cross_entropy import cross_entropy
from practicum.autograd.graph import topological
from practicum.autograd.random_graphs import (
    ARRAY_GATES,
    FULL,
    SCALAR_GATES,
    disagreement,
    draw_shape,
    replay,
)
from practicum.autograd.scalar import Value
from practicum.errors import ConfigError

STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(ARRAY_GATES)), st.integers(0), st.integers(0)), max_size=15
)


def over(library, numbers):
    return Array(torch.tensor(numbers) if library == "torch" else numbers)


def tensor(numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_random_broadcast_graphs_have_torch_gradients(library, steps, seed):
    draw = np.random.default_rng(seed)
    numbers = [draw.uniform(-2, 2, draw_shape(draw)) for _ in range(3)]
    ours, theirs = [over(library, n) for n in numbers], [tensor(n) for n in numbers]
    root, expected = replay(steps, ours, ARRAY_GATES), replay(steps, theirs, ARRAY_GATES)
    arriving = draw.normal(size=root.shape)
    root.backward(arriving)
    (expected * torch.tensor(arriving)).sum().backward()
    assert disagreement([root.data], [expected.detach()]) <= 1e-10
    assert disagreement([a.grad for a in ours], [t.grad for t in theirs]) <= 1e-10


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(SCALAR_GATES)), st.integers(0), st.integers(0))),
    st.integers(0, 2**32),
)
def test_an_array_of_one_number_is_a_value(steps, seed):
    gates = {**SCALAR_GATES, "max(a, b)": SCALAR_GATES["a + b"]}
    numbers = np.random.default_rng(seed).uniform(-2, 2, 3).tolist()
    values, arrays = [Value(n) for n in numbers], [Array(n) for n in numbers]
    value, array = replay(steps, values, gates), replay(steps, arrays, gates)
    value.backward()
    array.backward()
    # exp and tanh of math and of NumPy differ in the last bit, which further gates magnify
    assert disagreement([array.data], [value.data]) <= 1e-10
    assert disagreement([a.grad for a in arrays], [v.grad for v in values]) <= 1e-10


SHAPES = {
    "vector, vector": ((3,), (3,)),
    "matrix, vector": ((2, 3), (3,)),
    "vector, matrix": ((3,), (3, 2)),
    "matrix, matrix": ((2, 3), (3, 4)),
    "batch, matrix": ((5, 2, 3), (3, 4)),
    "batch, batch": ((5, 2, 3), (5, 3, 4)),
    "vector, batch": ((3,), (5, 3, 4)),
    "broadcast batches": ((5, 1, 2, 3), (6, 3, 4)),
}


@pytest.mark.parametrize(("left", "right"), SHAPES.values(), ids=SHAPES)
def test_products_of_all_kinds(left, right):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=left), draw.normal(size=right)
    ours, theirs = (Array(a), Array(b)), (tensor(a), tensor(b))
    (ours[0] @ ours[1]).tanh().sum().backward()
    (theirs[0] @ theirs[1]).tanh().sum().backward()
    assert disagreement([x.grad for x in ours], [t.grad for t in theirs]) <= 1e-12


INDICES = {
    "one": 1,
    "slice": slice(None, None, 2),
    "last column": (..., -1),
    "new axis": (slice(None), None),
    "rows twice": [0, 2, 0, 0],
    "pairs": ([0, 0, 2], [1, 1, 3]),
    "mask": (np.arange(12).reshape(3, 4) % 5 == 0),
}


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_indexing_scatters_its_gradient_back(library, index):
    numbers = np.random.default_rng(0).normal(size=(3, 4))
    ours, theirs = over(library, numbers), tensor(numbers)
    (ours[index] ** 2).sum().backward()
    (theirs[index] ** 2).sum().backward()
    assert disagreement([ours.grad], [theirs.grad]) <= 1e-12


REDUCTIONS = {
    "sum": (lambda a: a.sum(), lambda t: t.sum()),
    "sum of rows": (lambda a: a.sum(-1), lambda t: t.sum(-1)),
    "sum of two axes": (lambda a: a.sum((0, 2)), lambda t: t.sum((0, 2))),
    "mean": (lambda a: a.mean(1, keepdims=True), lambda t: t.mean(1, keepdim=True)),
    "max": (lambda a: a.max(), lambda t: t.amax()),
    "max of columns": (lambda a: a.max(0), lambda t: t.amax(0)),
    "max kept": (lambda a: a.max((0, -1), keepdims=True), lambda t: t.amax((0, -1), True)),
    "order": (lambda a: a.transpose(2, 0, 1), lambda t: t.permute(2, 0, 1)),
    "reversed": (lambda a: a.T, lambda t: t.permute(2, 1, 0)),
    "swapped": (lambda a: a.swapaxes(0, -1), lambda t: t.swapaxes(0, -1)),
    "reshape": (lambda a: a.reshape(4, -1), lambda t: t.reshape(4, -1)),
}


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_and_shapes_agree_with_torch(library, name):
    ours_of, theirs_of = REDUCTIONS[name]
    numbers = np.random.default_rng(0).integers(0, 3, FULL).astype(float)  # with ties for max
    ours, theirs = over(library, numbers), tensor(numbers)
    out, expected = ours_of(ours), theirs_of(theirs)
    assert out.shape == tuple(expected.shape)
    arriving = np.random.default_rng(1).normal(size=out.shape)
    out.backward(arriving)
    expected.backward(torch.tensor(arriving))
    assert disagreement([out.data], [expected.detach()]) <= 1e-12
    assert disagreement([ours.grad], [theirs.grad]) <= 1e-12


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_fused_cross_entropy_is_torchs_even_for_huge_logits(library):
    numbers = np.random.default_rng(0).normal(size=(6, 4)) * 1000
    targets = np.array([0, 3, 1, 1, 2, 0])
    ours, theirs = over(library, numbers), tensor(numbers)
    losses = cross_entropy(ours, torch.tensor(targets) if library == "torch" else targets)
    expected = torch.nn.functional.cross_entropy(theirs, torch.tensor(targets), reduction="none")
    losses.mean().backward()
    expected.mean().backward()
    assert disagreement([losses.data], [expected.detach()]) <= 1e-12
    assert disagreement([ours.grad], [theirs.grad]) <= 1e-12
    with pytest.raises(ConfigError, match="lie in 0 … 3; got 0 … 4"):
        cross_entropy(ours, targets + targets // 3)


def test_relu_and_max_have_no_gradient_where_they_lose():
    a = Array([-1.0, 0.0, 2.0])
    a.relu().sum().backward()
    assert a.grad.tolist() == [0.0, 0.0, 1.0]
    b = Array([1.0, 3.0, 3.0])
    b.max().backward()
    assert b.grad.tolist() == [0.0, 0.5, 0.5]


def test_without_grad_nothing_is_remembered():
    a = Array([1.0, 2.0])
    with no_grad():
        b = (a * 2).sum()
        assert (b.children, b.op) == ((), "")
    assert (a * 2).children != ()
    b.backward()
    assert a.grad.tolist() == [0.0, 0.0]


def test_leaves_add_up_over_passes_and_inner_nodes_do_not():
    a = Array([1.0, 2.0])
    square = a * a
    y = square.sum()
    y.backward()
    y.backward()
    assert a.grad.tolist() == [4.0, 8.0]
    assert square.grad.tolist() == [1.0, 1.0]


def test_gradients_of_two_leaves_are_not_the_same_memory():
    a, b = Array([1.0, 2.0]), Array([3.0, 4.0])
    (a + b).sum().backward()
    a.grad += 5.0
    assert b.grad.tolist() == [1.0, 1.0]


def test_weights_changed_after_the_forward_pass_do_not_change_its_gradient():
    w, x = Array([2.0]), Array([3.0])
    y = (w * x).sum()
    w.data = w.data + 100.0
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_fifty_thousand_chained_nodes_need_no_recursion():
    x = Array([1.0, 2.0])
    y = x
    for _ in range(50_000):
        y = -y
    total = y.sum()
    total.backward()
    assert len(topological(total)) == 50_002
    assert x.grad.tolist() == [1.0, 1.0]
    del total, y  # so long a chain must also be let go without recursion


def test_plain_operands_take_the_dtype_of_the_array():
    a = Array(np.ones(2, dtype=np.float32))
    for out in (2 * a, a + np.ones(2), [1, 2] - a, np.ones((3, 2)) @ a, 1 / a, a @ np.eye(2)):
        assert out.dtype == np.float32
    (np.arange(2) * a).sum().backward()
    assert a.grad.dtype == np.float32
    assert Array([1, 2]).dtype == Array([True, False]).dtype == np.float64
    t = Array(torch.ones(2))
    assert (np.ones(2) * t + torch.ones(2)).dtype == torch.float32
    assert (torch.ones(2) * t).shape == (2,)


def test_torch_records_nothing_under_an_array():
    weights = torch.ones(2, requires_grad=True)
    a = Array(weights)
    assert not (a * 2).data.requires_grad


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda a: a + np.ones(4), "shapes \\(2, 3\\) and \\(4,\\) do not broadcast in \\+"),
        (lambda a: a @ a, "shapes \\(2, 3\\) and \\(2, 3\\) do not fit @"),
        (lambda a: a * "x", "an Array holds real numbers; got str 'x'"),
        (lambda a: a ** Array(2.0), "exponent of .* must be a plain number; got Array"),
        (lambda a: a.sum(2), "shape \\(2, 3\\) has no axis 2"),
        (lambda a: a.reshape(4, 2), "shape \\(2, 3\\) cannot be reshaped to \\(4, 2\\)"),
        (lambda a: a.reshape(-1, 4), "cannot be reshaped"),
        (lambda a: a.transpose(0, 0), "cannot be ordered as \\(0, 0\\)"),
        (lambda a: a.broadcast_to((2, 1)), "cannot be broadcast to \\(2, 1\\)"),
        (lambda a: a.backward(), "shape \\(2, 3\\) needs a gradient of that shape"),
        (lambda a: a.backward([1.0, 2.0]), "shape \\(2, 3\\) needs a gradient of that shape"),
        (lambda a: a + Array(np.ones(3, dtype=np.float32)), "of one library and dtype"),
        (lambda a: a + Array(torch.ones(3).double()), "of one library and dtype"),
        (lambda a: Array([[1.0], [1.0, 2.0]]), "rows of an Array have equal lengths"),
        (lambda a: Array([1j]), "real numbers; got list"),
        (lambda a: Array(torch.ones(2) * 1j), "real numbers; got Tensor"),
        (lambda a: a + Value(1.0), "real numbers; got Value"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_one_line(attempt, said):
    with pytest.raises(ConfigError, match=said) as caught:
        attempt(Array(np.ones((2, 3))))
    assert "\n" not in str(caught.value)


def test_an_array_shows_its_name_shape_and_gate():
    assert repr(Array([1.0, 2.0], label="w")) == "Array(w: float64 (2,))"
    assert repr(Array([1.0]).exp()) == "Array(float64 (1,) by exp)"


def test_neither_engine_imports_torch():
    program = (
        "import sys; "
        "import practicum.autograd.arrays, practicum.autograd.array_neurons; "
        "import practicum.autograd.cross_entropy; "
        "import practicum.autograd.random_graphs, practicum.autograd.drawing; "
        "from practicum.autograd.arrays import Array; "
        "(Array([1.0, 2.0]) * 2).sum().backward(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
