"""The worked circuits of the notes, the patterns, and what the circuit says about them."""

import numpy as np
import pytest
import sympy
import torch

from practicum.autograd.circuits import Circuit, circuit
from practicum.autograd.differences import centred
from practicum.autograd.random_graphs import (
    SCALAR_GATES,
    disagreement,
    draw_steps,
    replay,
)
from practicum.autograd.scalar import Value
from practicum.autograd.worked_circuits import FIRST, NEURON, PATTERNS, STAGED, WORKED
from practicum.errors import ConfigError, UnknownName

PATTERN = PATTERNS.program


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.program.strip()[:20])
def test_worked_circuits_come_out(worked, fuse):
    net = worked.circuit(fuse=fuse)
    assert net.output.data == pytest.approx(worked.output, abs=1e-12)
    assert net.gradients == pytest.approx(dict(worked.gradients), abs=1e-12)
    assert worked.error() < 1e-12


def test_the_first_circuit():
    net = FIRST.circuit()
    assert (net["q"].data, net["f"].data) == (3.0, -12.0)
    assert net.gradients == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert (net["q"].grad, net.output.grad) == (-4.0, 1.0)


@pytest.mark.parametrize("fuse", [True, False])
def test_the_neuron(fuse):
    net = NEURON.circuit(fuse=fuse)
    assert net["w0 * x0 + w1 * x1 + w2"].data == 1.0
    assert net.output.data == pytest.approx(0.7310585786300049, abs=1e-9)
    slope = 0.19661193324148185
    assert net["w0 * x0 + w1 * x1 + w2"].grad == pytest.approx(slope, abs=1e-9)
    known = {"x0": 2 * slope, "x1": -3 * slope, "w0": -slope, "w1": -2 * slope, "w2": slope}
    assert net.gradients == pytest.approx(known, abs=1e-9)
    published = {"x0": 0.39, "x1": -0.59, "w0": -0.20, "w1": -0.39, "w2": 0.20}
    assert {name: round(x, 2) for name, x in net.gradients.items()} == published


@pytest.mark.parametrize("fuse", [True, False])
def test_the_quotient_in_eight_stages(fuse):
    net = STAGED.circuit(fuse=fuse)
    x, y = sympy.symbols("x y")
    sigmoid = lambda u: 1 / (1 + sympy.exp(-u))
    f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)
    at = {x: 3, y: -4}
    for name, symbol in (("x", x), ("y", y)):
        exact = float(f.diff(symbol).subs(at).evalf(20))
        assert net.gradients[name] == pytest.approx(exact, rel=1e-14)
    assert net.output.data == pytest.approx(1.5456448841, abs=1e-10)
    assert net.gradients == pytest.approx({"x": 2.0595697956, "y": 1.5922327515}, abs=1e-10)
    named = ("sigy", "num", "sigx", "xpy", "xpysqr", "den", "invden", "f")
    assert [net[name].label for name in named] == list(named)


def test_why_names_the_three_patterns():
    net = circuit(PATTERN, x=3, y=-4, z=2, w=-1)
    assert net.why("x * y") == (
        "∂out/∂(x * y) = 2: in x * y + max(z, w) add distributes: the gradient 2 passes unchanged"
    )
    assert net.why("x") == (
        "∂out/∂x = -8: in x * y multiply swaps: the gradient 2 is scaled by the other input, y = -4"
    )
    assert "max routes: this is the winner, gets all of the gradient 2" in net.why("z")
    assert "max routes: this is the loser, gets none of the gradient 2" in net.why("w")
    assert "is the output" in net.why(net.output)


def test_why_adds_up_what_comes_back_through_a_fork():
    said = circuit("f = x * y + x - sigmoid(x)", x=2, y=3).why("x")
    assert said.startswith("∂f/∂x = 3.89501 = 3 + 1 - 0.104994, summed at the fork: in x * y ")
    assert "scaled by (1 - σ)σ = 0.104994" in said
    assert "one of two equals, gets half" in circuit("max(x, y)", x=1, y=1).why("x")
    assert "above 0: passes" in circuit("2 * relu(x)", x=1).why("x")
    assert "not above 0: stops" in circuit("2 * relu(x)", x=-1).why("x")
    assert "other input, -1" in circuit("x - y", x=1, y=1).why("y")


def test_the_force_on_a_wire_is_its_gradient_in_words():
    net = circuit(PATTERN, x=3, y=-4, z=2, w=-1)
    assert net.force("x") == (
        "x is pulled down with force 8: out rises by 8 for each unit that it falls"
    )
    assert "pulled up with force 6" in net.force("y")
    assert net.force("w") == "w is not pulled: a small change of it leaves out as it is"


def test_every_wire_of_any_graph_is_explained():
    for seed in range(20):
        generator = np.random.default_rng(seed)
        steps = draw_steps(SCALAR_GATES, 15, generator=generator)
        net = Circuit(replay(steps, [Value(0.3, label="a"), Value(-0.8)], SCALAR_GATES))
        for wire in net.wires:
            assert f"= {wire.grad:.6g}" in net.why(wire) or wire is net.output
            total = sum(use.gradient for use in net.uses[wire])
            assert total == pytest.approx(wire.grad, rel=1e-9, abs=1e-12) or wire is net.output
            assert net.force(wire)


def graphs(count):
    """Random circuits of 5 to 60 gates, forks included, with their leaves."""
    for seed in range(count):
        generator = np.random.default_rng((11, seed))
        steps = draw_steps(SCALAR_GATES, int(generator.integers(5, 61)), generator=generator)
        yield steps, generator.normal(size=3)


def test_two_hundred_random_circuits_have_torchs_gradient():
    for steps, at in graphs(200):
        leaves = [Value(x, label=f"x{i}") for i, x in enumerate(at)]
        net = Circuit(replay(steps, leaves, SCALAR_GATES))
        theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in at]
        root = replay(steps, theirs, SCALAR_GATES)
        root.backward()
        assert net.output.data == pytest.approx(root.item(), rel=1e-12)
        assert disagreement([x.grad for x in leaves], [x.grad.item() for x in theirs]) < 1e-10


def test_a_circuit_taken_twice_starts_from_zero():
    x = Value(3.0, label="x")
    first = Circuit(x * x).gradients
    assert Circuit(x * x).gradients == first == {"x": 6.0}


def test_expressions_agree_with_differences():
    f = lambda at: circuit("exp(a) * tanh(b) - a / b", a=at[0], b=at[1]).output.data
    net = circuit("exp(a) * tanh(b) - a / b", a=0.4, b=1.7)
    assert [net.gradients["a"], net.gradients["b"]] == pytest.approx(centred(f, [0.4, 1.7]))


def test_missing_and_unused_inputs_and_wires_are_named():
    with pytest.raises(ConfigError, match="no value for y, z; the inputs are x, y, z"):
        circuit("(x + y) * z", x=1)
    with pytest.raises(ConfigError, match="no value for y and no use for q"):
        circuit("x + y", x=1, q=2)
    with pytest.raises(UnknownName, match="no wire 'nun'; did you mean num"):
        circuit("num = x + y\nnum", x=1, y=2)["nun"]
    with pytest.raises(ConfigError, match="log\\(-1\\) is not a finite real number"):
        circuit("log(x)", x=-1)
