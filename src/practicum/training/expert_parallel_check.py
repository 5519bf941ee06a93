"""Whether experts spread over processes compute what one does: tried with real processes."""

import json
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, distributed, nn

from practicum.errors import ConfigError, TrainingError
from practicum.nn.experts import Experts, ExpertsLayer
from practicum.seeding import stream
from practicum.training.expert_parallel import (
    ShardedExpertsLayer,
    rank_loads,
    shard_experts,
    sum_shared_gradients,
)

PATIENCE = 120.0  # seconds until a silent process counts as stuck


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """The largest differences to one process, and how uneven the processes' loads were."""

    outputs: float
    gradients: float  # of the inputs and all matrices; as a part of the largest entry of each
    load: float  # of the busiest process, over the mean


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A mixture of `width` and the rows of tokens that all processes read together, by turns."""

    experts: Experts
    width: int
    tokens: int
    seed: int
    ranks: int = 2

    def __post_init__(self) -> None:
        if self.experts.count % self.ranks:
            raise ConfigError(
                f"{self.experts.count} experts cannot be shared evenly by {self.ranks} processes"
            )


def gaps(trial: Trial) -> Gaps:
    """Run the trial in `trial.ranks` processes that talk over gloo on this machine.

    Raises TrainingError where one of them fails or is silent for two minutes.
    """
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="practicum-ranks-") as folder:
        crew = [
            context.Process(target=_work, args=(trial, rank, folder), daemon=True)
            for rank in range(trial.ranks)
        ]
        for process in crew:
            process.start()
        for process in crew:
            process.join(PATIENCE)
        codes = [process.exitcode for process in crew]
        for process in crew:
            process.kill()
        if any(code != 0 for code in codes):
            raise TrainingError(f"processes of a parallel trial ended with {codes}; expected zeros")
        told = [
            json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(len(crew))
        ]
    loads = told[0]["loads"]
    return Gaps(
        outputs=max(one["outputs"] for one in told),
        gradients=max(one["gradients"] for one in told),
        load=max(loads) / fmean(loads),
    )


def _work(trial: Trial, rank: int, folder: str) -> None:
    """One process of the trial; its findings go to a file of its own."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=trial.ranks,
        timeout=timedelta(seconds=PATIENCE / 2),
    )
    found = _compared(trial, rank)
    (Path(folder) / f"{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


def _compared(trial: Trial, rank: int) -> dict[str, Any]:
    """The whole mixture reads all tokens here, the shared one this rank's; how far they differ."""
    x, by = (_drawn(trial, name, trial.tokens, trial.width) for name in ("x", "by"))
    mine = slice(rank, None, trial.ranks)
    alone, whole = _layer(trial), x.clone().requires_grad_()
    wanted = alone(whole)
    (wanted * by).sum().backward()
    model, part = nn.ModuleList([_layer(trial)]), x[mine].clone().requires_grad_()
    shard_experts(model)
    shared = model[0]
    assert isinstance(shared, ShardedExpertsLayer), "as just made"
    read = shared(part)
    (read * by[mine]).sum().backward()
    sum_shared_gradients(model)
    kept = slice(rank * shared.share, (rank + 1) * shared.share)
    pairs = (
        (part, whole, mine),
        (shared.layer.router.weight, alone.router.weight, slice(None)),
        (shared.layer.up.weight, alone.up.weight, kept),
        (shared.layer.down.weight, alone.down.weight, kept),
    )
    loads = rank_loads(shared.layer.route(part).experts, trial.experts.count)
    return {
        "outputs": _largest(read, wanted[mine]),
        "gradients": max(
            _largest(_grad(one), _grad(other)[rows]) / float(_grad(other).abs().max())
            for one, other, rows in pairs
        ),
        "loads": loads.tolist(),
    }


def _layer(trial: Trial) -> ExpertsLayer:
    layer = trial.experts.build(trial.width)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(_drawn(trial, name, *parameter.shape) / trial.width**0.5)
    return layer


def _drawn(trial: Trial, name: str, *shape: int) -> Tensor:
    return torch.randn(shape, generator=stream(trial.seed, "expert parallel", name))


def _grad(of: Tensor) -> Tensor:
    assert of.grad is not None, "nothing was asked of a part of the mixture"
    return of.grad


def _largest(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max())
