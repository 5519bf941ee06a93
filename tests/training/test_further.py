"""What learns on is a copy: the base stays, and every copy begins at it."""

import torch

from practicum.data.loader import Loader
from practicum.decoding.language_model import LanguageModel
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.solution import Solution, solved
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.training.budget import Budget
from practicum.training.further import further, taught

TOKENIZER = ByteTokenizer()
BASE = build(gpt2(width=16, depth=1, heads=2, vocab=TOKENIZER.size, context=16), seed=1)
PAIRS = [("ab", "c"), ("de", "f")]
BUDGET = Budget(steps=30, batch=2, rate=2e-2)


def weights(model: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_answers_are_learned_by_a_copy():
    before = weights(BASE)
    model = taught(BASE, TOKENIZER, PAIRS, BUDGET, seed=3)
    assert same(weights(BASE), before)
    told = LanguageModel(model, TOKENIZER).loglikelihood(PAIRS)
    known = LanguageModel(BASE, TOKENIZER).loglikelihood(PAIRS)
    assert all(after.total > one.total + 2 for after, one in zip(told, known, strict=True))
    assert same(weights(taught(BASE, TOKENIZER, PAIRS, BUDGET, seed=3)), weights(model))


def test_what_does_not_fit_in_the_context_is_left_out():
    more = [*PAIRS, ("a" * 20, "b")]
    models = [taught(BASE, TOKENIZER, some, BUDGET, seed=3) for some in (PAIRS, more)]
    assert same(*map(weights, models))


def test_a_source_goes_on_from_where_it_stands():
    source = Loader(solved(PAIRS, TOKENIZER, context=16), 1, seed=3)
    further(BASE, source, Solution(), Budget(steps=3, batch=1, rate=1e-3), seed=3)
    assert source.position()["drawn"] == 3
