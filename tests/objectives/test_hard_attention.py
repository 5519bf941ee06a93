"""REINFORCE for a chosen place: the gradient of the expectation, and what a baseline spares."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from practicum.data.drawn import Drawn, fresh
from practicum.data.retrieval import Retrieval
from practicum.errors import ConfigError
from practicum.kernels.alignment import read
from practicum.models.build import build
from practicum.models.retriever import Retriever
from practicum.nn.alignment import Hard
from practicum.nn.reader import Reader
from practicum.nn.scores import ScaledDot
from practicum.objectives.hard_attention import Chooser, Choosing
from practicum.objectives.retrieval import Answering
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.estimator_variance import estimator_variance
from practicum.training.loop import fit

TASK = Retrieval(slots=4, keys=6, values=5)
PLAIN = Choosing(entropy=0.0, expected=0.0, memory=None)


def chooser() -> Chooser:
    description = Retriever(
        mechanism=Reader(score=ScaledDot(), align=Hard()),
        asked=6,
        keys=6,
        values=5,
        slots=4,
        width=8,
        hidden=16,
    )
    return Chooser(build(description, seed=1))


def gradient(total: torch.Tensor, model: Chooser) -> torch.Tensor:
    learned = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([g.flatten() for g in torch.autograd.grad(total, learned)])


@pytest.mark.parametrize("usual", [0.0, -1.5])
def test_the_estimate_is_that_of_the_expected_loss_with_any_baseline(usual):
    model, (example,) = chooser(), fresh(TASK, 1, seed=0)
    model.usual.fill_(usual)
    learning = replace(PLAIN, memory=0.9)
    batch = learning.prepare([example] * 60_000, stream(0, "draws"))
    estimate = gradient(learning.loss(model.eval(), batch).total / batch.count, model)
    one, inner = learning.prepare([example], stream(0, "one")), model.model
    policy = inner.look(one.keys, one.values, one.asked).aligned.policy[0, 0]
    memory = inner.memory(one.keys, one.values)
    nats = [
        F.cross_entropy(inner.answer(memory[:, i : i + 1], one.asked)[:, 0], one.answers)
        for i in range(4)
    ]
    exact = gradient((policy * torch.stack(nats)).sum(), model)
    torch.testing.assert_close(estimate, exact, atol=0.02, rtol=0)


def test_read_by_expectation_alone_it_is_the_soft_reader():
    model, learning = chooser(), replace(PLAIN, expected=1.0)
    batch = learning.prepare(fresh(TASK, 9, seed=0), stream(0, "draws"))
    inner, loss = model.model, learning.loss(model, batch)
    policy = inner.look(batch.keys, batch.values, batch.asked).aligned.policy
    soft = inner.answer(read(policy, inner.memory(batch.keys, batch.values)), batch.asked)[:, 0]
    torch.testing.assert_close(loss.total, F.cross_entropy(soft, batch.answers, reduction="sum"))


def test_the_baseline_follows_the_reward_while_training_alone():
    model, learning = chooser(), replace(PLAIN, memory=0.75)
    batch = learning.prepare(fresh(TASK, 9, seed=0), stream(0, "draws"))
    loss = learning.loss(model.eval(), batch)
    assert model.usual.item() == 0.0
    learning.loss(model.train(), batch)
    assert model.usual.item() == pytest.approx(-0.25 * loss.parts["nats"].item() / 9)
    assert "usual" in model.state_dict()


def test_spread_out_choices_are_rewarded():
    model = chooser()
    batch = PLAIN.prepare(fresh(TASK, 9, seed=0), stream(0, "draws"))
    plain, rewarded = (
        learning.loss(model, batch).total for learning in (PLAIN, replace(PLAIN, entropy=0.5))
    )
    policy = model.model.look(batch.keys, batch.values, batch.asked).aligned.policy
    spread = -(policy * policy.log()).sum()
    torch.testing.assert_close(plain - rewarded, 0.5 * spread)


def test_equal_batches_draw_alike():
    model, examples = chooser().eval(), fresh(TASK, 50, seed=0)
    losses = [
        Choosing().loss(model, Choosing().prepare(examples, stream(0, name))).total.item()
        for name in "aab"
    ]
    assert losses[0] == losses[1] != losses[2]


def test_the_right_baseline_takes_variance_away():
    model, examples = chooser(), fresh(TASK, 20, seed=0)
    with_baseline = replace(PLAIN, memory=0.9)
    batch = PLAIN.prepare(examples, stream(0, "draws"))
    model.usual.fill_(-PLAIN.loss(model, batch).parts["nats"].item() / 20)
    raw, less = (
        estimator_variance(model, learning, examples, draws=30, seed=1)
        for learning in (PLAIN, with_baseline)
    )
    assert less < 0.9 * raw


def test_a_soft_reader_that_draws_nothing_has_no_variance():
    model = build(replace(chooser().model.description, mechanism=Reader(score=ScaledDot())), seed=1)
    examples = fresh(TASK, 5, seed=0)
    assert estimator_variance(model, Answering(), examples, draws=3, seed=0) == 0.0
    with pytest.raises(ConfigError, match="1 draws; expected at least 2"):
        estimator_variance(model, Answering(), examples, draws=1, seed=0)


def test_learning_moves_the_weights_and_keeps_the_baseline():
    model = chooser()
    before = [p.clone() for p in model.model.parameters()]
    fit(model, Drawn(TASK, 16, seed=0), Choosing(), Budget(steps=3, batch=16, rate=1e-2), seed=0)
    assert model.usual.item() < 0
    assert any(not torch.equal(a, b) for a, b in zip(before, model.model.parameters(), strict=True))


@pytest.mark.parametrize(("field", "value"), [("memory", 1.0), ("expected", 1.5)])
def test_impossible_shares_are_refused(field, value):
    with pytest.raises(ConfigError, match=f"Choosing.{field} is {value}"):
        replace(Choosing(), **{field: value})
