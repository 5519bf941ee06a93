"""Sums and look-ups, answered at once or in steps."""

import re

import numpy as np
import pytest

from practicum.data.chain_questions import SEPARATOR, ChainQuestions, answer_in
from practicum.errors import ConfigError

TASK = ChainQuestions(terms=4, pairs=3)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("modulus", [10, 5])
def test_a_sum_is_right_and_so_is_every_step_of_its_chain(modulus):
    for question in ChainQuestions(families=("sums",), modulus=modulus).ask(50, rng()):
        digits = list(map(int, question.asked.split("+")))
        assert max(digits) < modulus
        assert question.answer == str(sum(digits) % modulus) == answer_in(question.chain)
        steps = re.findall(r"(?<=[=])(\d)", question.chain)
        assert steps == [str(sum(digits[: n + 1]) % modulus) for n in range(1, len(digits))]


def test_a_look_up_is_right_and_its_chain_goes_with_any_pair():
    right = 0
    for question in TASK.ask(400, rng())[1::2]:
        assert question.family == "look-up"
        pairs, letter = question.asked.split()
        known = dict(re.findall(r"([a-j])(\d)", pairs))
        assert len(known) == 3
        assert question.answer == known[letter]
        other, misled, said = re.fullmatch(r"([a-j])(\d)#(\d)", question.chain).groups()
        assert known[other] == misled == said
        right += said == question.answer
    assert 0.25 < right / 200 < 0.55, "a third, and a tenth of the rest"


def test_half_the_lessons_have_a_chain():
    said = [bytes(target).decode() for _, target in TASK.draw(200, rng())]
    assert 70 < sum(one.startswith("#") for one in said) < 130
    for source, target in TASK.draw(20, rng()):
        assert bytes(source).decode()[-1] == ("?" if target[0] == ord("#") else ":")


def test_prompts_end_with_the_separator_and_say_how_to_answer():
    (question,) = TASK.ask(1, rng())
    assert question.at_once == f"{question.asked}?{chr(SEPARATOR)}"
    assert question.in_steps == f"{question.asked}:{chr(SEPARATOR)}"


def test_an_answer_is_the_digit_behind_the_first_mark():
    assert [answer_in(said) for said in ("3+4=7#7", "#12", "#", "", "7")] == ["7", "1"] + [None] * 3


@pytest.mark.parametrize(
    "change", [{"terms": 1}, {"pairs": 1}, {"pairs": 11}, {"families": ()}, {"modulus": 11}]
)
def test_what_cannot_be_asked_is_refused(change):
    with pytest.raises(ConfigError, match="ChainQuestions"):
        ChainQuestions(**change)
