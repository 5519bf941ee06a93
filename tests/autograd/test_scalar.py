"""The scalar engine: the lecture's numbers, torch's gradients on random graphs, clear refusals."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.autograd.random_graphs import SCALAR_GATES, disagreement, replay
from practicum.autograd.scalar import Value, maximum, topological
from practicum.errors import ConfigError


def test_the_first_worked_example_of_the_lecture():
    a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
    e = a * b
    d = e + c
    loss = d * f
    loss.backward()
    assert (e.data, d.data, loss.data) == (-6.0, 4.0, -8.0)
    assert [v.grad for v in (d, f, c, e, a, b)] == [-2.0, 4.0, -2.0, -2.0, 6.0, -4.0]
    for leaf in (a, b, c, f):
        leaf.data += 0.01 * leaf.grad
    assert ((a * b + c) * f).data == pytest.approx(-7.286496, abs=1e-12)


def tanh_as_one_gate(n):
    return n.tanh()


def tanh_of_exponentials(n):
    e = (2 * n).exp()
    return (e - 1) / (e + 1)


@pytest.mark.parametrize("tanh", [tanh_as_one_gate, tanh_of_exponentials])
def test_the_neuron_of_the_lecture_with_either_tanh(tanh):
    x1, x2, w1, w2 = Value(2.0), Value(0.0), Value(-3.0), Value(1.0)
    b = Value(6.8813735870195432)
    n = x1 * w1 + x2 * w2 + b
    o = tanh(n)
    o.backward()
    assert n.data == pytest.approx(0.8813735870195432, abs=1e-12)
    assert o.data == pytest.approx(math.sqrt(0.5), abs=1e-12)
    grads = [v.grad for v in (x1, w1, x2, w2, b, n)]
    assert grads == pytest.approx([-1.5, 1.0, 0.5, 0.0, 0.5, 0.5], abs=1e-12)


def test_a_value_used_twice_gets_both_gradients():
    a = Value(3.0)
    b = a + a
    b.backward()
    assert a.grad == 2.0


def test_the_short_sanity_expression_of_the_published_engine():
    def expression(x, relu):
        z = 2 * x + 2 + x
        q = relu(z) + z * x
        h = relu(z * z)
        return h + q + q * x

    ours, theirs = Value(-4.0), torch.tensor(-4.0, dtype=torch.float64, requires_grad=True)
    y, expected = expression(ours, Value.relu), expression(theirs, torch.relu)
    y.backward()
    expected.backward()
    assert y.data == pytest.approx(expected.item(), abs=1e-6)
    assert ours.grad == pytest.approx(theirs.grad.item(), abs=1e-6)


def test_the_long_sanity_expression_of_the_published_engine():
    def expression(a, b, relu):
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + relu(b + a)
        d += 3 * d + relu(b - a)
        e = c - d
        f = e**2
        g = f / 2.0
        g += 10.0 / f
        return g

    ours = Value(-4.0), Value(2.0)
    theirs = [torch.tensor(v.data, dtype=torch.float64, requires_grad=True) for v in ours]
    g, expected = expression(*ours, Value.relu), expression(*theirs, torch.relu)
    g.backward()
    expected.backward()
    assert g.data == pytest.approx(expected.item(), abs=1e-6)
    assert [v.grad for v in ours] == pytest.approx([t.grad.item() for t in theirs], abs=1e-6)


NUMBERS = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3)
STEPS = st.lists(st.tuples(st.sampled_from(sorted(SCALAR_GATES)), st.integers(0), st.integers(0)))


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=4), STEPS)
def test_random_graphs_have_torch_gradients(numbers, steps):
    ours = [Value(number) for number in numbers]
    theirs = [torch.tensor(n, dtype=torch.float64, requires_grad=True) for n in numbers]
    root, expected = replay(steps, ours, SCALAR_GATES), replay(steps, theirs, SCALAR_GATES)
    root.backward()
    expected.backward()
    found = [root.data, *(leaf.grad for leaf in ours)]
    assert disagreement(found, [expected.item(), *(leaf.grad for leaf in theirs)]) <= 1e-10


def test_local_derivatives_can_be_read_one_per_use():
    a, b = Value(3.0), Value(-4.0)
    assert ((a * b).op, (a * b).local) == ("*", (-4.0, 3.0))
    assert ((a + a).op, (a + a).children, (a + a).local) == ("+", (a, a), (1.0, 1.0))
    assert ((a**2).op, (a**2).constant, (a**2).local) == ("**", 2.0, (6.0,))
    assert (maximum(a, b).op, maximum(a, b).local) == ("max", (1.0, 0.0))
    assert ((1 / a).op, (1 / a).local) == ("1/x", (pytest.approx(-1 / 9),))
    gates = [a.exp(), a.log(), a.tanh(), a.relu(), a.sigmoid()]
    assert [gate.op for gate in gates] == ["exp", "log", "tanh", "relu", "σ"]


def test_kinks_take_the_side_that_torch_takes():
    x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    x.relu().backward()
    assert Value(0.0).relu().local == (x.grad.item(),) == (0.0,)
    y = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    torch.maximum(y[0], y[1]).backward()
    assert list(maximum(Value(1.0), Value(1.0)).local) == y.grad.tolist() == [0.5, 0.5]
    same = Value(1.0)
    maximum(same, same).backward()
    assert same.grad == 1.0


def test_a_zero_base_has_the_slope_of_its_power():
    slopes = {n: (Value(0.0) ** n).local[0] for n in (0, 1, 2)}
    assert slopes == {0: 0.0, 1: 1.0, 2: 0.0}


def test_leaves_add_up_over_backward_passes_and_inner_nodes_do_not():
    x = Value(3.0)
    square = x * x
    y = square * 2
    y.backward()
    y.backward()
    assert x.grad == 24.0
    assert square.grad == 2.0
    assert y.grad == 1.0


def test_a_leaf_is_its_own_derivative():
    x = Value(3.0)
    x.backward()
    assert x.grad == 1.0


def test_fifty_thousand_chained_nodes_need_no_recursion():
    x = Value(1.0)
    y = x
    for _ in range(50_000):
        y = y + x
    y.backward()
    assert y.data == x.grad == 50_001.0
    assert len(topological(y)) == 50_001
    del y  # so long a chain must also be let go without recursion


def test_numpy_numbers_may_stand_on_either_side():
    x = Value(np.float32(2.0))
    left, right = np.float64(3.0) * x, x * np.int64(3)
    assert isinstance(left, Value)
    assert left.data == right.data == 6.0
    assert (x ** np.int64(2)).data == 4.0


def test_a_saturated_gate_does_not_overflow():
    assert Value(-1000.0).sigmoid().data == 0.0
    assert Value(1000.0).sigmoid().data == 1.0
    assert Value(1000.0).tanh().local == (0.0,)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: x ** Value(2.0), "exponent of .* must be a plain number, not a Value; .*log"),
        (lambda x: x ** "2", "exponent of .* must be a plain number; got str '2'"),
        (lambda x: 2**x, "exponent of .* must be a plain number; write"),
        (lambda x: x + "1", "an operand of \\+ must be a Value or a plain number; got str '1'"),
        (lambda x: [1] * x, "an operand of \\* must be a Value or a plain number; got list"),
        (lambda x: np.ones(2) * x, "an operand of \\* must be .* got ndarray"),
        (lambda x: np.ones(2) / x, "an operand of / must be .* got ndarray"),
        (lambda x: x / None, "an operand of / must be"),
        (lambda x: maximum(x, 1j), "an operand of max must be"),
        (lambda x: Value("3"), "Value must be a plain number; got str '3'"),
        (lambda x: (x - 4).log(), "log\\(-1\\) is not a finite real number"),
        (lambda x: 1 / (x - 3), "1 / 0 is not a finite real number"),
        (lambda x: (x - 4) ** 0.5, "-1 \\*\\* 0.5 is not a finite real number"),
        (lambda x: (x - 3) ** 0.5, "the slope, .* 0 \\*\\* -0.5, is not a finite real number"),
        (lambda x: (x * 1000).exp(), "exp\\(3000\\) is not a finite real number"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_one_line(attempt, said):
    with pytest.raises(ConfigError, match=said) as caught:
        attempt(Value(3.0))
    assert "\n" not in str(caught.value)


def test_a_value_shows_its_name_number_and_gradient():
    assert repr(Value(2.5, label="w")) == "Value(w: 2.5, grad=0)"
    assert repr(Value(2)) == "Value(2, grad=0)"
