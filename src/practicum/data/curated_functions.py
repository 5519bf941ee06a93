"""Which of many functions to learn from: those whose tests pass (Chen et al. 2021, §4).

The body alone is run, under another name, with tests that depend on what is asked for and not on
its words. So equal bodies of equal requests are one program, and a few hundred runs judge thousands
of functions.
"""

from collections.abc import Sequence

import numpy as np

from practicum.data.chained_blocks import ChainedFunction
from practicum.data.program_verdicts import Runs, judge
from practicum.seeding import derive


def passing(
    functions: Sequence[ChainedFunction], sandbox: Runs, *, tests: int, seed: int
) -> list[ChainedFunction]:
    """Those that pass `tests` tests each, in their order; run in the sandbox."""
    checks: dict[tuple[str, ...], str] = {}
    programs = []
    for function in functions:
        names = tuple(block.name for block in function.blocks)
        if names not in checks:
            rng = np.random.default_rng(derive(seed, "curated", *names))
            checks[names] = function.tests(tests, rng)
        programs.append(curated_program(function, checks[names]))
    verdicts = judge(programs, sandbox)
    return [each for each, verdict in zip(functions, verdicts, strict=True) if verdict.passed]


def curated_program(function: ChainedFunction, check: str) -> str:
    """The body as a function called `answer`, its tests, and their call."""
    return f"def answer(s):\n{function.parts.body}\n\n{check}\n\ncheck(answer)\n"
