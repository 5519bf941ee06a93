"""Choosing one of many without tests: what a heuristic is worth, exactly."""

import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.code_problem import CodeProblem
from practicum.data.program_verdicts import Verdict
from practicum.errors import ConfigError
from practicum.evaluation.code_ranking import (
    back_translation,
    chosen_passes,
    log_probability,
    mean_log_probability,
    ranked,
    reversed_order,
)
from practicum.evaluation.code_runs import Sample

ADD = CodeProblem(
    task_id="Own/0",
    prompt='import math\n\n\ndef add(a, b):\n    """Their\n    sum.\n    """\n',
    entry_point="add",
    tests="def check(candidate): pass",
)


def sample(logs: tuple[float, ...] | None, passed: bool = False, text: str = "") -> Sample:
    verdict = Verdict(result="passed" if passed else "failed", reason="", seconds=0.0)
    return Sample(problem=ADD, completion=text, logprobs=logs, verdict=verdict)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=7), st.data())
def test_the_chance_is_that_of_all_subsets(pairs, data):
    k = data.draw(st.integers(1, len(pairs)))
    scores = [float(score) for score, _ in pairs]
    passed = [one for _, one in pairs]
    total, subsets = 0.0, list(combinations(range(len(pairs)), k))
    for chosen in subsets:
        best = max(scores[i] for i in chosen)
        equal = [passed[i] for i in chosen if scores[i] == best]
        total += sum(equal) / len(equal)
    assert chosen_passes(scores, passed, k) == pytest.approx(total / len(subsets))


def test_mean_and_sum_differ_by_length():
    short, long = sample((-1.0,)), sample((-0.5, -0.5, -0.5))
    assert mean_log_probability([short, long]) == [-1.0, -0.5]
    assert log_probability([short, long]) == [-1.0, -1.5]
    assert mean_log_probability([sample(())]) == log_probability([sample(())]) == [-math.inf]
    with pytest.raises(ConfigError, match="Own/0: the sample has no log probabilities"):
        log_probability([sample(None)])


def test_between_chance_and_the_oracle_stand_the_heuristics():
    problem = [sample((-1.0,), True), sample((-3.0,)), sample((-2.0,)), sample((-0.5, -0.9))]
    hopeless = [sample((-1.0,))] * 4
    heuristics = {"mean": mean_log_probability, "sum": log_probability}
    assert ranked([problem, hopeless], 4, heuristics) == {
        "random": 0.125, "mean": 0.0, "sum": 0.5, "oracle": 0.5,
    }  # fmt: skip
    of_one = ranked([problem, hopeless], 1, heuristics)
    assert of_one == pytest.approx(dict.fromkeys(of_one, 0.125))
    with pytest.raises(ConfigError, match="the best of 5 samples out of 4"):
        chosen_passes([0.0] * 4, [True] * 4, 5)


def test_back_translation_asks_for_the_docstring_after_the_program(told):
    code, docstring = reversed_order(ADD, "    return a + b\n\n")
    assert code == "import math\n\n\ndef add(a, b):\n    return a + b\n"
    assert docstring == '    """Their\n    sum.\n    """'
    scorer = told(total=lambda context, docstring: float("return a + b" in context))
    pair = [sample((), text="    return a + b\n"), sample((), text="    pass\n")]
    assert back_translation(scorer)(pair) == [1.0, 0.0]
    assert scorer.pairs[0] == (code, docstring)


def test_an_import_may_stand_before_the_docstring():
    prompt = 'def add(a, b):\n    import math\n    """Their sum."""\n'
    code, docstring = reversed_order(replace(ADD, prompt=prompt), "    return a + b\n")
    assert code == "def add(a, b):\n    import math\n    return a + b\n"
    assert docstring == '    """Their sum."""'


@pytest.mark.parametrize("prompt", ["def add(a, b):\n", "def add(a, b:\n", '"""Write add."""\n'])
def test_a_prompt_without_a_docstring_cannot_be_translated_back_to(prompt):
    with pytest.raises(ConfigError, match="Own/0: the prompt has no docstring of add"):
        reversed_order(replace(ADD, prompt=prompt), "")
