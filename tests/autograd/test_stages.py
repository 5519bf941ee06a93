"""Staged code runs, and gives torch's gradients."""

import numpy as np
import pytest
import torch

from practicum.autograd.stages import stage
from practicum.errors import ConfigError

NOTES = "(x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)"


def executed(stages):
    space = {}
    exec(stages.source("staged"), space)
    return space["staged"]


def by_torch(f, **inputs):
    leaves = {
        k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in inputs.items()
    }
    value = f(**leaves)
    value.backward()
    return value.item(), {name: leaf.grad.item() for name, leaf in leaves.items()}


def test_the_notes_expression_has_eight_stages():
    stages = stage(NOTES)
    assert stages.forward == (
        "s1 = 1.0 / (1.0 + math.exp(-y))",
        "s2 = x + s1",
        "s3 = 1.0 / (1.0 + math.exp(-x))",
        "s4 = x + y",
        "s5 = s4 ** 2.0",
        "s6 = s3 + s5",
        "s7 = 1.0 / s6",
        "s8 = s2 * s7",
    )
    assert stages.cached == ("s1", "s2", "s3", "s4", "s7")
    assert stages.backward[:4] == (
        "ds8 = 1.0",
        "ds2 = s7 * ds8",
        "ds7 = s2 * ds8",
        "ds6 = -s7 * s7 * ds7",
    )
    assert [line for line in stages.backward if line.startswith("dx")] == [
        "dx = ds4",
        "dx += (1.0 - s3) * s3 * ds3",
        "dx += ds2",
    ]


@pytest.mark.parametrize("fuse", [True, False])
def test_the_notes_expression_has_the_notes_gradient(fuse):
    value, gradients = executed(stage(NOTES, fuse=fuse))(3.0, -4.0)
    assert value == pytest.approx(1.5456448841, abs=1e-10)
    assert gradients == pytest.approx({"x": 2.0595697956, "y": 1.5922327515}, abs=1e-10)


def test_a_sigmoid_is_one_gate_or_four():
    written, called = "1 / (1 + math.exp(-x))", "torch.sigmoid(x)"
    assert stage(written).forward == stage(called).forward
    assert stage("1 / (exp(-x) + 1)").forward == stage(called).forward
    apart = ("s1 = -x", "s2 = math.exp(s1)", "s3 = 1.0 + s2", "s4 = 1.0 / s3")
    assert stage(written, fuse=False).forward == stage(called, fuse=False).forward == apart
    assert stage("2 / (1 + exp(-x))").program.lines[0].gate == "neg"


