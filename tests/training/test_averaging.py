"""The mean of a run's last checkpoints, and what is refused as none."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from practicum.data.loader import Loader
from practicum.data.packing import Example
from practicum.errors import CheckpointError, ConfigError, Interrupted
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.next_token import NextToken
from practicum.training.averaging import average_checkpoints
from practicum.training.budget import Budget
from practicum.training.checkpoint import recent_checkpoints
from practicum.training.loop import Watch, fit

TINY = gpt2(width=16, depth=1, heads=2, vocab=20, context=8, dropout=0.1)
BUDGET = Budget(steps=11, batch=4, rate=1e-2, save_every=3)


def train(folder: Path, seed: int = 7, budget: Budget = BUDGET, **watch) -> dict[int, dict]:
    """One run; its weights after every step."""
    seen: dict[int, dict] = {}

    def after_step(step: int, model: torch.nn.Module) -> None:
        seen[step] = {name: p.detach().clone() for name, p in model.named_parameters()}
        if step == watch.get("stop"):
            os.kill(os.getpid(), signal.SIGTERM)

    rows = np.random.default_rng(0).integers(0, 20, (23, 9))
    source = Loader([Example(ids=row, segments=None) for row in rows], 4, seed=3)
    watching = Watch(folder=folder, keep=watch.get("keep", 3), after_step=after_step)
    fit(build(TINY, seed=1), source, NextToken(), budget, seed=seed, watch=watching)
    return seen


def averaged(checkpoints: list[Path]) -> DecoderModel:
    model = build(TINY, seed=5)
    average_checkpoints(model, checkpoints)
    return model


def test_the_last_checkpoints_saved_in_turn_are_kept(tmp_path: Path):
    train(tmp_path)
    names = ["step-00000006", "step-00000009", "step-00000011"]
    assert [place.name for place in recent_checkpoints(tmp_path)] == names
    assert sorted(place.name for place in tmp_path.glob("step-*")) == names


def test_the_average_is_the_mean_of_the_weights(tmp_path: Path):
    seen = train(tmp_path)
    for name, parameter in averaged(recent_checkpoints(tmp_path)).named_parameters():
        expected = sum(seen[step][name].double() for step in (6, 9, 11)) / 3
        torch.testing.assert_close(parameter.detach(), expected.float(), rtol=0, atol=1e-7)


def test_the_average_of_one_checkpoint_is_its_weights(tmp_path: Path):
    seen = train(tmp_path)
    for name, parameter in averaged([tmp_path / "step-00000009"]).named_parameters():
        assert torch.equal(parameter, seen[9][name])


def test_an_interrupted_run_averages_what_an_uninterrupted_one_does(tmp_path: Path):
    train(tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(tmp_path / "cut", stop=8)  # where nothing is saved in turn
    assert (tmp_path / "cut" / "step-00000008").exists()
    train(tmp_path / "cut")
    whole, cut = (averaged(recent_checkpoints(tmp_path / name)) for name in ("whole", "cut"))
    for mine, other in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_checkpoints_of_different_runs_are_refused(tmp_path: Path):
    train(tmp_path / "one")
    train(tmp_path / "other", seed=8)
    mixed = [recent_checkpoints(tmp_path / name)[0] for name in ("one", "other")]
    with pytest.raises(CheckpointError, match="other.*is of another run than"):
        averaged(mixed)


def test_checkpoints_of_another_model_or_of_no_run_are_refused(tmp_path: Path):
    train(tmp_path)
    wider = build(replace(TINY, vocab=21), seed=0)
    with pytest.raises(CheckpointError, match="of another model"):
        average_checkpoints(wider, recent_checkpoints(tmp_path))
    with pytest.raises(CheckpointError, match="no checkpoints to average"):
        average_checkpoints(wider, [])
    with pytest.raises(CheckpointError, match="missing or damaged"):
        average_checkpoints(wider, [tmp_path / "nothing"])


def test_keeping_none_is_refused():
    with pytest.raises(ConfigError, match=r"Watch\.keep is 0"):
        Watch(keep=0)
