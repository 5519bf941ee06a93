"""What is held out is never told, and everything else about the documents stays the same."""

from itertools import islice

import pytest

from practicum.data.demonstrations import Demonstrations
from practicum.errors import ConfigError

SMALL = Demonstrations(words=20, opposites=12, digits=5, topics=4, candidates=4)
SEEDS = [0, 1, 7]


def text(made: Demonstrations, seed: int, answers, count: int = 400) -> str:
    return "".join(d.text for d in islice(made.documents(seed=seed, answers=answers), count))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_held_out_pair_is_ever_told(seed: int):
    told = text(SMALL, seed, "right", count=2000)
    for cloze in SMALL.questions(seed=seed, per_task=1000):
        assert cloze.prefix + cloze.candidates[cloze.answer] + "." not in told


@pytest.mark.parametrize("seed", SEEDS)
def test_every_held_out_item_and_template_is_told_apart_from_each_other(seed: int):
    told = text(SMALL, seed, "right", count=4000)
    for task in SMALL.tasks(seed):
        for question, answer in task.items:
            ways = [template.format(q=question, a=answer) in told for template in task.templates]
            assert sum(ways) == len(task.templates) - 1, (task.name, question)


def test_a_fifth_of_the_pairs_is_asked():
    asked = SMALL.questions(seed=0, per_task=1000)
    pairs = sum(len(task.items) * len(task.templates) for task in SMALL.tasks(0))
    assert len(asked) == pairs / 5


def test_candidates_are_answers_held_out_in_the_same_template():
    for task in SMALL.tasks(0):
        answers = {answer for _, answer in task.items}
        for cloze in SMALL.questions(seed=0, per_task=1000):
            if cloze.task == task.name:
                assert {candidate.strip() for candidate in cloze.candidates} <= answers
                assert len(set(cloze.candidates)) == len(cloze.candidates) >= 2
                assert not cloze.prefix.endswith(" ")


def test_shuffled_answers_change_answers_and_nothing_else():
    right = text(SMALL, 0, "right").splitlines()
    permuted = text(SMALL, 0, "permuted").splitlines()
    assert len(right) == len(permuted)
    changed = sum(a != b for a, b in zip(right, permuted, strict=True))
    assert 0.6 < changed / len(right) < 1.0  # some draws fall on the right answer
    assert all(a.split()[:2] == b.split()[:2] for a, b in zip(right, permuted, strict=True))


def test_deleted_demonstrations_leave_no_answer_behind():
    left = set(text(SMALL, 0, "deleted").splitlines())
    assert len(left) <= 8  # the sentences that mean nothing


def test_the_same_seed_gives_the_same_text_and_another_gives_another_language():
    assert text(SMALL, 3, "right") == text(SMALL, 3, "right")
    first, other = SMALL.tasks(3)[0], SMALL.tasks(4)[0]
    assert first.items != other.items
    assert [question for question, _ in first.items] == [question for question, _ in other.items]


def test_more_candidates_than_answers_are_refused():
    with pytest.raises(ConfigError, match="9 candidates per question; expected 2 to 4"):
        Demonstrations(words=20, opposites=12, digits=5, topics=4, candidates=9)
