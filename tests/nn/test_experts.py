"""A mixture of experts is its equation, loses no token, and says what it needs to be told."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from practicum.errors import ConfigError
from practicum.nn.experts import Experts, ExpertsLayer, dense_mixture
from practicum.seeding import forked, stream

PLAIN = Experts(count=5, top=2, hidden=7)
KINDS = {
    "gated": PLAIN,
    "one of many": replace(PLAIN, top=1),
    "all": replace(PLAIN, top=5),
    "one expert": replace(PLAIN, count=1, top=1),
    "plain units": replace(PLAIN, gated=False, activation="gelu"),
    "another gate": replace(PLAIN, activation="gelu_tanh"),
    "probabilities as they are": replace(PLAIN, renormalise=False),
    "room for all": replace(PLAIN, capacity=5.0),
}


def layer_of(description: Experts, dtype: torch.dtype = torch.float64) -> ExpertsLayer:
    layer = description.build(6).to(dtype)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=stream(0, name)))
    return layer


@pytest.fixture
def x() -> Tensor:
    drawn = torch.randn(3, 11, 6, generator=stream(0, "x"), dtype=torch.float64)
    return drawn.requires_grad_()


@pytest.mark.parametrize("description", KINDS.values(), ids=KINDS.keys())
def test_sorted_dispatch_is_the_equation_and_so_are_its_gradients(description: Experts, x: Tensor):
    layer = layer_of(description)
    by = torch.randn(x.shape, generator=stream(0, "by"), dtype=torch.float64)
    fast, slow = layer(x), dense_mixture(layer, x)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-9)
    wanted = (x, *layer.parameters())
    # one expert leaves the router no choice and so no gradient
    grads = [torch.autograd.grad((y * by).sum(), wanted, allow_unused=True) for y in (fast, slow)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_half_of_the_room_loses_tokens_and_only_those(x: Tensor):
    free, tight = layer_of(PLAIN), layer_of(replace(PLAIN, capacity=0.5))
    whole, cut = free(x), tight(x)
    routing = free.route(x.detach().flatten(0, 1))
    room = tight.description.room(33)
    assert room == 7
    taken = [0] * 5
    kept = torch.zeros(33, 2, dtype=torch.bool)
    for token, pair in enumerate(routing.experts.tolist()):
        for choice, expert in enumerate(pair):
            kept[token, choice] = taken[expert] < room
            taken[expert] += 1
    same = kept.all(-1).view(3, 11)
    torch.testing.assert_close(cut[same], whole[same])
    assert 0 < int(same.sum()) < 33
    gone = ~kept.any(-1).view(3, 11)
    assert bool((cut[gone] == 0).all())


def test_tokens_do_not_matter_to_each_other(x: Tensor):
    layer = layer_of(PLAIN)
    alone = torch.stack([layer(x[:, i]) for i in range(11)], dim=1)
    torch.testing.assert_close(layer(x), alone)


def test_the_order_of_experts_does_not_matter(x: Tensor):
    layer, other = layer_of(PLAIN), layer_of(PLAIN)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        for part in (other.router, other.up, other.down):
            part.weight.copy_(part.weight[order])
    torch.testing.assert_close(layer(x), other(x))


def test_jitter_only_while_training_and_only_of_the_choice(x: Tensor):
    quiet, shaken = layer_of(PLAIN), layer_of(replace(PLAIN, jitter=0.3))
    torch.testing.assert_close(quiet.eval()(x), shaken.eval()(x))
    with forked(0, "jitter"):
        moved = shaken.train()(x)
    assert not torch.allclose(moved, quiet(x))


def test_the_router_is_heard_by_a_hook(x: Tensor):
    layer, heard = layer_of(PLAIN), []
    handle = layer.router.register_forward_hook(lambda _m, _i, scores: heard.append(scores))
    layer(x)
    handle.remove()
    (scores,) = heard
    torch.testing.assert_close(scores, x.flatten(0, 1) @ layer.router.weight.T)


def test_autocast_leaves_the_choice_alone(x: Tensor):
    layer = layer_of(PLAIN, torch.float32)
    flat = x.detach().float().flatten(0, 1)
    scored, read = layer.route(flat), layer(flat)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.route(flat).weights, scored.weights)
        rounded = layer(flat)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, read, rtol=0.1, atol=0.3)


def test_reading_without_gradients_gives_the_same(x: Tensor):
    layer = layer_of(PLAIN, torch.float32)
    x = x.detach().float()
    wanted = layer(x)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), wanted)
        torch.testing.assert_close(layer(x[:1, :1]), wanted[:1, :1])


WRONG = {
    "no units": ({"hidden": 0}, "hidden is 0"),
    "more chosen than there are": ({"top": 6}, "6 of 5 experts"),
    "none chosen": ({"top": 0}, "0 of 5"),
    "no room": ({"capacity": 0.0}, "capacity is 0.0"),
    "a jitter past all": ({"jitter": 1.0}, "jitter is 1.0"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused(what: str):
    changes, words = WRONG[what]
    with pytest.raises(ConfigError, match=words):
        replace(PLAIN, **changes)
