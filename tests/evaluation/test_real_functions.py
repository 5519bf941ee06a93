"""Real functions are asked where they fit and where their tests can judge."""

from dataclasses import replace

import pytest

from practicum.data.code_problem import CodeProblem
from practicum.decoding.speaker import speaker
from practicum.errors import ConfigError
from practicum.evaluation.code_runs import Manner
from practicum.evaluation.real_functions import real_functions
from practicum.symbolic.sandbox import Sandbox

TWICE = CodeProblem(
    task_id="own.twice",
    prompt='def twice(x):\n    """Doubles."""\n',
    entry_point="twice",
    tests="def check(candidate):\n    assert candidate(2) == 4\n",
    solution="    return 2 * x\n",
)
SILENT = replace(TWICE, task_id="own.silent", tests="def check(candidate):\n    candidate(2)\n")
LONG = replace(TWICE, task_id="own.long", prompt=TWICE.prompt + "# " + 480 * "x" + "\n")
MANNER = Manner(samples=2, temperatures=(0.5,), max_tokens=9, seed=1)


def test_left_out_are_what_judges_nothing_and_what_does_not_fit():
    lm = speaker(None)  # which writes bytes at random, and reads 512
    with Sandbox(workers=1) as sandbox:
        found = real_functions(lm, [SILENT, TWICE, LONG], MANNER, sandbox)
        assert real_functions(lm, [SILENT], MANNER, sandbox) == []
    assert [[one.problem.task_id for one in samples] for samples in found] == [["own.twice"] * 2]
    assert [one.passed for one in found[0]] == [False, False]


def test_several_temperatures_are_refused():
    several = replace(MANNER, temperatures=(0.2, 0.8))
    with Sandbox(workers=1) as sandbox, pytest.raises(ConfigError, match="give one of them"):
        real_functions(speaker(None), [TWICE], several, sandbox)
