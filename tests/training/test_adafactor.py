"""Adafactor against the equations of its paper, and against transformers step by step."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import Adafactor as Theirs

from practicum.data.loader import Loader
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import Adafactor

SHAPES = [(5, 7), (7,), (3, 4, 6), (), (1, 9), (40, 3)]


def parameters(seed: int) -> list[nn.Parameter]:
    draws = stream(seed, "parameters")
    return [nn.Parameter(torch.randn(shape, generator=draws)) for shape in SHAPES]


def give_gradients(params: list[nn.Parameter], step: int) -> None:
    draws = stream(step, "gradients")
    for place, parameter in enumerate(params):
        scale = 10.0 ** (place - 3) * (1 + 5 * (step % 3))  # some updates are clipped, others not
        parameter.grad = scale * torch.randn(parameter.shape, generator=draws)


@pytest.mark.parametrize("scaled", [False, True])
def test_every_step_is_that_of_transformers(scaled):
    ours, theirs = parameters(1), parameters(1)
    mine = Adafactor(scaled=scaled).over(ours)
    judge = Theirs(theirs, lr=1e-2, scale_parameter=scaled, relative_step=False)
    mine.param_groups[0]["lr"] = 1e-2
    for step in range(20):
        for params, optimiser in ((ours, mine), (theirs, judge)):
            give_gradients(params, step)
            optimiser.step()
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_a_gradient_of_rank_one_moves_every_weight_of_a_matrix_by_the_rate():
    weight = nn.Parameter(torch.zeros(3, 4))
    weight.grad = torch.outer(torch.tensor([1.0, -2.0, 5.0]), torch.tensor([1.0, 3.0, -1.0, 0.5]))
    optimiser = Adafactor().over([weight])
    optimiser.param_groups[0]["lr"] = 0.25
    optimiser.step()  # V is g² then, so that g / √V is ±1
    torch.testing.assert_close(weight, -0.25 * weight.grad.sign())


def test_a_matrix_keeps_a_row_and_a_column():
    weight, bias = nn.Parameter(torch.ones(30, 40)), nn.Parameter(torch.ones(30))
    optimiser = Adafactor().over([weight, bias])
    weight.grad, bias.grad = torch.ones(30, 40), torch.ones(30)
    optimiser.step()
    kept = {parameter: optimiser.state[parameter] for parameter in (weight, bias)}
    assert {name: value.numel() for name, value in kept[weight].items()} == {
        "step": 1,
        "rows": 30,
        "columns": 40,
    }
    assert {name: value.numel() for name, value in kept[bias].items()} == {"step": 1, "square": 30}


def test_a_sudden_gradient_is_shortened_to_the_clip():
    weight = nn.Parameter(torch.zeros(4, 4))
    optimiser = Adafactor(clip=0.5).over([weight])
    optimiser.param_groups[0]["lr"] = 1.0
    for step in range(1, 4):
        before = weight.detach().clone()
        weight.grad = torch.full((4, 4), 100.0**step)
        optimiser.step()
        moved = (weight.detach() - before).square().mean().sqrt()
        assert math.isclose(float(moved), 0.5, rel_tol=1e-5)


def test_half_precision_learns_too():
    weight = nn.Parameter(torch.ones(4, 4, dtype=torch.bfloat16))
    optimiser = Adafactor(scaled=True).over([weight])
    optimiser.param_groups[0]["lr"] = 0.5
    weight.grad = torch.full((4, 4), 1e-3, dtype=torch.bfloat16)
    optimiser.step()
    assert weight.dtype == torch.bfloat16
    torch.testing.assert_close(weight.float(), torch.full((4, 4), 0.5))


def trained(**watch) -> nn.Module:
    budget = Budget(
        steps=6, batch=4, rate=1e-2, optimiser=Adafactor(), clip=None, save_every=1, warmup=0
    )
    draws = stream(0, "examples")
    rows = [(torch.randn(3, generator=draws).numpy(), i % 2) for i in range(8)]
    model = build(Perceptron(widths=(3, 5, 2)), seed=0)
    source = Loader(rows, budget.batch, seed=1)
    fit(model, source, CrossEntropy(), budget, seed=0, watch=Watch(**watch))
    return model


def test_training_resumes_exactly(tmp_path: Path):
    def die(step: int, model: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    whole = trained()
    with pytest.raises(KeyboardInterrupt):
        trained(folder=tmp_path, after_step=die)
    for mine, other in zip(trained(folder=tmp_path).parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_numbers_that_are_no_settings_are_refused():
    with pytest.raises(ConfigError, match="expected all above 0"):
        Adafactor(clip=0)
