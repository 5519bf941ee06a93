"""Fact sentences say what is so, the same at every call, and keep their sides apart."""

import re
from itertools import islice

import pytest

from practicum.data.documents import HELD_OUT, is_held_out
from practicum.data.fact_sentences import FactSentences
from practicum.errors import ConfigError

SMALL = FactSentences(people=20, lines=8)


def text_of(source: FactSentences, count: int, *, seed: int = 0, held_out: bool = False) -> str:
    documents = source.documents(seed=seed, held_out=held_out)
    return "".join(document.text for document in islice(documents, count))


def test_sums_are_right():
    text = text_of(SMALL, 40)
    told = re.findall(r"(\d+) ([+-]) (\d+) = (\d+)", text)
    assert len(told) > 20
    for a, sign, b, result in told:
        assert int(a) + (int(b) if sign == "+" else -int(b)) == int(result)
    for b, a, result in re.findall(r"Add (\d+) to (\d+) to get (\d+)", text):
        assert int(a) + int(b) == int(result)
    for b, a, result in re.findall(r"Take (\d+) from (\d+) to get (\d+)", text):
        assert int(a) - int(b) == int(result)


def test_the_facts_of_a_seed_are_the_same_in_all_documents_and_others_elsewhere():
    facts = SMALL.facts(0)
    assert len(facts) == 20
    for name, town in re.findall(r"(\w+) lives in (\w+)\.", text_of(SMALL, 60)):
        assert facts[name][0] == town
    assert facts != SMALL.facts(1)


def test_two_thousand_people_have_six_thousand_facts():
    assert sum(map(len, FactSentences().facts(3).values())) == 6000


def test_documents_are_the_same_at_every_call_and_on_one_side_each():
    assert text_of(SMALL, 5) == text_of(SMALL, 5)
    for held_out in (True, False):
        for document in islice(SMALL.documents(seed=0, held_out=held_out), 5):
            assert is_held_out(document.id, HELD_OUT) == held_out


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ConfigError, match="people is 0"):
        FactSentences(people=0)
    with pytest.raises(ConfigError, match="share of sums"):
        FactSentences(sums=1.5)