PROGRAMS = {
    "every gate": (
        "max(relu(a) * exp(b), tanh(a - b) / log(c)) + sqrt(c) - sigmoid(-a) + a**-2 + max(c, 2)",
        {"a": 0.7, "b": -0.3, "c": 2.5},
    ),
    "forks": ("y = x * x\ny = y * x + y\nz = y - x / y\nz * z", {"x": 1.3}),
    "adding to a name": ("t = a * b\nt += a\nt *= t\nt -= 1\nt", {"a": 0.4, "b": -2.0}),
    "another name": ("u = x\nv = u\nv * u", {"x": 3.0}),
    "clashing names": ("s1 * d + ds1", {"s1": 2.0, "d": 3.0, "ds1": 5.0}),
    "constants": ("-2 * x / 4 + +3 - (-x) ** 2", {"x": 1.5}),
    "no gate": ("x", {"x": 2.0}),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("fuse", [True, False])
def test_staged_code_gives_what_torch_gives(name, fuse):
    program, inputs = PROGRAMS[name]
    stages = stage(program, fuse=fuse)
    body = program.splitlines()
    space = {"max": lambda a, b: torch.maximum(a, torch.as_tensor(b, dtype=a.dtype))}
    for each in ("exp", "log", "tanh", "relu", "sigmoid", "sqrt"):
        space[each] = getattr(torch, each)

    def by_eval(**leaves):
        names = {**space, **leaves}
        for line in body[:-1]:
            exec(line.replace("*=", "= t *").replace("+=", "= t +").replace("-=", "= t -"), names)
        return eval(body[-1], names)

    value, gradients = executed(stages)(**inputs)
    expected, slopes = by_torch(by_eval, **inputs)
    assert value == pytest.approx(expected, rel=1e-12)
    assert gradients == pytest.approx(slopes, rel=1e-12)


def neuron(w0, x0, w1, x1, w2):
    """Two inputs and a bias, squashed."""
    dot = w0 * x0 + w1 * x1 + w2
    return 1 / (1 + np.exp(-dot))


half = lambda x, y: 0.5 * x * y


def test_functions_are_staged_by_their_source():
    inputs = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    value, gradients = executed(stage(neuron))(**inputs)
    assert value == pytest.approx(neuron(**inputs), rel=1e-15)
    assert gradients["w0"] == pytest.approx(-0.1966119, abs=1e-7)
    assert gradients["x1"] == pytest.approx(-0.5898358, abs=1e-7)
    assert executed(stage(half))(3.0, 4.0) == (6.0, {"x": 2.0, "y": 1.5})


def test_no_variable_is_written_twice():
    lines = stage("t = x * x\nt = t * t\nt = t * x\nt").program.lines
    assert [line.target for line in lines] == ["t", "t_2", "t_3"]


def test_ties_of_the_maximum_are_halved_and_relu_is_flat_at_0():
    assert executed(stage("max(x, y)"))(2.0, 2.0)[1] == {"x": 0.5, "y": 0.5}
    assert executed(stage("relu(x)"))(0.0) == (0.0, {"x": 0.0})


def test_an_unused_parameter_has_no_gradient():
    def first(x, y):
        return x * 2.0

    assert executed(stage(first))(1.0, 1.0)[1] == {"x": 2.0, "y": 0.0}


def unfinished(x):
    while x > 1:
        x = x / 2
    return x


def unknown(x):
    return x + nowhere  # noqa: F821


BAD = {
    "loop": (unfinished, "line 2: 'while x > 1:' is not made of gates, which are \\+ - "),
    "unknown name": (unknown, "'nowhere' is not a parameter"),
    "no Python": ("x +", "'x \\+' is no Python expression: invalid syntax"),
    "nothing": ("", "has no variable"),
    "constant": ("3.0", "has no variable"),
    "number alone": ("2 ** 3 + x", "'2 \\*\\* 3' has no variable; write its value"),
    "zero": ("x / 0", "divides by 0"),
    "exponent": ("2 ** x", "the exponent of '2 \\*\\* x' must be a number"),
    "truth": ("x + True", "'True' is not made of gates"),
    "call": ("__import__('os')", "not made of gates"),
    "keyword": ("exp(x=x)", "not made of gates"),
    "arity": ("exp(x, y)", "not made of gates"),
    "index": ("x[0] * y", "'x\\[0\\]' is not made of gates"),
    "tuple": ("a, b = x, y", "not made of gates"),
    "early value": ("x + y\nz", "line 1: 'x \\+ y' is not made of gates"),
    "depth": ("(" * 300 + "x" + ")" * 300, "no Python expression: too many nested"),
    "builtin": (max, "the source of <built-in function max> is not to be had"),
    "null": ("x + \0", "no Python expression"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_made_of_gates_is_refused_by_its_line(case):
    program, said = BAD[case]
    with pytest.raises(ConfigError, match=said) as problem:
        stage(program)
    assert "\n" not in str(problem.value)


def test_a_deep_expression_asks_for_names():
    with pytest.raises(ConfigError, match="nested too deeply|no Python expression"):
        stage("x" + " + x" * 5000)


def test_two_lambdas_of_one_line_cannot_be_told_apart():
    both = (lambda x: x * 2.0, lambda x: x * 3.0)
    with pytest.raises(ConfigError, match="which lambda"):
        stage(both[0])
