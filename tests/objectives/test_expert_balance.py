"""Keeping experts busy alike costs what it says, and what `transformers` says."""

import pytest
import torch
from torch import Tensor

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.families.mixtral import mixtral
from practicum.objectives.expert_balance import ExpertBalance, balance_loss, z_loss
from practicum.objectives.next_token import NextToken, TokenBatch
from practicum.objectives.token_routing import TokenRouting
from practicum.seeding import stream

peer = pytest.importorskip("transformers.models.mixtral.modeling_mixtral", reason="a parity test")
SMALL = mixtral(width=16, depth=2, heads=2, hidden=12, experts=4, vocab=30, context=20)


@pytest.fixture
def scores() -> Tensor:
    return torch.randn(2, 40, 5, generator=stream(0, "scores"))


@pytest.fixture
def batch() -> TokenBatch:
    ids = torch.randint(30, (3, 11), generator=stream(0, "ids"))
    return TokenBatch(ids[:, :-1], ids[:, 1:])


@pytest.mark.parametrize("top", [1, 2])
def test_balance_is_that_of_transformers_also_without_padding(scores: Tensor, top: int):
    real = torch.rand(4, 10, generator=stream(0, "real")) < 0.7
    one = peer.load_balancing_loss_func((scores[0],), 5, top)
    torch.testing.assert_close(balance_loss(scores[0], top), one, rtol=0, atol=1e-6)
    masked = peer.load_balancing_loss_func((scores[0],), 5, top, real.long())
    kept = balance_loss(scores[0][real.flatten()], top)
    torch.testing.assert_close(kept, masked, rtol=0, atol=1e-6)
    pooled = peer.load_balancing_loss_func(tuple(scores), 5, top)
    torch.testing.assert_close(balance_loss(scores.flatten(0, 1), top), pooled, rtol=0, atol=1e-6)


def test_even_choice_costs_k_and_the_worst_costs_all():
    even = torch.eye(4).repeat(8, 1) + torch.eye(4).roll(1, 1).repeat(8, 1)
    torch.testing.assert_close(balance_loss(even, 2), torch.tensor(2.0))
    worst = torch.tensor([[50.0, 49.0, 0.0, 0.0]]).repeat(6, 1)
    torch.testing.assert_close(balance_loss(worst, 2), torch.tensor(4.0))


def test_the_objective_adds_the_mean_over_layers_and_names_its_parts(batch: TokenBatch):
    model = build(SMALL, seed=0)
    plain = NextToken().loss(model, batch)
    loss = ExpertBalance(objective=NextToken(), coefficient=0.5, z=0.1).loss(model, batch)
    price = 0.5 * loss.parts["balance"] + 0.1 * loss.parts["router_z"]
    torch.testing.assert_close(loss.total, plain.total + plain.count * price)
    assert loss.count == plain.count
    loss.parts["balance"].backward()
    for block in model.stack.blocks:
        assert block.ffn.router.weight.grad is not None


def test_z_is_the_square_of_the_log_of_the_sum(scores: Tensor):
    wanted = scores[0].exp().sum(-1).log().square().mean()
    torch.testing.assert_close(z_loss(scores[0]), wanted)


def test_a_network_without_experts_has_nothing_to_balance(batch: TokenBatch):
    dense = build(llama(width=16, depth=1, heads=2, vocab=30, context=20))
    with pytest.raises(ModelError, match="no mixture of experts"):
        ExpertBalance(objective=NextToken()).loss(dense, batch)
    with pytest.raises(ConfigError, match="coefficient is -1"):
        ExpertBalance(objective=NextToken(), coefficient=-1.0)


def test_drawn_routing_depends_on_the_token_alone_and_leaves_the_router_unused(batch: TokenBatch):
    model = build(SMALL, seed=0)
    drawn = TokenRouting(objective=NextToken(), vocab=30, seed=1)
    loss = drawn.loss(model, batch)
    with torch.no_grad():
        for block in model.stack.blocks:
            block.ffn.router.weight += 1.0
    torch.testing.assert_close(drawn.loss(model, batch).total, loss.total)
    assert not torch.equal(drawn.experts(4, 2, 0), drawn.experts(4, 2, 1))
