"""Laws of the one loop: resuming, accumulating, stopping, diverging."""

import itertools
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from practicum import events
from practicum.data.loader import Loader
from practicum.data.packing import Example
from practicum.errors import CheckpointError, ConfigError, Interrupted, TrainingError
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.perceptron import Perceptron
from practicum.objectives.next_token import NextToken
from practicum.objectives.squares import SummedSquares
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD, Adadelta, AdamW, Optimiser, RMSprop
from practicum.training.schedules import Constant, Cosine, InverseSqrt, Linear, factor

TINY = gpt2(width=16, depth=2, heads=2, vocab=20, context=8, dropout=0.1)
BUDGET = Budget(steps=12, batch=4, rate=1e-2, save_every=5)


def loader(batch: int = 4, seed: int = 3) -> Loader:
    draw = np.random.Generator(np.random.PCG64(0))
    rows = draw.integers(0, 20, (23, 9))
    return Loader([Example(ids=row, segments=None) for row in rows], batch, seed=seed)


def weights(model: DecoderModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_same_bits(ours: DecoderModel, theirs: DecoderModel) -> None:
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other), name


def losses_of(run: Any) -> list[float]:
    heard: list[float] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, events.Metric) and event.name == "loss":
            heard.append(event.value)

    with events.listening(listener):
        run()
    return heard


class Stop(Exception):
    """Stands for a process that dies between two steps."""


def die_at(step: int) -> Any:
    def after(now: int, model: object) -> None:
        if now == step:
            raise Stop

    return after


@pytest.mark.parametrize("death", [3, 5, 6, 11])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path, death: int):
    whole = build(TINY, seed=1)
    every = Watch(curve_every=1)
    uninterrupted = losses_of(
        lambda: fit(whole, loader(), NextToken(), BUDGET, seed=7, watch=every)
    )
    broken = build(TINY, seed=1)
    watch = Watch(folder=tmp_path, curve_every=1, after_step=die_at(death))
    with pytest.raises(Stop):
        fit(broken, loader(), NextToken(), BUDGET, seed=7, watch=watch)
    resumed = build(TINY, seed=99)  # its weights come from the checkpoint, not from here
    if death <= 5:
        resumed = build(TINY, seed=1)  # no checkpoint yet (after_step comes before saving)
    again = losses_of(
        lambda: fit(
            resumed, loader(), NextToken(), BUDGET, seed=7, watch=replace(watch, after_step=None)
        )
    )
    assert_same_bits(resumed, whole)
    assert again == uninterrupted[-len(again) :]


def test_accumulated_gradients_equal_those_of_the_whole_batch():
    plain = replace(TINY, dropout=0.0, stack=gpt2(width=16, depth=2, heads=2).stack)
    models = [build(plain, seed=1), build(plain, seed=1)]
    once = Budget(steps=3, batch=8, rate=1e-2)
    fit(models[0], loader(8), NextToken(), once, seed=7)
    fit(models[1], loader(4), NextToken(), replace(once, batch=4, accumulate=2), seed=7)
    for mine, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_a_rate_of_zero_changes_nothing():
    model = build(TINY, seed=1)
    before = weights(model)
    fit(model, loader(), NextToken(), replace(BUDGET, rate=0.0), seed=7)
    for name, now in model.named_parameters():
        assert torch.equal(before[name], now), name


def test_only_the_given_parameters_change():
    model = build(TINY, seed=1)
    before = weights(model)
    fit(model, loader(), NextToken(), BUDGET, seed=7, params=[model.stack.final_norm.weight])
    changed = {n for n, p in model.named_parameters() if not torch.equal(before[n], p)}
    assert changed == {"stack.final_norm.weight"}


def test_sigterm_saves_and_says_how_to_go_on(tmp_path: Path):
    whole = build(TINY, seed=1)
    fit(whole, loader(), NextToken(), BUDGET, seed=7)
    model = build(TINY, seed=1)

    def terminate(step: int, _: object) -> None:
        if step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    watch = Watch(folder=tmp_path, after_step=terminate)
    with pytest.raises(Interrupted, match="SIGTERM after step 7.*--resume"):
        fit(model, loader(), NextToken(), BUDGET, seed=7, watch=watch)
    again = build(TINY, seed=5)
    fit(again, loader(), NextToken(), BUDGET, seed=7, watch=Watch(folder=tmp_path))
    assert_same_bits(again, whole)


def test_a_diverging_run_stops_with_a_reason(tmp_path: Path):
    model = build(TINY, seed=1)
    with torch.no_grad():
        model.embedding.weight[3] = float("nan")
    with pytest.raises(TrainingError, match="diverged at step 1: loss nan"):
        fit(model, loader(), NextToken(), BUDGET, seed=7, watch=Watch(folder=tmp_path))


def test_the_best_and_the_last_checkpoint_are_kept_and_no_others(tmp_path: Path):
    values: Iterator[float] = itertools.chain([3.0, 1.0], itertools.repeat(2.0))
    watch = Watch(folder=tmp_path, evaluate=lambda model: next(values))
    budget = replace(BUDGET, evaluate_every=2, save_every=3)
    fit(build(TINY, seed=1), loader(), NextToken(), budget, seed=7, watch=watch)
    assert json.loads((tmp_path / "best.json").read_text())["best"] == 1.0
    folders = sorted(p.name for p in tmp_path.iterdir() if p.is_dir())
    assert folders == ["step-00000004", "step-00000012"]


