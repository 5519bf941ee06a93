"""Random circuits are what their file says, and every way to differentiate them agrees."""

import numpy as np
import pytest

from practicum.autograd.circuits import circuit
from practicum.autograd.random_circuits import (
    differences,
    overwrite,
    random_circuit,
    two_meet,
)
from practicum.autograd.stages import stage


@pytest.mark.parametrize("forks", [True, False])
def test_engine_differences_and_staged_code_agree(forks):
    for seed in range(30):
        generator = np.random.default_rng((3, seed))
        program, inputs = random_circuit(int(5 + seed), forks=forks, generator=generator)
        net = circuit(program, **inputs)
        space = {}
        exec(stage(program).source("staged"), space)
        value, gradients = space["staged"](**inputs)
        assert value == pytest.approx(net.output.data, rel=1e-12)
        assert gradients == pytest.approx(net.gradients, rel=1e-9, abs=1e-12)
        found, measured = np.array(net.gradient(inputs)), np.array(differences(program, inputs))
        assert np.abs(found - measured).max() <= 1e-6 * np.abs(measured).max()


def test_overwriting_is_right_exactly_where_nothing_meets():
    for seed in range(20):
        for forks in (False, True):
            generator = np.random.default_rng((5, seed))
            program, inputs = random_circuit(30, forks=forks, generator=generator)
            net = circuit(program, inputs)
            right, meet = net.gradient(inputs), two_meet(net)
            overwrite(net)
            assert meet == forks
            assert (net.gradient(inputs) == right) != forks


def test_without_forks_every_wire_is_used_once():
    for seed in range(10):
        generator = np.random.default_rng(seed)
        program, inputs = random_circuit(40, forks=False, generator=generator)
        uses = [a for line in program.lines for a in line.arguments if isinstance(a, str)]
        assert len(set(uses)) == len(uses) == len(inputs) + len(program.lines) - 1
        assert len(program.lines) >= 40


def test_with_forks_wires_are_used_again():
    program, inputs = random_circuit(40, forks=True, generator=np.random.default_rng(0))
    net = circuit(program, **inputs)
    assert any(len(uses) > 1 for uses in net.uses.values())
    assert net.uses[net.output] == []
    assert program == random_circuit(40, forks=True, generator=np.random.default_rng(0))[0]
