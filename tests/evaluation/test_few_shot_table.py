from collections import Counter

import pytest

from practicum.decoding.language_model import LanguageModel
from practicum.errors import ConfigError, DataError
from practicum.evaluation.choice import Question
from practicum.evaluation.few_shot_table import Manner, Room, apart, few_shot, prompts
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.tokenizers.bytes import ByteTokenizer

LABELS = (" good", " bad", " mixed")


def rows(count: int, first: int = 0) -> list[Question]:
    """Row n has label n mod 3."""
    return [
        Question(prefix=f"Text {n:02} is", candidates=LABELS, answer=n % 3)
        for n in range(first, first + count)
    ]


EXAMPLES, ASKED = rows(12), rows(6, first=40)


def answers(prefix: str) -> list[str]:
    """What the examples before a question say."""
    return [line.split(" is ")[1] for line in prefix.splitlines()[:-1] if " is " in line]


def test_a_prompt_is_the_task_the_examples_and_the_question():
    manner = Manner(shots=(2,), draws=1, task="How is it?", between="\n##\n")
    first, second = prompts(EXAMPLES, ASKED, manner)
    task, one, two, question = first.before(ASKED[0]).prefix.split("\n##\n")
    assert (task, question) == ("How is it?", "Text 40 is")
    for told in (one, two):
        _, number, _, label = told.split()
        assert f" {label}" == LABELS[int(number) % 3]
    assert (first.labels, second.labels) == ("right", "wrong")


def test_wrong_labels_are_other_candidates_behind_the_same_examples():
    every = list(prompts(EXAMPLES, ASKED, Manner(shots=(8,))))
    for right, wrong in zip(every[::2], every[1::2], strict=True):
        one, other = right.head.splitlines(), wrong.head.splitlines()
        assert [line[:10] for line in one] == [line[:10] for line in other]
        assert all(a != b for a, b in zip(one, other, strict=True))


def test_fewer_examples_are_the_first_of_more_and_draws_differ():
    manner = Manner(shots=(0, 1, 4), draws=3)
    heads = {
        (prompt.shots, prompt.draw): prompt.head
        for prompt in prompts(EXAMPLES, ASKED, manner)
        if prompt.labels == "right"
    }
    assert heads[0, 0] == ""
    assert Counter(shots for shots, _ in heads) == {0: 1, 1: 3, 4: 3}
    for draw in range(3):
        assert heads[4, draw].startswith(heads[1, draw])
    assert len({heads[4, draw] for draw in range(3)}) == 3
    again = {p.head for p in prompts(EXAMPLES, ASKED, manner)}
    assert heads[4, 2] in again
    assert heads[4, 2] not in {
        p.head for p in prompts(EXAMPLES, ASKED, Manner(shots=(4,), draws=3, seed=1))
    }


def test_examples_come_in_the_order_that_is_asked_for():
    def head(order) -> list[str]:
        manner = Manner(shots=(6,), draws=1, order=order)
        return next(iter(prompts(EXAMPLES, ASKED, manner))).head.splitlines()

    assert head("reversed") == head("drawn")[::-1]
    labels = [line.split(" is ")[1] for line in head("by label")]
    assert labels == sorted(labels)
    assert sorted(head("by label")) == sorted(head("drawn"))


def test_no_example_is_a_row_that_is_asked():
    every = EXAMPLES + ASKED
    for prompt in prompts(every, ASKED, Manner(shots=(12,), draws=4)):
        assert not any(question.prefix in prompt.head for question in ASKED)
    with pytest.raises(DataError, match="12 examples that are not asked, and 13 are to be shown"):
        list(prompts(every, ASKED, Manner(shots=(13,))))


def test_a_model_that_copies_the_commonest_label_has_that_accuracy(told):
    def total(context: str, continuation: str) -> float:
        return float(answers(context + "\n").count(continuation.strip()))

    zero, eight = few_shot(told(total), EXAMPLES, ASKED, Manner(shots=(0, 8), draws=4))
    assert zero.right == (2 / 6,)  # of equals the first
    assert (zero.wrong, zero.calibrated, zero.interval) == ((), (), None)
    assert eight.right == (2 / 6,) * 4  # one label for all
    assert len(eight.wrong) == 4
    assert eight.interval == (2 / 6, 2 / 6)


def test_what_is_likely_anyway_is_taken_off(told):
    def total(context: str, continuation: str) -> float:
        last = context.splitlines()[-1]
        right = "N/A" not in last and continuation == LABELS[int(last.split()[1]) % 3]
        return right + 9.0 * (continuation == " bad")

    scorer = told(total)
    (plain,) = few_shot(scorer, EXAMPLES, ASKED, Manner(shots=(2,), draws=2), neutral="Text N/A is")
    assert plain.right == (2 / 6, 2 / 6)
    assert plain.calibrated == (1.0, 1.0)
    contexts = [context for context, _ in scorer.pairs if context.endswith("N/A is")]
    assert len(contexts) == 2 * 3  # per draw one neutral question, scored for each candidate


def test_a_prompt_that_does_not_fit_is_refused_and_one_that_fits_is_read():
    tokenizer = ByteTokenizer()
    model = build(gpt2(width=8, depth=1, heads=1, vocab=tokenizer.size, context=64))
    lm = LanguageModel(model, tokenizer)
    room = Room(context=lm.context, count=lambda text: len(tokenizer.encode(text)))
    (found,) = few_shot(lm, EXAMPLES, ASKED, Manner(shots=(2,), draws=1), room=room)
    assert 0 <= found.right[0] <= 1
    with pytest.raises(DataError, match="with 4 examples the longest prompt has .* reads 64"):
        few_shot(lm, EXAMPLES, ASKED, Manner(shots=(4,), draws=1), room=room)


def test_one_table_comes_apart():
    examples, asked = apart(rows(10), 4, seed=3)
    assert (len(examples), len(asked)) == (6, 4)
    assert {row.prefix for row in examples + asked} == {row.prefix for row in rows(10)}
    assert apart(rows(10), 4, seed=3) == (examples, asked)
    assert apart(rows(10), 4, seed=4)[1] != asked
    for count in (0, 10):
        with pytest.raises(DataError, match="of 10 rows to ask"):
            apart(rows(10), count, seed=0)


@pytest.mark.parametrize(
    "entries", [{"shots": ()}, {"shots": (1, 1)}, {"shots": (-1,)}, {"draws": 0}, {"between": ""}]
)
def test_a_manner_that_cannot_be_is_refused(entries):
    with pytest.raises(ConfigError, match="expected"):
        Manner(**entries)


def test_an_example_without_an_answer_is_named():
    bare = [Question(prefix="Text A is", candidates=LABELS)]
    with pytest.raises(DataError, match="'Text A is' has no answer"):
        list(prompts(bare, ASKED, Manner(shots=(1,))))
