"""pass@k by temperature, and the best temperature for each k."""

import numpy as np
import pytest

from practicum.data.code_problem import CodeProblem
from practicum.data.program_verdicts import Verdict
from practicum.errors import ConfigError
from practicum.evaluation.code_runs import Sample
from practicum.evaluation.pass_at_k import Tally, pass_at_k
from practicum.evaluation.temperature_sweep import best, swept

ADD = CodeProblem(task_id="Own/0", prompt="", entry_point="add", tests="")


def told(*passed: bool) -> list[Sample]:
    """The samples of one problem, of which these pass."""
    ends = [Verdict(result="passed" if one else "failed", reason="", seconds=0) for one in passed]
    return [Sample(problem=ADD, completion="", verdict=end) for end in ends]


COLD = [told(True, True, True, True), told(False, False, False, False)]
WARM = [told(True, False, False, False), told(False, True, True, False)]


def test_each_k_has_its_best_temperature():
    sweep = swept({0.2: COLD, 0.8: WARM}, [1, 4])
    assert {t: list(rates) for t, rates in sweep.items()} == {0.2: [1, 4], 0.8: [1, 4]}
    assert sweep[0.2][1].mean == sweep[0.2][4].mean == 0.5
    assert sweep[0.8][1].mean == pytest.approx(
        np.mean([pass_at_k(Tally(samples=4, right=right), 1) for right in (1, 2)])
    )
    assert sweep[0.8][4].mean == 1.0
    assert (best(sweep, 1), best(sweep, 4)) == (0.2, 0.8)


def test_of_equals_the_first_is_best():
    assert best(swept({0.8: WARM, 0.2: WARM}, [1]), 1) == 0.8
    assert best(swept({None: WARM}, [1]), 1) is None  # of a file


def test_a_rate_has_an_interval_over_its_problems_that_the_seed_names():
    first, again = (swept({0.2: COLD}, [1], seed=3)[0.2][1] for _ in range(2))
    assert first == again
    assert first.interval == (0.0, 1.0)
    assert first.problems == 2


def test_more_tries_than_samples_are_refused():
    with pytest.raises(ConfigError, match="pass@5 cannot be told from 4 samples"):
        swept({0.2: COLD}, [5])