def test_another_run_does_not_resume_from_this_folder(tmp_path: Path):
    fit(build(TINY, seed=1), loader(), NextToken(), BUDGET, seed=7, watch=Watch(folder=tmp_path))
    other = replace(BUDGET, rate=2e-2)
    with pytest.raises(CheckpointError, match="another model, budget or seed"):
        fit(build(TINY, seed=1), loader(), NextToken(), other, seed=7, watch=Watch(folder=tmp_path))
    fresh = Watch(folder=tmp_path, resume=False)
    fit(build(TINY, seed=1), loader(), NextToken(), other, seed=7, watch=fresh)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
@pytest.mark.parametrize("part", ["model.safetensors", "optimiser.safetensors"])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, keep: float, part: str):
    fit(build(TINY, seed=1), loader(), NextToken(), BUDGET, seed=7, watch=Watch(folder=tmp_path))
    file = tmp_path / "step-00000012" / part
    data = file.read_bytes()
    file.write_bytes(data[: int(keep * len(data) if keep < 1 else keep)])
    with pytest.raises(CheckpointError, match=part):
        fit(
            build(TINY, seed=1), loader(), NextToken(), BUDGET, seed=7, watch=Watch(folder=tmp_path)
        )


def test_a_model_learns_a_periodic_text():
    ids = np.tile(np.arange(5), 4)[:9].astype(np.int64)
    source = Loader([Example(ids=ids, segments=None)], 4, seed=0)
    model = build(replace(TINY, dropout=0.0), seed=1)
    trained = fit(model, source, NextToken(), Budget(steps=80, batch=4, rate=1e-2), seed=1)
    assert trained.loss < 0.1


def test_schedules_start_with_the_warmup_and_end_at_their_floor():
    for schedule, end in ((Cosine(floor=0.1), 0.1), (Linear(floor=0.2), 0.2), (Constant(), 1.0)):
        values = [factor(schedule, step, warmup=10, steps=1000) for step in range(1000)]
        assert values[0] == pytest.approx(0.1)
        assert values[10] == pytest.approx(1.0)
        assert values[-1] == pytest.approx(end, abs=2e-3)
        assert values[10:] == sorted(values[10:], reverse=True)
    assert factor(InverseSqrt(), 399, warmup=100, steps=1000) == pytest.approx(0.5)


def test_an_impossible_budget_is_refused():
    with pytest.raises(ConfigError, match=r"Budget\.steps is 0"):
        Budget(steps=0, batch=1, rate=1e-3)


class Few:
    """Five batches with a memory that a checkpoint has to keep: what an agent's replay is."""

    def __init__(self) -> None:
        self.memory = torch.zeros(3)
        self.drawn = 0

    def __next__(self) -> list[Any]:
        if self.drawn == 5:
            raise StopIteration
        self.memory = self.memory + self.drawn
        self.drawn += 1
        return [(self.memory.numpy(), self.memory.numpy())]

    def position(self) -> dict[str, Any]:
        return {"drawn": self.drawn, "memory": self.memory}

    def seek(self, position: dict[str, Any]) -> None:
        self.drawn, self.memory = position["drawn"], position["memory"]


LINE = Perceptron(widths=(3, 3), output="identity")


def test_training_ends_when_the_source_does():
    budget = Budget(steps=100, batch=1, rate=1e-3)
    assert fit(build(LINE), Few(), SummedSquares(), budget, seed=0).steps == 5
    pairs = Budget(steps=100, batch=1, rate=1e-3, accumulate=2)
    assert fit(build(LINE), Few(), SummedSquares(), pairs, seed=0).steps == 2


@pytest.mark.parametrize("optimiser", [AdamW(), SGD(momentum=0.9), SGD(), RMSprop(), Adadelta()])
def test_a_source_with_tensors_and_every_optimiser_resume_exactly(
    tmp_path: Path, optimiser: Optimiser
):
    budget = Budget(steps=9, batch=1, rate=1e-3, optimiser=optimiser, save_every=1)
    whole, broken, resumed = build(LINE), build(LINE), build(LINE)
    fit(whole, Few(), SummedSquares(), budget, seed=0)
    watch = Watch(folder=tmp_path, after_step=die_at(3))
    with pytest.raises(Stop):
        fit(broken, Few(), SummedSquares(), budget, seed=0, watch=watch)
    fit(resumed, Few(), SummedSquares(), budget, seed=0, watch=Watch(folder=tmp_path))
    for mine, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_one_step_of_sgd_is_the_equation(momentum: float):
    model, budget = build(LINE), Budget(
        steps=2, batch=1, rate=0.1, schedule=Constant(), warmup=0, clip=None,
        optimiser=SGD(momentum=momentum),
    )  # fmt: skip
    ours = build(LINE)
    velocity = [torch.zeros_like(p) for p in ours.parameters()]
    source = Few()
    for _ in range(2):
        objective = SummedSquares()
        loss = objective.loss(ours, objective.prepare(next(source), torch.Generator()))
        gradients = torch.autograd.grad(loss.total / loss.count, list(ours.parameters()))
        velocity = [momentum * v + g for v, g in zip(velocity, gradients, strict=True)]
        with torch.no_grad():
            for p, v in zip(ours.parameters(), velocity, strict=True):
                p -= 0.1 * v
    fit(model, Few(), SummedSquares(), budget, seed=0)
    for mine, other in zip(model.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    "build_one",
    [
        lambda: SGD(momentum=1.0),
        lambda: RMSprop(smoothing=1.0),
        lambda: AdamW(betas=(0.9, 1.0)),
        lambda: AdamW(decay=-1),
    ],
)
def test_an_optimiser_checks_itself(build_one: Any):
    with pytest.raises(ConfigError, match="expected"):
        build_one()
