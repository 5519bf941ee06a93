"""Programming problems from a project's own test suite (Chen et al. 2021, §4).

The suite runs twice under a profile hook, with two hash seeds, in a process of its own and as its
owner would run it: it is trusted, and not sandboxed. What its functions were given and returned
becomes their tests. A function is kept where a file of its own can hold it with all that it needs,
where both runs agree, where in the sandbox its body passes and a body of `return None` does not.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from practicum.data.code_problem import CodeProblem
from practicum.data.doctest_problems import discriminating
from practicum.data.function_source import FunctionSource, ModuleSource
from practicum.data.program_verdicts import Runs
from practicum.errors import DataError
from practicum.events import Note, emit

TRACER = Path(__file__).with_name("call_tracer.py")
START = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
NO_TESTS = 5  # pytest's status, and the tracer's, for a suite of none
SHOWN = 2  # calls that a docstring shows, where the function has none of its own

Place = tuple[str, str, int]  # file, function, first line
Calls = dict[str, str]  # arguments → result, both as source


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A test suite, and how it is run."""

    project: Path  # where it is started; only functions of files below it count
    runner: Literal["auto", "pytest", "unittest"] = "auto"
    arguments: tuple[str, ...] = ()  # for the runner, such as the folder of the tests
    python: str = sys.executable  # the interpreter that has the project's dependencies
    seconds: float = 600.0  # for one run

    def __post_init__(self) -> None:
        if not self.project.is_dir():
            raise DataError(f"no folder {self.project}; expected one with a test suite")


@dataclass(frozen=True, kw_only=True)
class Mined:
    """The problems, and why other functions that were called are none."""

    problems: tuple[CodeProblem, ...]
    dropped: Mapping[str, int]  # reason → functions


def mine(suite: Suite, sandbox: Runs) -> Mined:
    """Problems of the functions that a suite calls, in the order of files and lines.

    Raises DataError where the suite cannot be run or holds no tests. Failing tests are noted, and
    what they called counts all the same.
    """
    first, second = traced(suite, seed=1), traced(suite, seed=2)
    dropped, problems = Counter[str](), []
    modules: dict[str, ModuleSource | None] = {}
    for place in sorted(first):
        file = place[0]
        if file not in modules:
            modules[file] = _read(suite.project / file)
        made = _problem(place, modules[file], first[place], second.get(place, {}))
        if isinstance(made, CodeProblem):
            problems.append(made)
        elif made is not None:
            dropped[made] += 1
    kept = discriminating(problems, sandbox)
    if len(kept) < len(problems):
        dropped["fails alone, or passes with `return None`"] = len(problems) - len(kept)
    return Mined(problems=tuple(kept), dropped=dropped)


def _read(path: Path) -> ModuleSource | None:
    try:
        with tokenize.open(path) as file:
            return ModuleSource(file.read())
    except (SyntaxError, ValueError):
        return None


def traced(suite: Suite, *, seed: int) -> dict[Place, Calls]:
    """What each function was given and returned in one run under this hash seed.

    Raises DataError where the suite cannot be run, takes too long or holds no tests.
    """
    with tempfile.TemporaryDirectory(prefix="practicum-trace-") as folder:
        records = Path(folder, "records.jsonl")
        runner = [suite.runner, *suite.arguments]
        call = [suite.python, "-c", START, str(TRACER), str(records), ".", *runner]
        settings = {"PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ended = subprocess.run(
                call,
                cwd=suite.project,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=suite.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as fault:
            raise DataError(
                f"the test suite took more than {suite.seconds:.0f} s; allow more, or name a part"
            ) from fault
        except OSError as fault:
            raise DataError(f"cannot start {suite.python}: {fault.strerror}") from fault
        said = ended.stdout.decode("utf-8", "replace")
        if not records.exists():
            raise DataError(f"the test suite did not end: {_last_line(said)}")
        return _calls(records, said)


def _calls(records: Path, said: str) -> dict[Place, Calls]:
    *rows, end = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    if end["status"] == NO_TESTS:
        raise DataError(f"{end['runner']} found no tests; name their folder after --")
    if end["status"] not in (0, 1):
        raise DataError(f"{end['runner']} could not run the tests: {_last_line(said)}")
    if end["status"] == 1:
        emit(Note(text=f"some tests failed: {_last_line(said)}"))
    found: dict[Place, Calls] = {}
    for row in rows:
        place = (row["file"], row["name"], row["line"])
        found.setdefault(place, {})[row["arguments"]] = row["result"]
    return found


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else "it said nothing"


def _problem(
    place: Place, module: ModuleSource | None, first: Calls, second: Calls
) -> CodeProblem | str | None:
    """The problem, why there is none, or None where it is no outermost function at all."""
    file, name, line = place
    if module is None:
        return "its file is not in this Python's syntax"
    function = next((f for f in module.functions() if (f.name, f.line) == (name, line)), None)
    if function is None:
        return None
    if not function.plain:
        return "a generator, decorated, or with global state"
    calls = {given: result for given, result in first.items() if given in second}
    if not calls or any(second[given] != result for given, result in calls.items()):
        return "another run gave other results"
    if set(calls.values()) <= {"None"}:
        return "returns nothing"
    before = _before(function, module)
    if before is None:
        return "needs what its file does not hold"
    docstring = function.docstring or _shown(function, calls)
    return CodeProblem(
        task_id=f"{_module(file)}.{name}",
        prompt=before + function.head + docstring,
        entry_point=name,
        tests=_tests(calls),
        solution=function.body,
    )


def _module(file: str) -> str:
    """What the file is called on import, as far as its path says."""
    path = Path(file).with_suffix("")
    if path.name == "__init__" and path.parent.name:
        path = path.parent
    return ".".join(path.parts).removeprefix("src.")


def _before(function: FunctionSource, module: ModuleSource) -> str | None:
    """Imports and definitions that a function needs, one of another included, or None."""
    imports, definitions = dict[str, None](), set[str]()
    waiting = list(function.names & module.bound)
    while waiting:
        name = waiting.pop()
        if name in module.imports:
            imports[module.imports[name]] = None
        elif name not in module.definitions:
            return None
        elif name not in definitions:
            definitions.add(name)
            waiting += module.definitions[name][1] & module.bound
    if function.name in definitions:
        return None  # what it calls calls it
    lines = [*module.future, *sorted(imports)]
    parts = ["\n".join(lines) + "\n"] if lines else []
    sources = dict.fromkeys(s for n, (s, _) in module.definitions.items() if n in definitions)
    return "".join(f"{part}\n\n" for part in [*parts, *sources])


def _shown(function: FunctionSource, calls: Calls) -> str:
    """A docstring of a few calls, for a function that says nothing about itself."""
    shortest = sorted(calls.items(), key=lambda call: len(call[0]) + len(call[1]))[:SHOWN]
    blanks = function.indent
    lines = [
        line.replace("\\", "\\\\").replace('"""', r"\"\"\"")
        for given, result in shortest
        for line in (f">>> {function.name}({given})", result)
    ]
    return "".join(f"{blanks}{line}\n" for line in ['"""', *lines, '"""'])


def _tests(calls: Calls) -> str:
    return "def check(candidate):\n" + "".join(f"    {line}\n" for line in _asserted(calls))


def _asserted(calls: Calls) -> Iterator[str]:
    for given, result in calls.items():
        value = ast.literal_eval(result)
        if type(value) is float:
            yield f"assert abs(candidate({given}) - {result}) <= {1e-6 * max(1.0, abs(value))!r}"
        else:
            yield f"assert candidate({given}) == {result}"
