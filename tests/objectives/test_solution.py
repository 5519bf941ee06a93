"""Answers are learned, prompts and padding are not."""

import pytest
import torch
from torch.nn import functional as F

from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.gpt3 import gpt3
from practicum.objectives.solution import Solution, Solved, solved
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer

TOKENIZER = ByteTokenizer()
MODEL = build(gpt3(width=16, depth=1, heads=2, vocab=257, context=32, band=None), seed=0)


def prepared(examples: list[Solved]):
    return Solution().prepare(examples, stream(0, "test"))


def test_only_the_answer_and_the_end_are_targets():
    (example,) = solved([("ab", "cd")], TOKENIZER, context=8)
    batch = prepared([example])
    assert batch.ids.tolist() == [[97, 98, 99, 100]]
    assert batch.targets.tolist() == [[IGNORED, 99, 100, TOKENIZER.end]]
    assert batch.count == 3


def test_padding_is_no_target_and_changes_no_loss():
    short, long = solved([("ab", "c"), ("abcd", "efgh")], TOKENIZER, context=16)
    together = prepared([short, long])
    assert together.count == 2 + 5
    with torch.no_grad():
        apart = sum(float(Solution().loss(MODEL, prepared([one])).total) for one in (short, long))
        both = Solution().loss(MODEL, together)
    assert both.count == 7
    assert float(both.total) == pytest.approx(apart, rel=1e-5)


def test_the_loss_is_the_log_probability_of_the_answer():
    (example,) = solved([("say: ", "yes")], TOKENIZER, context=16)
    ids = torch.tensor([example.ids])
    with torch.no_grad():
        logits = MODEL(ids[:, :-1])[0]
        told = F.cross_entropy(logits[4:], ids[0, 5:], reduction="sum")
        ours = Solution().loss(MODEL, prepared([example])).total
    torch.testing.assert_close(ours, told)


def test_the_prompt_gets_no_gradient_from_its_own_tokens():
    (example,) = solved([("xyz", "!")], TOKENIZER, context=16)
    Solution().loss(MODEL, prepared([example])).total.backward()
    gradient = MODEL.get_parameter("positions.weight").grad
    assert gradient is not None
    assert gradient[:4].abs().sum() > 0  # it is read …
    assert gradient[4:].abs().sum() == 0  # … and nothing stands behind the answer
    MODEL.zero_grad()


def test_what_does_not_fit_is_left_out():
    asked = [("a", "b"), ("a" * 9, "b")]
    assert len(solved(asked, TOKENIZER, context=4)) == 1
    assert len(solved(asked, TOKENIZER, context=10)) == 2
    with pytest.raises(DataError, match="fits in 1 tokens"):
        solved(asked, TOKENIZER, context=1)


def test_a_text_without_prompt_or_answer_is_refused():
    for wrong in (Solved((1, 2), 0), Solved((1, 2), 2)):
        with pytest.raises(DataError, match="at least one token each"):
            prepared([wrong])
