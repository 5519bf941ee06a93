"""A pointer names places of its input, however many there are."""

import pytest
import torch
from torch import Tensor

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.kernels.alignment import real_places
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.pointer import Pointer, PointerLayer, picked
from practicum.nn.scores import Additive
from practicum.seeding import stream

POINTER = Pointer(score=Additive(hidden=6))
CENTRED = Check(by="centred")


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


@pytest.fixture
def layer() -> PointerLayer:
    made = POINTER.build(4, 3).double()
    initialise(made, (Rule(names="*", start=Normal(std=0.7)),), seed=1)
    return made


def test_the_description_goes_to_json_and_back():
    assert from_json(Pointer, to_json(POINTER)) == POINTER


@pytest.mark.parametrize("inputs", [1, 5, 20])
def test_there_are_as_many_answers_as_inputs(layer, inputs):
    log_p = layer(draw("q", 2, 3, 4), draw("h", 2, inputs, 3))
    assert log_p.shape == (2, 3, inputs)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(2, 3, dtype=torch.float64))


def test_it_is_the_softmax_of_the_additive_score(layer):
    queries, memory = draw("q", 2, 3, 4), draw("h", 2, 5, 3)
    log_p, weights = layer(queries, memory), dict(layer.score.named_parameters())
    for b in range(2):
        for t in range(3):
            scores = [
                weights["out.weight"][0]
                @ torch.tanh(weights["query.weight"] @ queries[b, t] + weights["memory.weight"] @ h)
                for h in memory[b]
            ]
            torch.testing.assert_close(log_p[b, t].exp(), torch.stack(scores).softmax(0))


def test_inputs_in_another_order_are_pointed_at_in_that_order(layer):
    queries, memory, order = draw("q", 2, 3, 4), draw("h", 2, 5, 3), [3, 0, 4, 2, 1]
    torch.testing.assert_close(layer(queries, memory[:, order]), layer(queries, memory)[..., order])


def test_padding_is_never_pointed_at_and_changes_nothing(layer):
    queries, memory = draw("q", 2, 3, 4), draw("h", 2, 5, 3)
    log_p = layer(queries, memory, real_places(torch.tensor([5, 2]), 5))
    assert (log_p[1, :, 2:] == -torch.inf).all()
    torch.testing.assert_close(log_p[1:, :, :2], layer(queries[1:], memory[1:, :2]))


def test_leaving_out_what_was_taken_gives_a_permutation(layer):
    memory = draw("h", 1, 6, 3)
    kept, left, places = layer.remember(memory), torch.ones(1, 1, 6, dtype=torch.bool), []
    for t in range(6):
        place = layer.step(draw(f"q{t}", 1, 1, 4), kept, left).argmax(-1)
        torch.testing.assert_close(picked(memory, place)[0, 0], memory[0, place.item()])
        left = left & (torch.arange(6) != place[..., None])
        places.append(place.item())
    assert sorted(places) == list(range(6))


def test_gradients_are_those_of_the_function(layer):
    assert_gradients(layer, (draw("q", 2, 2, 4), draw("h", 2, 3, 3)), CENTRED)


def test_a_masked_place_leaves_finite_gradients(layer):
    memory = draw("h", 2, 5, 3).requires_grad_()
    log_p = layer(draw("q", 2, 3, 4), memory, real_places(torch.tensor([5, 2]), 5))
    (gradient,) = torch.autograd.grad(-log_p[:, :, 0].sum(), memory)
    assert gradient.isfinite().all()
    assert (gradient[1, 2:] == 0).all()
