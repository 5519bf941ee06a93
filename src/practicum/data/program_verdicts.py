"""Running programs to learn whether they end well, each distinct one once, in the sandbox.

A program runs in a namespace of its own that is not `__main__`; what it prints goes nowhere and it
has no input, as in HumanEval's harness. It passes only by running to its end: leaving early is a
failure even with exit status 0, so a check cannot be skipped by `exit()`. What no harness can tell
is a candidate that fools the check itself, such as with objects that are equal to everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from practicum.events import Progress, emit
from practicum.symbolic.sandbox import Outcome, Program

GUARD = """\
import io, sys


class Nowhere(io.StringIO):
    def write(self, text):
        return len(text)

    def read(self, *size):
        raise OSError("there is no input")

    readline = readlines = read


def run(source):
    streams = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = sys.stdout = sys.stderr = Nowhere()
    try:
        exec(compile(source, "program.py", "exec"), {{}})
    except SystemExit:
        raise RuntimeError({early!r}) from None
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams


run({source!r})
"""
EARLY = "the program ended before its check"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a program ended, in the three words of the paper (§2.3)."""

    result: Literal["passed", "failed", "timed out"]
    reason: str  # why it failed, in a line; empty where it passed
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it ran to its end."""
        return self.result == "passed"


class Runs(Protocol):
    """`symbolic.sandbox.Sandbox`, or what stands in for it."""

    def run(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]: ...


def judge(
    programs: Sequence[str], sandbox: Runs, files: Mapping[str, str] | None = None
) -> list[Verdict]:
    """The verdict on each program, in order. Equal programs run once and share their verdict.

    `files`, text by relative path, are what each finds in its folder and can import.
    """
    distinct = list(dict.fromkeys(programs))
    found: dict[str, Verdict] = {}
    guarded = (
        Program(source=GUARD.format(source=text, early=EARLY), files=files or {})
        for text in distinct
    )
    for index, outcome in sandbox.run(guarded):
        found[distinct[index]] = _verdict(outcome)
        done, total = len(found), len(distinct)
        emit(Progress(task="running programs", done=done, total=total, unit="programs"))
    return [found[text] for text in programs]


def _verdict(outcome: Outcome) -> Verdict:
    seconds = outcome.seconds
    if outcome.passed and outcome.finished:
        return Verdict(result="passed", reason="", seconds=seconds)
    if outcome.kind == "timed out":
        return Verdict(result="timed out", reason=outcome.reason, seconds=seconds)
    reason = EARLY if outcome.passed else outcome.reason
    if outcome.kind not in ("passed", "failed"):
        reason = f"{outcome.kind}: {reason}"
    return Verdict(result="failed", reason=reason, seconds=seconds)
