"""Problems of functions that are meant to be called: public ones, short ones, of many modules."""

from collections.abc import Sequence

from practicum.data.code_problem import CodeProblem
from practicum.data.doctest_problems import candidates


def public_functions(packages: Sequence[str] = ("",), *, of_each: int) -> list[CodeProblem]:
    """Functions with doctests whose names have no leading underscore, by the length of the prompt.

    Of each module come at most the `of_each` shortest. "": the standard library. They are read and
    not run, so some of them may judge nothing. Raises DataError for a package that is not installed
    as source.
    """
    every = [problem for package in packages for problem in candidates(package)]
    found: dict[str, list[CodeProblem]] = {}
    for problem in sorted(every, key=_length):
        if "._" not in problem.task_id:
            found.setdefault(problem.task_id.rpartition(".")[0], []).append(problem)
    return sorted((one for some in found.values() for one in some[:of_each]), key=_length)


def _length(problem: CodeProblem) -> int:
    return len(problem.prompt)
