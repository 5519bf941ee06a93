import pytest

from practicum.errors import DataError
from practicum.evaluation.shown_pairs import exact_after

PAIRS = [(f"word{n}", f"other{n}") for n in range(12)]


def test_words_are_asked_behind_examples_that_are_others(told):
    scorer = told()
    exact_after(scorer, "Other words.", PAIRS, (0, 1, 4), asked=5, seed=0)
    contexts = [context.split("\n") for context, _ in scorer.pairs]
    assert [len(lines) for lines in contexts] == [2] * 5 + [3] * 5 + [6] * 5
    for lines, (_, answer) in zip(contexts, scorer.pairs, strict=True):
        description, *examples, question = lines
        assert description == "Other words."
        assert answer == " " + question.removesuffix(" =>").replace("word", "other")
        known = {f"{word} => {other}" for word, other in PAIRS}
        assert set(examples) <= known - {question + answer}
    for one, four in zip(contexts[5:10], contexts[10:], strict=True):
        assert four[-2:] == one[-2:]


def test_an_answer_counts_where_greedy_decoding_would_give_it(told):
    def total(context: str, continuation: str) -> float:
        return 0.0 if context.count("\n") >= 4 else -1.0  # 0 is greedy for this scorer

    found = exact_after(told(total), "Other words.", PAIRS, (0, 1, 4), asked=5, seed=0)
    assert found == {0: 0.0, 1: 0.0, 4: 1.0}


def test_seeds_ask_other_words_and_the_same_seed_the_same(told):
    scorers = [told() for _ in range(3)]
    for scorer, seed in zip(scorers, (1, 1, 2), strict=True):
        exact_after(scorer, "Other words.", PAIRS, (2,), asked=6, seed=seed)
    assert scorers[0].pairs == scorers[1].pairs != scorers[2].pairs


@pytest.mark.parametrize(("shots", "asked"), [((12,), 1), ((0,), 13), ((0,), 0)])
def test_too_few_pairs_are_named(told, shots, asked):
    with pytest.raises(DataError, match="of 12 pairs"):
        exact_after(told(), "Other words.", PAIRS, shots, asked=asked, seed=0)
