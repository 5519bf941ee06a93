"""Right functions are kept, wrong ones are not, and equal programs run once."""

from collections.abc import Iterable, Iterator

import numpy as np

from practicum.data.chained_blocks import ChainedBlocks
from practicum.data.curated_functions import curated_program, passing
from practicum.symbolic.sandbox import Outcome, Program, Sandbox

TASK = ChainedBlocks(lengths=(0.5, 0.5))
FUNCTIONS = TASK.draw(40, np.random.default_rng(3))


class Counting:
    """A sandbox that counts what it runs."""

    def __init__(self) -> None:
        self.sandbox, self.count = Sandbox(workers=1), 0

    def run(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]:
        for number, outcome in self.sandbox.run(programs):
            self.count += 1
            yield number, outcome


def test_what_passes_is_kept_in_its_order():
    kept = passing(FUNCTIONS, Sandbox(workers=1), tests=8, seed=0)
    assert [f for f in FUNCTIONS if f.right and f in kept] == [f for f in FUNCTIONS if f.right]
    wrong = [f for f in FUNCTIONS if not f.right]
    # a later change may undo a mistake: dropping every mark undoes turning spaces into some
    assert sum(f in kept for f in wrong) <= len(wrong) / 4
    assert kept == [f for f in FUNCTIONS if f in kept]


def test_equal_bodies_of_equal_requests_are_one_program():
    right = [f for f in TASK.draw(300, np.random.default_rng(4)) if len(f.lines) == 1 and f.right]
    assert len(right) > 80
    assert len({curated_program(f, "") for f in right}) == 13
    counting = Counting()
    assert passing(right, counting, tests=2, seed=0) == right
    assert counting.count == 13
