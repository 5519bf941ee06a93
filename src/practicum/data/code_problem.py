"""A programming problem: what a model sees, and the tests that judge what it wrote.

The shape is HumanEval's (Chen et al. 2021, §2.2): a prompt, mostly imports, signature and
docstring; the name of the function that is asked for; and tests that define `check(candidate)`,
which raises where the candidate is wrong.
"""

from dataclasses import dataclass

from practicum.errors import DataError


@dataclass(frozen=True, kw_only=True)
class CodeProblem:
    """One problem. A completion goes on where the prompt ends, indentation included."""

    task_id: str
    prompt: str
    entry_point: str  # the name of the function, defined once prompt and completion have run
    tests: str  # Python that defines check(candidate)
    solution: str | None = None  # a completion that passes, where one is known

    def __post_init__(self) -> None:
        if not self.entry_point.isidentifier():
            raise DataError(f"entry_point is {self.entry_point!r}; expected a function's name")

    @property
    def row(self) -> dict[str, str]:
        """The problem as a line of a HumanEval file, under the names used there."""
        row = {"task_id": self.task_id, "prompt": self.prompt, "entry_point": self.entry_point}
        if self.solution is not None:
            row["canonical_solution"] = self.solution
        return {**row, "test": self.tests}


def program_of(problem: CodeProblem, completion: str) -> str:
    """The program that ends without an error exactly when the completion passes the tests.

    Put together as the paper's released harness does it.
    """
    check = f"check({problem.entry_point})"
    return f"{problem.prompt}{completion}\n{problem.tests}\n{check}"
