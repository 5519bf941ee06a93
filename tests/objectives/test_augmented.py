"""A supervised objective on changed inputs: what is wanted stays, and each look is another."""

import numpy as np
import torch

from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.augmented import Augmented
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.corruption import Gaps, Moved, within

EXAMPLES = [(np.arange(1, 10, dtype=np.float32), label) for label in (2, 0, 1)]
OBJECTIVE = Augmented(objective=CrossEntropy(), change=Moved(moves=within(1)))


def test_inputs_change_and_labels_stay():
    generator = torch.Generator().manual_seed(0)
    looks = [OBJECTIVE.prepare(EXAMPLES, generator) for _ in range(2)]
    assert not torch.equal(looks[0].x, looks[1].x)
    assert all(look.wanted.tolist() == [2, 0, 1] for look in looks)


def test_without_a_change_it_is_the_objective_itself():
    same = Augmented(objective=CrossEntropy(), change=Gaps(share=0))
    model = build(Perceptron(widths=(9, 3), output="identity"))
    losses = [
        o.loss(model, o.prepare(EXAMPLES, torch.Generator())).total for o in (same, CrossEntropy())
    ]
    torch.testing.assert_close(losses[0], losses[1])
