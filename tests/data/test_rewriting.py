from dataclasses import replace

import numpy as np
import pytest

from practicum.data.drawn import Drawn, fresh
from practicum.data.rewriting import Rewriting, all_rules, all_strings, held_out
from practicum.errors import ConfigError

TASK = Rewriting()
NAMES = {"copy", "reverse", "rotate left", "copy + 1", "first"}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pairs_of(ids: np.ndarray, task: Rewriting = TASK) -> np.ndarray:
    """(documents, pairs, x and y, symbols), after a look at the signs."""
    told = ids.reshape(len(ids), -1, 2, task.length + 1)
    assert (told[:, :, 0, -1] == task.symbols).all()
    assert (told[:, :, 1, -1] == task.symbols + 1).all()
    return told[..., :-1]


def rules_that_fit(document: np.ndarray) -> list[str]:
    return [
        rule.name
        for rule in all_rules(10, 3)[:5]
        if all(tuple((x[list(rule.places)] + rule.shift) % 10) == tuple(y) for x, y in document)
    ]


def learnt_from(task: Rewriting, count: int = 200) -> np.ndarray:
    return pairs_of(np.stack([example.ids for example in task.draw(count, rng())]), task)


def strings_of(ids: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(x) for x in pairs_of(ids)[:, :, 0].reshape(-1, TASK.length)}


def test_a_document_has_one_rule_and_every_rule_has_documents():
    found = [rules_that_fit(document) for document in learnt_from(TASK)]
    assert all(len(rules) == 1 for rules in found)
    assert {rules[0] for rules in found} == NAMES


def test_one_pair_may_fit_several_rules():
    single = [rules_that_fit(document[:1]) for document in learnt_from(TASK)]
    assert all(single)
    several = [rules for rules in single if len(rules) > 1]
    assert 0 < len(several) < 0.4 * len(single)


def test_the_control_deals_the_same_pairs_anew():
    documents, dealt = learnt_from(TASK), learnt_from(replace(TASK, repeat=False))
    flat = [sorted(map(bytes, part.reshape(-1, 6))) for part in (documents, dealt)]
    assert flat[0] == flat[1]
    assert not any(rules_that_fit(document) for document in dealt)
    told = [[rules_that_fit([pair]) for pair in document] for document in dealt]
    assert all(all(rules) for document in told for rules in document)
    shifted = np.array([[rules == ["copy + 1"] for rules in document] for document in told])
    again = shifted[:, 1:][shifted[:, :-1]].mean()
    assert again == pytest.approx(1 / 5, abs=0.08)


def test_new_strings_are_in_no_document_to_learn_from():
    secret = {tuple(x) for x in all_strings(10, 3)[held_out(10, 3)]}
    learnt = strings_of(np.stack([example.ids for example in TASK.draw(200, rng())]))
    assert not secret & (learnt | strings_of(TASK.asked(100, rng())))
    assert strings_of(TASK.asked(100, rng(), new=True)) <= secret
    for told in TASK.misleading(100, 2, rng(), new=True):
        assert strings_of(told) <= secret
    assert len(secret) == pytest.approx(1000 / 5, abs=20)


def test_no_string_comes_twice_in_a_document():
    for document in pairs_of(TASK.asked(50, rng())):
        assert len({tuple(x) for x, _ in document}) == 9


def test_an_answer_stands_where_it_is_said_to():
    ids = TASK.asked(20, rng())
    for pair in range(9):
        assert np.array_equal(ids[:, TASK.answer(pair)], pairs_of(ids)[:, pair, 1])


def test_misleading_documents_change_the_rule_for_the_last_pair():
    misleading, followed = TASK.misleading(60, 4, rng())
    assert misleading.shape == (60, 5 * 8)
    for one, other in zip(pairs_of(misleading), pairs_of(followed), strict=True):
        assert np.array_equal(one[:4], other[:4])
        assert np.array_equal(one[4, 0], other[4, 0])
        assert set(rules_that_fit(other)) <= set(rules_that_fit(one[:4]))
        if not np.array_equal(one[4, 1], other[4, 1]):
            assert not set(rules_that_fit(other)) & set(rules_that_fit(one[4:]))
    assert np.mean((misleading != followed).any(axis=1)) > 0.8


def test_the_same_seed_draws_the_same_documents():
    first, second = (next(Drawn(TASK, 4, seed=3)) for _ in range(2))
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(first, second, strict=True))
    other = fresh(TASK, 4, seed=3)
    assert not np.array_equal(first[0].ids, other[0].ids)


def test_more_rules_and_longer_strings_may_be_asked_for():
    task = Rewriting(length=4, rules=40)
    assert task.asked(3, rng()).shape == (3, 9 * 10)
    assert len(set(all_rules(10, 4))) >= 40


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"length": 1}, "a length of 2 or more"),
        ({"pairs": 0}, "1 pair or more"),
        ({"rules": 1}, "expected 2 to 70"),
        ({"rules": 71}, "expected 2 to 70"),
        ({"symbols": 8, "length": 2, "rules": 3}, "9 pairs need twice as many strings"),
    ],
)
def test_what_cannot_be_is_refused(entries: dict[str, int], message: str):
    with pytest.raises(ConfigError, match=message):
        Rewriting(**entries)
