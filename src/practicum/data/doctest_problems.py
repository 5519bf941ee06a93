"""Programming problems from what is installed: real functions whose doctests judge a candidate.

A problem is a top-level function with examples in its docstring; the prompt is what it needs of its
module, its signature and its docstring, and the completion its body. Examples run as doctest runs
them, in the function's own module, where the candidate stands in place of the shipped function
under every name that its package has for it: else examples that call `package.f` would go on
reaching the original. Decorators are left out; where they matter the problem does not pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from practicum.data.code_problem import CodeProblem, program_of
from practicum.data.function_source import FunctionSource, ModuleSource
from practicum.data.package_files import package_files
from practicum.data.program_verdicts import Runs, judge
from practicum.data.standard_library import python_source

OPENS_A_BROWSER = {"antigravity"}  # on import
CHECK = """\
EXAMPLES = {examples!r}


def check(candidate):
    import doctest
    import importlib
    import sys

    module = importlib.import_module({module!r})
    shipped = getattr(module, {name!r})
    package = [each for key, each in list(sys.modules.items())
               if key.partition(".")[0] == {package!r} and each is not None]
    for each in package:
        for name in [name for name, value in vars(each).items() if value is shipped]:
            setattr(each, name, candidate)
    names = {{{package!r}: sys.modules[{package!r}], **vars(module), {name!r}: candidate}}
    test = doctest.DocTestParser().get_doctest(EXAMPLES, names, {name!r}, None, 0)
    said = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(test, out=said.append)
    assert not said, " ".join("".join(said).strip("*").split())[:400]
"""


def doctest_problems(sandbox: Runs, packages: Sequence[str] = ()) -> list[CodeProblem]:
    """The problems of installed packages (none named: of the standard library) that can judge.

    Their solution passes, and a function that returns None does not. Everything runs in the
    sandbox: some 180 programs of a tenth of a second for the standard library, which has some 70
    problems; a second for each program of a large package. Such packages have to be pure Python,
    and all that their examples import has to be among them. Raises DataError as `candidates`.
    """
    asked = [problem for package in packages or ("",) for problem in candidates(package)]
    files = {name: text for package in packages for name, text in package_files(package).items()}
    return discriminating(asked, sandbox, files)


def candidates(package: str = "") -> list[CodeProblem]:
    """Every top-level function with examples in a package, read without executing any of it.

    "": the standard library. Raises DataError for a package that is not installed as source.
    """
    found = []
    for module, is_package, text in _modules(package):
        parent = module if is_package else module.rpartition(".")[0]
        if ">>> " not in text or module in OPENS_A_BROWSER:
            continue
        with suppress(SyntaxError, ValueError):  # a template, or for another Python
            source = ModuleSource(text, parent)
            functions = [f for f in source.functions() if ">>> " in f.text]
            found += [_problem(source, module, function) for function in functions]
    return found


def discriminating(
    problems: Sequence[CodeProblem], sandbox: Runs, files: Mapping[str, str] | None = None
) -> list[CodeProblem]:
    """Those whose solution passes their tests, and that a body of `return None` fails.

    `files` are what every program finds in its folder.
    """
    known = [problem for problem in problems if problem.solution is not None]
    programs = [program_of(problem, problem.solution or "") for problem in known]
    programs += [program_of(problem, _stub(problem)) for problem in known]
    verdicts = judge(programs, sandbox, files)
    shipped, stubs = verdicts[: len(known)], verdicts[len(known) :]
    rows = zip(known, shipped, stubs, strict=True)
    return [problem for problem, real, stub in rows if real.passed and not stub.passed]


def _stub(problem: CodeProblem) -> str:
    lines = [line for line in (problem.solution or "").splitlines() if line.strip()]
    blanks = lines[0][: len(lines[0]) - len(lines[0].lstrip())] if lines else "    "
    return f"{blanks}return None\n"


def _problem(source: ModuleSource, module: str, function: FunctionSource) -> CodeProblem:
    needed = sorted(function.names & source.bound)
    lines = dict.fromkeys(source.imports[name] for name in needed if name in source.imports)
    others = [name for name in needed if name not in source.imports]
    if others:
        lines[f"from {module} import {', '.join(others)}"] = None
    before = "\n".join([*source.future, *lines])
    return CodeProblem(
        task_id=f"{module}.{function.name}",
        prompt=(before + "\n\n\n" if before else "") + function.head + function.docstring,
        entry_point=function.name,
        tests=CHECK.format(
            examples=function.text,
            module=module,
            name=function.name,
            package=module.partition(".")[0],
        ),
        solution=function.body,
    )


def _modules(package: str) -> Iterator[tuple[str, bool, str]]:
    """(dotted name, whether it is a package's __init__, source) of every module that counts."""
    if not package:
        found = [(document.id, document.text) for document in python_source().documents]
    else:
        found = list(package_files(package).items())
    for name, text in found:
        parts = Path(name).with_suffix("").parts
        whole = parts[-1] == "__init__"
        yield ".".join(parts[:-1] if whole else parts), whole, text
