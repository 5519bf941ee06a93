"""Runs a test suite and writes down what the project's own functions were given and returned.

A script for another process, perhaps another Python: it uses the standard library alone. It is
called as `call_tracer.py RECORDS PROJECT RUNNER [argument…]` in the project's folder and writes a
JSON object a line: {"file", "name", "line", "arguments", "result"}, the last two as Python source,
and at the end {"runner", "status"}. Only calls that ended with a result count, and only values that
are built of plain literals, so that source and value are the same thing.
"""

from __future__ import annotations

import dis
import importlib.util
import json
import os
import sys
import threading
from typing import Any

MOST_CALLS = 50  # different ones that are kept of each function
MOST_CHARACTERS = 500  # of the source of one call's arguments, or of its result
DEPTH = 6  # of lists in lists
PLAIN = (type(None), bool, int, str, bytes)
ENDS = {"RETURN_VALUE", "RETURN_CONST"}  # what a call ends with that raised nothing
POSITIONAL, NAMED = 0x04, 0x08  # flags of code that takes *arguments and **arguments


class Tracer:
    """A profile function: hears every call and return of Python functions."""

    def __init__(self, project: str) -> None:
        self.project = os.path.realpath(project) + os.sep
        self.wanted: dict[Any, str] = {}  # code → its file in the project, "" for others
        self.going: dict[Any, str | None] = {}  # frame → its arguments
        self.seen: dict[tuple[str, str, int], dict[str, set[str]]] = {}

    def __call__(self, frame: Any, event: str, value: Any) -> None:
        if event in ("call", "return"):
            try:
                self._hear(frame, event, value)
            except RecursionError:  # of a program that tries out how deep it can go
                self.going.pop(frame, None)

    def _hear(self, frame: Any, event: str, value: Any) -> None:
        code = frame.f_code
        file = self.wanted.get(code)
        if file is None:
            file = self.wanted[code] = self._file(code)
        if not file:
            return
        if event == "call":
            self.going[frame] = arguments_of(frame)
            return
        given = self.going.pop(frame, None)
        if given is not None and _returned(frame):
            key = (file, code.co_name, code.co_firstlineno)
            self._keep(key, given, source_of(value))

    def _keep(self, key: tuple[str, str, int], given: str, result: str | None) -> None:
        calls = self.seen.setdefault(key, {})
        if given in calls or len(calls) < MOST_CALLS:
            calls.setdefault(given, set()).add("" if result is None else result)

    def _file(self, code: Any) -> str:
        if not code.co_name.isidentifier():  # such as <module>
            return ""
        path = os.path.realpath(code.co_filename)
        if not path.startswith(self.project) or not os.path.isfile(path):  # such as <frozen os>
            return ""
        file = path[len(self.project) :]
        return "" if of_tests(file) else file

    def records(self) -> list[dict[str, Any]]:
        """What was kept; a call with several results, or one that is no literal, is left out."""
        return [
            {"file": file, "name": name, "line": line, "arguments": given, "result": result}
            for (file, name, line), calls in self.seen.items()
            for given, results in calls.items()
            for result in results
            if len(results) == 1 and result
        ]


def of_tests(file: str) -> bool:
    """Whether a file's name or folder says that it holds tests, or what somebody else wrote."""
    *folders, name = file.replace(os.sep, "/").split("/")
    named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    foreign = {"test", "tests", "site-packages", "node_modules"}
    return named or any(f in foreign or f.startswith(".") for f in folders)


def source_of(value: Any, depth: int = DEPTH) -> str | None:
    """Python that makes a value equal to this one, of its very type; None where there is none."""
    text = None
    if type(value) in PLAIN:
        text = repr(value)
    elif type(value) is float:
        text = repr(value) if value - value == 0 else None  # neither infinite nor not a number
    elif depth > 0 and type(value) in (list, tuple, set) and len(value) <= MOST_CHARACTERS:
        parts = [part for item in value if (part := source_of(item, depth - 1)) is not None]
        if len(parts) == len(value):
            text = _bracketed(type(value), parts)
    elif depth > 0 and type(value) is dict and len(value) <= MOST_CHARACTERS:
        pairs = [(source_of(k, depth - 1), source_of(v, depth - 1)) for k, v in value.items()]
        if all(None not in pair for pair in pairs):
            text = "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    return text if text is not None and len(text) <= MOST_CHARACTERS else None


def _bracketed(kind: type, parts: list[str]) -> str:
    inside = ", ".join(sorted(parts) if kind is set else parts)
    if kind is set:
        return "{" + inside + "}" if parts else "set()"
    if kind is list:
        return f"[{inside}]"
    return f"({inside},)" if len(parts) == 1 else f"({inside})"


def arguments_of(frame: Any) -> str | None:
    """What stands between the brackets of a call; None where a value is no plain literal."""
    code, values = frame.f_code, frame.f_locals
    names, plain, named = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    given = [("", values[name]) for name in names[:plain]]
    place = plain + named
    if code.co_flags & POSITIONAL:
        given += [("", value) for value in values[names[place]]]
        place += 1
    given += [(f"{name}=", values[name]) for name in names[plain : plain + named]]
    if code.co_flags & NAMED:
        given += [(f"{name}=", value) for name, value in values[names[place]].items()]
    parts = []
    for before, value in given:
        text = source_of(value)
        if text is None:
            return None
        parts.append(before + text)
    joined = ", ".join(parts)
    return joined if len(joined) <= MOST_CHARACTERS else None


def _returned(frame: Any) -> bool:
    """Whether the frame ends by returning: a profile function hears of an exception as of None."""
    operation = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return operation in ENDS


class Switch:
    """A plugin of pytest that traces the tests, and not how pytest finds and reads them."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer

    def pytest_collection_finish(self) -> None:
        trace(self.tracer)

    def pytest_sessionfinish(self) -> None:
        trace(None)


def trace(tracer: Tracer | None) -> None:
    """Let the tracer hear this thread and those to come, or nobody."""
    threading.setprofile(tracer)  # type: ignore[arg-type]
    sys.setprofile(tracer)


def run_suite(runner: str, arguments: list[str], tracer: Tracer) -> int:
    """The exit status of the suite, run by `pytest` or `unittest` in this process."""
    if runner == "pytest":
        import pytest

        quiet = ["-q", "-p", "no:cacheprovider"]
        alone = "PYTEST_DISABLE_PLUGIN_AUTOLOAD" in os.environ
        if not alone and importlib.util.find_spec("xdist") is not None:
            quiet.append("-n0")  # other processes are not traced
        return int(pytest.main([*quiet, *arguments], plugins=[Switch(tracer)]))
    import unittest

    call = ["unittest", *(arguments or ["discover"])]
    trace(tracer)
    try:
        result = unittest.main(module=None, argv=call, exit=False).result
    finally:
        trace(None)
    return 5 if not result.testsRun else int(not result.wasSuccessful())


def chosen(runner: str) -> str:
    """For "auto": pytest where it is installed, else unittest."""
    if runner != "auto":
        return runner
    return "unittest" if importlib.util.find_spec("pytest") is None else "pytest"


def main(records: str, project: str, runner: str, arguments: list[str]) -> None:
    """Run the suite under a tracer and write the records, to a file that is not there yet."""
    runner = chosen(runner)
    tracer = Tracer(project)
    status = run_suite(runner, arguments, tracer)
    with open(records, "x", encoding="utf-8") as file:
        records_and_end = [*tracer.records(), {"runner": runner, "status": status}]
        file.writelines(json.dumps(record) + "\n" for record in records_and_end)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
