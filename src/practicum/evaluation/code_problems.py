"""Programming problems from files of the user's own, in the two shapes that are in use.

HumanEval's (Chen et al. 2021, §2.2): a line has task_id, prompt, entry_point, test (which defines
`check(candidate)`) and, mostly, canonical_solution; a completion is a function's body. MBPP's
(Austin et al. 2021): task_id, text or prompt, code, test_list, and test_setup_code or
test_imports; a completion is the whole function. Files are `.jsonl`, or `.json` with one list as
MBPP's hand-verified part has it, or either of them gzipped.
"""

import ast
import gzip
import json
import textwrap
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from practicum.data.code_problem import CodeProblem
from practicum.errors import DataError

STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")  # after a body (§3.2 of Chen et al.)
STOPS_OF_WHOLE = ("\nassert", '\n"""', "\nif", "\nprint", "\n```")  # after functions and imports
# The programs of four problems of MBPP are called check, too; their tests call them by that name.
CHECK = """\
def check(candidate, displaced=globals().get("check")):
    global check
    check = displaced"""

Row = dict[str, Any]


def stops_of(problem: CodeProblem) -> tuple[str, ...]:
    """Where a completion ends: after the body, if the prompt has the function's first line."""
    begun = f"def {problem.entry_point}(" in problem.prompt
    return STOPS if begun else STOPS_OF_WHOLE


def read_problems(path: str | Path) -> list[CodeProblem]:
    """Every problem of a file; a line's fields tell its shape.

    Prompts stay as they are, so that completions of this file mean the same here and elsewhere.
    Where blanks end one, `Manner.open_end` asks a model without them.

    Raises DataError, with the number of the line, for a line that is neither shape, for a task_id
    that occurs twice, and for a file that is missing, empty or not text.
    """
    path, problems = Path(path).expanduser(), dict[str, CodeProblem]()
    for place, row in _rows(path):
        try:
            problem = _problem(row)
        except DataError as fault:
            raise DataError(f"{place}: {fault}") from fault
        if problem.task_id in problems:
            raise DataError(f"{place}: task_id {problem.task_id} occurs twice")
        problems[problem.task_id] = problem
    if not problems:
        raise DataError(f"{path.name} has no lines; expected a problem in each")
    return list(problems.values())


def read_completions(
    path: str | Path, problems: Sequence[CodeProblem]
) -> list[tuple[CodeProblem, str]]:
    """Completions in the harness's sample format, task_id and completion a line, in order.

    Raises DataError, with the number of the line, for a task_id that is none of the problems'.
    """
    path, known = Path(path).expanduser(), {problem.task_id: problem for problem in problems}
    found = []
    for place, row in _rows(path):
        try:
            task_id = _task_id(row)
            if task_id not in known:
                raise DataError(f"task_id {task_id} is none of the {len(known)} problems'")
            found.append((known[task_id], _text(row, "completion")))
        except DataError as fault:
            raise DataError(f"{place}: {fault}") from fault
    if not found:
        raise DataError(f"{path.name} has no lines; expected a completion in each")
    return found


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """(its place in words, fields) of every line that is not blank, or every item of a list."""
    reading = gzip.open if path.suffix == ".gz" else open
    try:
        with reading(path, "rt", encoding="utf-8-sig") as file:
            if path.name.removesuffix(".gz").endswith(".json"):
                yield from _items(path.name, file.read())
            else:
                yield from _lines(path.name, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DataError(f"{path.name} is no whole gzip file ({fault})") from fault
    except OSError as fault:
        raise DataError(f"cannot read {path}: {fault.strerror or fault}") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path.name} is not UTF-8 text (byte {fault.start})") from fault


def _lines(name: str, lines: Iterable[str]) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{name}, line {number}"
            yield place, _row(place, _json(place, line))


def _items(name: str, text: str) -> Iterator[tuple[str, Row]]:
    items = _json(name, text)
    if not isinstance(items, list):
        raise DataError(f"{name} is no list; a file with an object in each line is a .jsonl")
    for number, item in enumerate(items, start=1):
        place = f"{name}, item {number}"
        yield place, _row(place, item)


def _json(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        raise DataError(f"{place}: not JSON ({fault.msg} at {fault.pos + 1})") from fault


def _row(place: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object with fields")
    return value


def _problem(row: Row) -> CodeProblem:
    if "test" in row:
        return _human_eval(row)
    if "test_list" in row:
        return _mbpp(row)
    raise DataError(f"neither 'test' nor 'test_list' among {', '.join(row) or 'no fields'}")


def _human_eval(row: Row) -> CodeProblem:
    known = row.get("canonical_solution") is not None
    tests = _text(row, "test")
    if "def check(" not in tests:
        raise DataError("'test' defines no check(candidate)")
    return CodeProblem(
        task_id=_task_id(row),
        prompt=_text(row, "prompt"),
        entry_point=_text(row, "entry_point"),
        tests=tests,
        solution=_text(row, "canonical_solution") if known else None,
    )


def _mbpp(row: Row) -> CodeProblem:
    """The prompt is a docstring: the text and the first test, which names the function.

    Both the layout and one shown test are those of the widespread harnesses.
    """
    asserted = _listed(row, "test_list")
    tests = _parsed("test_list", "\n".join(asserted))
    if not tests.body:
        raise DataError("'test_list' is empty; expected assert statements")
    text = _text(row, "text" if "text" in row else "prompt").strip()
    solution = None if row.get("code") is None else _text(row, "code")
    before = [*_listed(row, "test_imports"), str(row.get("test_setup_code") or "")]
    lines = textwrap.indent(ast.unparse(tests), "    ")  # here no text spans two of them
    return CodeProblem(
        task_id=_task_id(row),
        prompt=_docstring(f"{text}\n{asserted[0]}"),
        entry_point=_asked(tests.body[0], solution),
        tests="\n".join([*filter(None, before), "", CHECK, lines, ""]),
        solution=solution,
    )


def _docstring(text: str) -> str:
    """The text in quotes, as it is wherever Python reads that."""
    plain = f'"""\n{text}\n"""\n'
    try:
        _parsed("text", plain)
    except DataError:
        escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        return f'"""\n{escaped}\n"""\n'
    return plain


def _asked(test: ast.stmt, solution: str | None) -> str:
    """The function that the test calls: one that the solution defines, where it is known."""
    calls = [
        node.func.id
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    defined = calls if solution is None else _functions(solution)
    for name in calls:
        if name in defined:
            return name
    raise DataError(f"the test {ast.unparse(test)!r:.60} calls no function that 'code' defines")


def _functions(text: str) -> list[str]:
    tree = _parsed("code", text)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def _parsed(field: str, text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as an invalid escape in somebody's string
            return ast.parse(text)
    except SyntaxError as fault:
        raise DataError(f"'{field}' is no Python ({fault.msg}, line {fault.lineno})") from fault


def _task_id(row: Row) -> str:
    value = row.get("task_id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"'task_id' is {value!r:.40}; expected text or a number")
    return str(value)


def _text(row: Row, field: str) -> str:
    if field not in row:
        raise DataError(f"no '{field}'; it has {', '.join(row)}")
    if not isinstance(row[field], str):
        raise DataError(f"'{field}' is {row[field]!r:.40}; expected text")
    return row[field]


def _listed(row: Row, field: str) -> list[str]:
    value = row.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DataError(f"'{field}' is {value!r:.40}; expected a list of texts")
    return value
