"""One rule for pictures, tables and texts: what is hidden, what is wanted, and how it is scored."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from practicum.data.loader import Loader
from practicum.errors import ConfigError, DataError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.corruption import Borrowed, Gaps, Noise
from practicum.objectives.denoising import Denoising
from practicum.objectives.inpainting import Inpainting, right_half
from practicum.objectives.masked import Masked
from practicum.objectives.recognition import moves, rotations
from practicum.objectives.self_supervised import Puzzle, SelfSupervised
from practicum.training.budget import Budget
from practicum.training.loop import fit

DRAW = np.random.default_rng(0)
EXAMPLES = {
    "pictures": list(DRAW.random((6, 16), np.float32)),
    "table": list(DRAW.standard_normal((6, 5)).astype(np.float32)),
    "texts": list(DRAW.integers(1, 9, (6, 7))),
}
RULES = {
    "inpainting": Inpainting(hidden=(1, 3)),
    "masked": Masked(share=0.5, mark=0),
    "gaps": Denoising(corruption=Gaps(share=0.5)),
    "borrowed": Denoising(corruption=Borrowed(share=0.5)),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Letters(nn.Module):
    """Scores of ten letters for each place of a text, `missing` places fewer than it reads."""

    def __init__(self, missing: int = 0) -> None:
        super().__init__()
        self.missing = missing
        self.scores = nn.Embedding(10, 10)

    def forward(self, ids):
        scores = self.scores(ids)
        return scores[:, : self.missing] if self.missing else scores


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_serves_pictures_tables_and_texts(rule, kind):
    objective = SelfSupervised(rule=rule)
    puzzle = objective.prepare(EXAMPLES[kind], generator())
    length = len(EXAMPLES[kind][0])
    places = puzzle.wanted.shape[1]
    if kind == "texts":
        model = Letters(missing=2 if places == 2 else 0)
    else:
        model = build(Perceptron(widths=(puzzle.x.shape[1], 4, places), output="identity"))
    loss = objective.loss(model, puzzle)
    assert len(puzzle.x) == 6
    assert loss.count == puzzle.count > 0
    assert puzzle.x.shape[1] + (places if isinstance(rule, Inpainting) else 0) == length
    loss.total.backward()


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_is_hidden_depends_on_the_generator_alone(rule, kind):
    objective = SelfSupervised(rule=rule)
    once, again = (objective.prepare(EXAMPLES[kind], generator(3)) for _ in range(2))
    assert torch.equal(once.x, again.x)
    assert torch.equal(once.wanted, again.wanted)


def test_inpainting_hides_a_part_and_wants_it():
    x = np.arange(8, dtype=np.float32)
    puzzle = SelfSupervised(rule=Inpainting(hidden=(6, 0))).prepare([x], generator())
    assert puzzle.x.tolist() == [[1, 2, 3, 4, 5, 7]]
    assert puzzle.wanted.tolist() == [[6, 0]]


def test_the_right_half_is_on_the_right():
    assert right_half(2) == (1, 3)
    assert right_half(3) == (2, 5, 8)


def test_masked_places_are_marked_and_alone_scored():
    x = torch.arange(1, 401).view(4, 100)
    puzzle = Masked(share=0.3, mark=-1)(x, generator())
    assert puzzle.scored is not None
    assert torch.equal(puzzle.x == -1, puzzle.scored)
    assert torch.equal(puzzle.x[~puzzle.scored], x[~puzzle.scored])
    assert 80 < puzzle.count < 160
    answers = torch.zeros(4, 100)
    loss = SelfSupervised(rule=Masked()).loss(
        Constant(answers), Puzzle(puzzle.x, x.float(), puzzle.scored)
    )
    assert float(loss.total) == pytest.approx(float(x[puzzle.scored].float().square().sum()))


def test_recognition_wants_the_number_of_the_change():
    picture = torch.arange(4.0)[None].repeat(40, 1)  # 0 1 / 2 3
    puzzle = rotations()(picture, generator())
    turned = {0: [0, 1, 2, 3], 1: [1, 3, 0, 2], 2: [3, 2, 1, 0], 3: [2, 0, 3, 1]}
    for row, number in zip(puzzle.x.tolist(), puzzle.wanted.tolist(), strict=True):
        assert row == turned[number]
    assert set(puzzle.wanted.tolist()) == {0, 1, 2, 3}
    moved = moves((0, 0), (1, 0))(picture, generator())
    for row, number in zip(moved.x.tolist(), moved.wanted.tolist(), strict=True):
        assert row == ([0, 1, 2, 3], [0, 0, 0, 2])[number]


def test_classes_are_scored_by_cross_entropy():
    objective = SelfSupervised(rule=rotations())
    puzzle = objective.prepare(EXAMPLES["pictures"], generator())
    model = build(Perceptron(widths=(16, 4), output="identity"))
    wanted = F.cross_entropy(model(puzzle.x), puzzle.wanted, reduction="sum")
    torch.testing.assert_close(objective.loss(model, puzzle).total, wanted)


def test_what_noise_hides_can_be_learned_from_the_other_places():
    draw = np.random.default_rng(1)
    same = [np.full(8, value, np.float32) for value in draw.standard_normal(200)]
    model = build(Perceptron(widths=(8, 8), output="identity"))
    objective = SelfSupervised(rule=Denoising(corruption=Noise(std=1.0)))
    budget = Budget(steps=200, batch=20, rate=1e-2)
    trained = fit(model, Loader(same, 20, seed=0), objective, budget, seed=0)
    assert trained.loss < 0.3  # 1.0 would be to hand on what was given; 1/9 is the best


def test_rules_check_themselves():
    for wrong in (lambda: Inpainting(hidden=()), lambda: Inpainting(hidden=(1, 1))):
        with pytest.raises(ConfigError, match="different places"):
            wrong()
    with pytest.raises(ConfigError, match=r"Masked\.share is 0"):
        Masked(share=0)
    with pytest.raises(ConfigError, match="two changes or more"):
        moves((0, 0))
    with pytest.raises(ConfigError, match="cannot hide the places"):
        Inpainting(hidden=(4,))(torch.zeros(1, 4), generator())
    with pytest.raises(DataError, match="differ in shape"):
        SelfSupervised(rule=Masked()).prepare([np.zeros(3), np.zeros(4)], generator())


class Constant(nn.Module):
    def __init__(self, answers: torch.Tensor) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, x):
        return self.answers


def test_values_of_one_cell_are_hidden_together():
    puzzle = Masked(share=0.5, mark=9, groups=(1, 3))(torch.zeros(200, 4), generator())
    assert puzzle.scored is not None
    hidden = puzzle.scored
    assert torch.equal(hidden[:, 1:2].expand(-1, 3), hidden[:, 1:])
    assert not torch.equal(hidden[:, 0], hidden[:, 1])
    with pytest.raises(ConfigError, match="groups of 4 values do not make 5"):
        Masked(groups=(1, 3))(torch.zeros(1, 5), generator())
