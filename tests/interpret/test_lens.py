"""The lens ends at the network's own answer; temperatures sharpen and flatten."""

from itertools import pairwise

import pytest
import torch

from practicum.errors import ConfigError
from practicum.interpret.kept import Keep
from practicum.interpret.lens import lens, read_early
from practicum.interpret.temperature import distribution, next_tokens, reweighted
from practicum.interpret.trace import trace, trace_translation
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import transformer
from practicum.seeding import stream

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
WANTED = Keep(what=("output", "final"))


@pytest.fixture
def model():
    made = build(gpt2(width=32, depth=3, heads=4, vocab=50, context=24), seed=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=stream(2, "noise"))
    return made


def test_after_the_last_block_stands_the_answer(model):
    seen = lens(model, trace(model, IDS, WANTED), top=4)
    p = model(IDS)[0].softmax(-1)
    assert seen.ids.shape == (3, 8, 4)
    assert torch.equal(seen.ids[-1], p.topk(4).indices)
    torch.testing.assert_close(seen.probabilities[-1], p.topk(4).values)
    torch.testing.assert_close(seen.entropy[-1], -(p * p.log()).sum(-1))
    assert seen.agrees[-1].all()
    assert seen.kl[-1].abs().max() < 1e-5
    assert torch.all(seen.kl[:-1] > 1e-3)


def test_divergence_and_ids_are_as_defined(model):
    seen = trace(model, IDS, WANTED)
    early = model.logits(model.stack.final_norm(seen.at("output", 0)))[0].log_softmax(-1)
    late = model(IDS)[0].log_softmax(-1)
    kl = (late.exp() * (late - early)).sum(-1)
    torch.testing.assert_close(lens(model, seen).kl[0], kl)
    torch.testing.assert_close(read_early(model, seen.at("output", 0))[0].log_softmax(-1), early)


def test_some_layers_and_positions_are_read_as_among_all(model):
    every = lens(model, trace(model, IDS, WANTED))
    some = lens(model, trace(model, IDS, Keep(what=WANTED.what, layers=(1,), positions=(2, -1))))
    torch.testing.assert_close(some.kl[0], every.kl[1, [2, 7]])
    assert torch.equal(some.ids[0], every.ids[1, [2, 7]])


def test_ids_that_stand_for_no_token_are_not_read(model):
    seen = lens(model, trace(model, IDS, WANTED), top=50, known=range(40))
    assert torch.equal(seen.probabilities[:, :, 40:], torch.zeros(3, 8, 10))
    assert torch.isfinite(seen.kl).all()


def test_a_decoder_after_an_encoder_is_read():
    model = build(transformer(width=32, depth=2, heads=4, vocab=50, context=24), seed=1)
    seen = lens(model, trace_translation(model, IDS, IDS[:, :5], WANTED))
    assert torch.equal(seen.ids[-1], model(IDS, IDS[:, :5])[0].topk(5).indices)


def test_temperature_is_a_softmax_of_divided_logits():
    logits = torch.randn(3, 20, generator=stream(0, "logits"))
    torch.testing.assert_close(distribution(logits, 2.0), (logits / 2).softmax(-1))
    cold = distribution(logits, 0)
    assert torch.equal(cold.argmax(-1), logits.argmax(-1))
    assert torch.all(cold.sum(-1) == 1)
    entropies = [torch.special.entr(distribution(logits, t)).sum(-1) for t in (0, 0.5, 1, 2, 5)]
    assert all(torch.all(a < b) for a, b in pairwise(entropies))
    table = next_tokens(logits, top=5, temperature=0.7)
    torch.testing.assert_close(
        reweighted(logits.softmax(-1), 0.7).gather(-1, table.ids), table.probabilities
    )
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ConfigError, match="temperature"):
            distribution(logits, wrong)
    with pytest.raises(ConfigError, match="temperature 0"):
        reweighted(logits.softmax(-1), 0)
