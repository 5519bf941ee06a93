"""The neural Turing machine: steps as the equations say, a state of fixed size, and it learns."""

import pytest
import torch

from practicum.config import from_json, to_json
from practicum.data.bit_tasks import BitTask
from practicum.data.drawn import Drawn, fresh
from practicum.errors import ConfigError, DataError
from practicum.evaluation.bit_rows import bits_wrong
from practicum.kernels.memory_addressing import read_rows, write_rows
from practicum.models.build import build
from practicum.models.turing_machine import EMPTY, TuringMachine
from practicum.nn.gated_unit import GatedUnit
from practicum.objectives.bits import Bits
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import AdamW
from practicum.training.schedules import Constant

SMALL = TuringMachine(
    inputs=4, outputs=3, rows=6, width=5, controller=GatedUnit(width=8), reading=2, writing=1
)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, "x"), dtype=torch.float64)


def test_the_description_goes_to_json_and_back():
    assert from_json(TuringMachine, to_json(SMALL)) == SMALL


def test_a_step_writes_first_and_reads_what_was_written():
    model = build(SMALL, seed=1, dtype=torch.float64)
    x, state = draw(2, 4), model.new_state(2)
    y, after = model.step(x, state)
    controller = model.unit.step(
        model.unit.project(torch.cat([x, state.read], 1)), state.controller
    )
    *readers, writer = model._heads()
    place = writer.weights(controller, state.memory, state.at[2])
    erase, add = model.written[0](controller).chunk(2, 1)
    memory = write_rows(place, state.memory, erase.sigmoid(), add)
    read = [
        read_rows(head.weights(controller, memory, at), memory)
        for head, at in zip(readers, state.at[:2], strict=True)
    ]
    torch.testing.assert_close(after.memory, memory)
    torch.testing.assert_close(after.read, torch.cat(read, 1))
    torch.testing.assert_close(y, model.out(torch.cat([controller, *read], 1)))


def test_the_first_state_is_an_empty_memory_with_all_heads_at_row_0():
    state = build(SMALL, seed=1).new_state(2)
    assert (state.memory == EMPTY).all()
    assert all((at[:, 0] == 1).all() and (at[:, 1:] == 0).all() for at in state.at)


def test_stepping_equals_reading_at_once_and_the_future_does_not_reach_the_past():
    model, x = build(SMALL, seed=1, dtype=torch.float64), draw(2, 5, 4)
    whole, states = model.trace(x)
    torch.testing.assert_close(model(x[:, 3:], states[2]), whole[:, 3:])
    torch.testing.assert_close(model(x[:, :3]), whole[:, :3])


def test_rows_do_not_matter_to_each_other_and_may_be_selected():
    model, x = build(SMALL, seed=1, dtype=torch.float64), draw(2, 5, 4)
    whole, states = model.trace(x)
    torch.testing.assert_close(model(x[1:]), whole[1:])
    swapped = states[2].select([1, 0, 1])
    torch.testing.assert_close(model(x[[1, 0, 1], 3:], swapped), whole[[1, 0, 1], 3:])


def test_its_state_does_not_grow():
    _, states = build(SMALL, seed=1).trace(draw(1, 9, 4).float())
    assert {state.nbytes for state in states} == {(8 + 6 * 5 + 3 * 6 + 2 * 5) * 4}


def test_gradients_are_those_of_the_function():
    model = build(SMALL, seed=1, dtype=torch.float64)
    assert torch.autograd.gradcheck(model, (draw(1, 3, 4).requires_grad_(),))


def test_it_begins_to_learn_a_copy():
    task = BitTask(bits=2, longest=2)
    machine = TuringMachine(inputs=4, outputs=2, rows=6, width=6, controller=GatedUnit(width=24))
    model = build(machine, seed=0)
    optimiser = AdamW(betas=(0.9, 0.999), decay=0.0)
    budget = Budget(steps=150, batch=32, rate=1e-2, schedule=Constant(), optimiser=optimiser)
    rows = fresh(BitTask(bits=2, shortest=2, longest=2), 100, seed=0)
    assert 0.35 < bits_wrong(model, rows) < 0.65
    fit(model, Drawn(task, 32, seed=0), Bits(), budget, seed=0)
    assert bits_wrong(model, rows) < 0.1


def test_sequences_of_two_lengths_make_no_batch():
    rows = [fresh(BitTask(shortest=n, longest=n), 1, seed=0)[0] for n in (2, 3)]
    with pytest.raises(DataError, match="differ in length"):
        Bits().prepare(rows, torch.Generator())


def test_no_heads_are_refused():
    with pytest.raises(ConfigError, match="at least 1 of inputs"):
        TuringMachine(inputs=1, outputs=1, writing=0)
