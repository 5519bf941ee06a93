"""SIGKILL at random moments, while training, while saving, while pruning: nothing is half done."""

import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from practicum.data.loader import Loader
from practicum.data.packing import Example
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.next_token import NextToken
from practicum.training.averaging import average_checkpoints
from practicum.training.budget import Budget
from practicum.training.checkpoint import recent_checkpoints
from practicum.training.loop import Watch, fit

MODEL = gpt2(width=32, depth=2, heads=2, vocab=20, context=8, dropout=0.1)
BUDGET = Budget(steps=24, batch=4, rate=1e-2, save_every=2, evaluate_every=5)
KILLS = 20


def loader() -> Loader[Example]:
    rows = np.random.default_rng(0).integers(0, 20, (23, 9))
    return Loader([Example(ids=row, segments=None) for row in rows], 4, seed=3)


def train(folder: Path, result: Path) -> None:
    """One whole run, resuming where `folder` says; its weights go to `result` at the end.

    Beside them, as `mean …`, those averaged over the last three checkpoints.
    """
    torch.set_num_threads(1)
    model = build(MODEL, seed=1)
    watch = Watch(
        folder=folder, keep=3, evaluate=lambda m: float(m.embedding.weight.detach().norm())
    )
    fit(model, loader(), NextToken(), BUDGET, seed=7, watch=watch)
    mean = build(MODEL, seed=2)
    average_checkpoints(mean, recent_checkpoints(folder))
    weights = {name: p.detach() for name, p in model.named_parameters()}
    averaged = {f"mean {name}": p.detach() for name, p in mean.named_parameters()}
    save_file(weights | averaged, result)


def start(folder: Path, result: Path) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=train, args=(folder, result))
    process.start()
    return process


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, torch.Tensor], float]:
    """The weights of a run that nobody kills, and how many seconds it takes."""
    folder = tmp_path_factory.mktemp("whole")
    begin = time.perf_counter()
    process = start(folder / "run", folder / "weights.safetensors")
    process.join()
    assert process.exitcode == 0
    return load_file(folder / "weights.safetensors"), time.perf_counter() - begin


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_and_resumed_run_ends_with_the_uninterrupted_weights(
    number: int, tmp_path: Path, uninterrupted: tuple[dict[str, torch.Tensor], float]
):
    weights, seconds = uninterrupted
    result = tmp_path / "weights.safetensors"
    victim = start(tmp_path / "run", result)
    time.sleep(random.Random(number).uniform(0.0, seconds))
    victim.kill()
    victim.join()
    survivor = start(tmp_path / "run", result)
    survivor.join()
    assert survivor.exitcode == 0
    found = load_file(result)
    assert set(found) == set(weights)
    for name, expected in weights.items():
        assert torch.equal(found[name], expected), name
    assert not list((tmp_path / "run").glob(".*")), "what the killed process left is cleared away"
