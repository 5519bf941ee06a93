"""Does what was learned hold beyond what was trained on? Training, test, and deployment, one table.

The memorisation gap is the metric on training examples less that on test examples: a network that
knows its examples by heart has a large one. What a shift costs is the metric on test examples less
that on the same ones shifted: skills reach as far as deployment resembles training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from practicum.evaluation.shifts import Inputs, Shift, Wanted

Measure = Callable[[Inputs, Wanted], float]  # higher is better: accuracy, share explained
Examples = tuple[Inputs, Wanted]
NO_SHIFTS: Mapping[str, Shift] = {}


@dataclass(frozen=True, kw_only=True)
class Generalisation:
    """One metric, measured where it may differ."""

    train: float
    test: float
    shifted: dict[str, float] = field(default_factory=dict)  # by the name of the shift

    @property
    def gap(self) -> float:
        """The memorisation gap."""
        return self.train - self.test

    @property
    def losses(self) -> dict[str, float]:
        """What each shift costs."""
        return {name: self.test - value for name, value in self.shifted.items()}


def generalisation(
    measure: Measure,
    train: Examples,
    test: Examples,
    shifts: Mapping[str, Shift] = NO_SHIFTS,
    *,
    seed: int,
) -> Generalisation:
    """`measure` on training and test examples, and on the test examples under each of `shifts`."""
    return Generalisation(
        train=measure(*train),
        test=measure(*test),
        shifted={name: measure(*shift(*test, seed=seed)) for name, shift in shifts.items()},
    )


def share_explained(answers: Inputs, wanted: Wanted, constant: Inputs) -> float:
    """1 − Σ (answer − wanted)² / Σ (constant − wanted)²: 1 is perfect, 0 no better than `constant`.

    `constant` is what one would say without looking, such as the mean of the training examples.
    """
    error, without_looking = np.square(answers - wanted).sum(), np.square(constant - wanted).sum()
    return float(1 - error / without_looking)
