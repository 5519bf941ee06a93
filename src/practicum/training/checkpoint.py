"""All that changes while training, saved whole or not at all, and never as a pickle.

A checkpoint is a folder `step-…` of safetensors inside the training folder. It is written under a
temporary name and renamed; then the pointer `last.json` (or `best.json`), which also holds the
numbers of the state, is replaced. So a process killed at any moment leaves pointers to complete
checkpoints only. Folders to which no pointer leads are removed afterwards, except the `recent` ones
that `last.json` lists.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from practicum.errors import CheckpointError

Pointer = Literal["last", "best"]
IDENTITY = "run"  # key of the run's identity beside the weights


@dataclass
class TrainState:
    """Everything a resumed run needs to go on as if it had not stopped.

    Dropout and objectives draw from streams named by (seed, step), so `step` is their whole state.
    Tensors of `loader` (the replay buffer of an agent) lie in a file of their own.
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    identity: str  # fingerprint of model, budget, objective and seed
    step: int = 0  # updates done
    loader: dict[str, Any] = field(default_factory=dict)  # the source's position: JSON and tensors
    best: float | None = None  # lowest held-out loss so far
    tokens: int = 0  # read so far
    recent: list[str] = field(default_factory=list)  # checkpoints to be kept, the latest last


def step_name(step: int) -> str:
    """What the checkpoint after `step` updates is called."""
    return f"step-{step:08d}"


def save_checkpoint(state: TrainState, folder: Path, pointer: Pointer) -> Path:
    """Write `state` below `folder` and let `pointer` lead to it; both appear whole or not at all.

    Raises CheckpointError when the disk is full or the folder cannot be written; what was saved
    before stays.
    """
    final = folder / step_name(state.step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if final.name not in _kept(folder):  # the other pointer may lead to this very step
            _write(state, final)
        replace_json(folder / f"{pointer}.json", {"folder": final.name, **_numbers(state)})
        _prune(folder)
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(
            f"cannot save a checkpoint in {folder}: {problem}; earlier checkpoints are intact"
        ) from problem
    return final


def restore_checkpoint(state: TrainState, folder: Path, pointer: Pointer = "last") -> bool:
    """Bring `state` to where the checkpoint was; False when `folder` has none.

    Raises CheckpointError for a damaged checkpoint, or one of another run.
    """
    place = folder / f"{pointer}.json"
    if not place.exists():
        return False
    numbers = _read_json(place)
    saved = folder / str(numbers.get("folder", ""))
    if numbers.get("identity") != state.identity:
        raise CheckpointError(
            f"{folder} holds a run of another model, budget or seed "
            f"({numbers.get('identity')}, not {state.identity}); choose another folder"
        )
    names = dict(state.model.named_parameters())
    weights = _load(saved / "model.safetensors", set(names))
    moments = _load(saved / "optimiser.safetensors", None)
    with torch.no_grad():
        for name, parameter in names.items():
            parameter.copy_(weights[name])
    _restore_moments(state, moments)
    state.step, state.tokens = int(numbers["step"]), int(numbers["tokens"])
    state.loader, state.best = numbers["loader"], numbers["best"]
    state.recent = numbers.get("recent", [])
    if (saved / "loader.safetensors").exists():
        state.loader |= _load(saved / "loader.safetensors", None)
    return True


def forget_checkpoints(folder: Path) -> None:
    """Remove every checkpoint below `folder`: the next run starts over."""
    for place in (folder / "last.json", folder / "best.json"):
        place.unlink(missing_ok=True)
    if folder.exists():
        _prune(folder)


def _write(state: TrainState, final: Path) -> None:
    temporary = final.with_name(f".{final.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        weights = {name: p.detach().contiguous() for name, p in state.model.named_parameters()}
        save_file(weights, temporary / "model.safetensors", metadata={IDENTITY: state.identity})
        save_file(_moments(state), temporary / "optimiser.safetensors")
        position = {k: v.contiguous() for k, v in state.loader.items() if isinstance(v, Tensor)}
        if position:
            save_file(position, temporary / "loader.safetensors")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _numbers(state: TrainState) -> dict[str, Any]:
    return {
        "identity": state.identity,
        "step": state.step,
        "tokens": state.tokens,
        "loader": {k: v for k, v in state.loader.items() if not isinstance(v, Tensor)},
        "best": state.best,
        "recent": state.recent,
    }


def _moments(state: TrainState) -> dict[str, Tensor]:
    """The optimiser's tensors under `parameter name/what`."""
    return {
        f"{name}/{key}": value.detach().contiguous()
        for name, parameter in state.model.named_parameters()
        for key, value in state.optimiser.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def _restore_moments(state: TrainState, moments: dict[str, Tensor]) -> None:
    parameters = dict(state.model.named_parameters())
    state.optimiser.state.clear()
    for key, value in moments.items():
        name, _, what = key.rpartition("/")
        if name not in parameters:
            raise CheckpointError(f"the checkpoint's optimiser knows '{name}', the model does not")
        # the fused update wants its counter beside the parameter
        state.optimiser.state[parameters[name]][what] = value.to(parameters[name].device)


def _load(path: Path, expected: set[str] | None) -> dict[str, Tensor]:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(
            f"{path} is missing or damaged ({problem}); remove its training folder to start over"
        ) from problem
    if expected is not None and set(tensors) != expected:
        odd = sorted(set(tensors) ^ expected)[:3]
        raise CheckpointError(f"{path} is of another model: it differs in {', '.join(odd)}")
    return tensors


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise CheckpointError(f"{path} is damaged ({problem})") from problem


def replace_json(path: Path, data: dict[str, Any]) -> None:
    """Write `data` to `path`, whole or not at all. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(data))
    os.replace(temporary, path)


def recent_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints below `folder` that `TrainState.recent` kept, the latest last."""
    place = folder / "last.json"
    return [folder / name for name in _read_json(place).get("recent", [])]


def best_checkpoint(folder: Path) -> Path:
    """The checkpoint below `folder` whose held-out loss was the lowest.

    Raises CheckpointError where none was saved: the run measured no held-out loss.
    """
    place = folder / "best.json"
    if not place.exists():
        raise CheckpointError(f"{folder} has no best checkpoint; train with Watch.evaluate")
    return folder / str(_read_json(place).get("folder"))


def saved_weights(checkpoint: Path) -> tuple[str, dict[str, Tensor]]:
    """The identity of the run that the checkpoint is of, and its weights.

    Raises CheckpointError where it is missing or damaged.
    """
    path = checkpoint / "model.safetensors"
    weights = _load(path, None)
    with safe_open(path, framework="pt") as file:
        return str((file.metadata() or {}).get(IDENTITY)), weights


def _kept(folder: Path) -> set[str]:
    """Names of the checkpoints to which a pointer leads, and of the recent ones."""
    last, best = folder / "last.json", folder / "best.json"
    kept = {str(_read_json(place).get("folder")) for place in (last, best) if place.exists()}
    return kept.union(_read_json(last).get("recent", [])) if last.exists() else kept


def _prune(folder: Path) -> None:
    """Remove checkpoints to which no pointer leads, and what killed processes left behind."""
    kept = _kept(folder)
    for old in [*folder.glob("step-*"), *folder.glob(".*")]:
        if old.is_file():
            old.unlink(missing_ok=True)
        elif old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
