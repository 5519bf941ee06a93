"""Majority where chains agree, else the answer at once."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from practicum.decoding.sampling import Sampling
from practicum.errors import DataError
from practicum.evaluation.routed import (
    Votes,
    accuracy_at,
    ask,
    auroc,
    best_threshold,
    compare,
    dealt_out,
)


class Question(NamedTuple):
    at_once: str
    in_steps: str
    answer: str


def votes(direct: str, sampled: str, right: str = "1") -> Votes:
    """The chains' answers one letter each; a dot is none."""
    found = tuple(None if one == "." else one for one in sampled)
    return Votes(direct=direct, chained=found[0], sampled=found, right=right)


def rng():
    return np.random.default_rng(0)


AGREED = votes("2", "1113")  # the chains are right, and sure
SPLIT = votes("1", "2345")  # the chains are wrong, and unsure
MIXED = [AGREED, SPLIT] * 20


def test_the_majority_counts_answers_and_its_share_counts_chains():
    assert (AGREED.majority, AGREED.confidence) == ("1", 0.75)
    assert votes("1", "..22").confidence == 0.5
    assert votes("1", "3344").majority == "3", "of equals the first"
    nothing = votes("7", "....")
    assert (nothing.majority, nothing.confidence, nothing.routed(0.0)) == (None, 0.0, "7")


def test_routing_takes_the_majority_from_the_threshold_on():
    assert [AGREED.routed(t) for t in (0.0, 0.75, 0.76)] == ["1", "1", "2"]


def test_the_best_threshold_parts_what_can_be_parted():
    assert best_threshold(MIXED) == 0.75
    assert best_threshold([AGREED] * 3) == 0.0
    assert best_threshold([SPLIT] * 3) == 2.0
    assert accuracy_at(MIXED, 0.75) == 1.0


def test_every_procedure_is_compared():
    found = compare(MIXED[:20], MIXED[20:], generator=rng())
    assert (found.direct, found.majority, found.routed, found.oracle) == (0.5, 0.5, 1.0, 1.0)
    assert (found.kept, found.coin, found.auroc, found.chained) == (0.5, 0.5, 1.0, 0.5)
    assert 0.2 < found.low < 0.5 < found.high < 0.8


def test_where_one_way_is_always_right_routing_gains_nothing():
    found = compare([AGREED] * 10, [AGREED] * 10, generator=rng())
    assert found.routed == found.majority == found.coin == 1.0
    assert (found.low, found.high, found.auroc) == (0.0, 0.0, 0.5)


def test_shares_that_are_dealt_out_say_nothing():
    dealt = dealt_out(MIXED, generator=rng())
    assert sorted(v.confidence for v in dealt) == sorted(v.confidence for v in MIXED)
    assert [v.majority for v in dealt] == [v.majority for v in MIXED]
    assert accuracy_at(dealt, 0.75) < 0.8


def test_auroc_counts_pairs():
    assert auroc([3, 1, 2, 2], [True, False, True, False]) == (1 + 1 + 1 + 0.5) / 4
    assert auroc([1, 2], [True, True]) == 0.5


def test_questions_are_asked_at_once_and_in_steps(told):
    def answer(prompt: str, sampling: Sampling) -> str:
        if prompt.endswith("?"):
            return "5"
        return "greedy" if sampling.temperature == 0 else prompt[0]

    class Scorer(told):
        def generate(self, prompts, sampling):
            self.samplings.append(sampling)
            each = [sampling] * len(prompts) if isinstance(sampling, Sampling) else sampling
            for index, (prompt, one) in enumerate(zip(prompts, each, strict=True)):
                (made,) = told(answer=answer).generate([prompt], one)
                yield replace(made, index=index)

    scorer = Scorer()
    questions = [Question("a?", "a:", "5"), Question("b?", "b:", "6")]
    found = ask(scorer, questions, Sampling(temperature=0.8, seed=3), lambda s: s[:1], chains=3)
    assert [one.direct for one in found] == ["5", "5"]
    assert [one.chained for one in found] == ["g", "g"]
    assert [one.sampled for one in found] == [("a",) * 3, ("b",) * 3]
    assert [one.right for one in found] == ["5", "6"]
    seeds = [one.seed for one in scorer.samplings[2]]
    assert len(set(seeds)) == 6


def test_a_side_without_questions_is_refused():
    with pytest.raises(DataError, match="choose a threshold"):
        compare([], MIXED, generator=rng())
