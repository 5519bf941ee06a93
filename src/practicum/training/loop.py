"""The one loop: batches from a source, an objective's loss, an optimiser, a schedule, checkpoints.

Nothing here knows what is learned. Reinforcement and self-training use this loop too: their samples
come as batches from a source that acts with the model, their loss is an objective.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from practicum import events
from practicum.config import fingerprint, to_json
from practicum.errors import ConfigError, Interrupted, TrainingError
from practicum.models.counts import training_flops_per_token
from practicum.models.decoder import Decoder
from practicum.objectives.objective import Batch, Objective
from practicum.seeding import forked, stream
from practicum.training.budget import Budget
from practicum.training.checkpoint import (
    TrainState,
    forget_checkpoints,
    restore_checkpoint,
    save_checkpoint,
    step_name,
)
from practicum.training.compilation import compile_parts
from practicum.training.interruption import Interruption, interruption
from practicum.training.optimiser import over_model
from practicum.training.precision import precise
from practicum.training.schedules import factor
from practicum.training.speed import matmul_flops_per_second


class Source(Protocol):
    """Where examples come from, a batch at a time, from a position that can be kept.

    Raises StopIteration when there are no more, and training ends. `position` is asked for when a
    checkpoint is saved: JSON data, beside which tensors may stand (a replay buffer).
    """

    def __next__(self) -> Any: ...
    def position(self) -> dict[str, Any]: ...
    def seek(self, position: dict[str, Any]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What else happens while training: all of it optional.

    `evaluate` gives a held-out loss (nats per target) every `Budget.evaluate_every` steps and after
    the last; `after_step` is called with (step, model) after each update; `folder` keeps
    checkpoints, from which the same call resumes unless `resume` is false; the latest `keep` of
    those saved in turn stay, for `training.averaging`; `name` heads the progress bar.
    """

    evaluate: Callable[[nn.Module], float] | None = None
    after_step: Callable[[int, nn.Module], None] | None = None
    folder: Path | None = None
    resume: bool = True
    keep: int = 1
    name: str = "training"
    curve_every: int = 10  # steps between two points of the loss curve

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ConfigError(f"Watch.keep is {self.keep}; expected at least 1")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came out: the last training and held-out losses (nats per target), and the speed."""

    loss: float
    held_out: float | None
    steps: int
    tokens: int
    seconds: float


def fit(
    model: nn.Module,
    source: Source,
    objective: Objective[Any],
    budget: Budget,
    *,
    seed: int,
    params: Iterable[nn.Parameter] | None = None,
    watch: Watch = Watch(),
) -> Trained:
    """Train `model` in place for `budget.steps` updates, or until `source` has no more batches.

    `params` (default all) are what changes.

    Emits `Progress`, `Metric` (loss, rate, grad_norm, tokens_per_second, mfu, held_out) and `Note`.
    Deterministic in `seed`, the source and the budget; a resumed run equals an uninterrupted one.
    The model is left in evaluation mode.

    Raises TrainingError when the loss or the gradient stops being finite, Interrupted on SIGTERM or
    Ctrl-C after saving to `watch.folder`, CheckpointError when that folder holds another run.
    """
    trained = list(model.parameters() if params is None else params)
    identity = fingerprint(
        to_json(getattr(model, "description", type(model).__name__)),
        to_json(budget),
        to_json(objective),
        seed,
    )
    optimiser = over_model(model, trained, budget.optimiser, budget.gentle)
    state = TrainState(model, optimiser, identity)
    run = _Run(state, source, objective, budget, seed, trained, watch)
    run.resume()
    if budget.compile:
        compile_parts(model)
    model.train()
    try:
        with interruption() as asked:
            return run.to_the_end(asked)
    finally:
        model.eval()


class _Run:
    """One call of `fit`: the state, and what each step needs."""

    def __init__(
        self,
        state: TrainState,
        source: Source,
        objective: Objective[Any],
        budget: Budget,
        seed: int,
        trained: list[nn.Parameter],
        watch: Watch,
    ) -> None:
        self.state, self.source, self.objective = state, source, objective
        self.budget, self.seed, self.trained, self.watch = budget, seed, trained, watch
        self.device = trained[0].device
        self.held_out: float | None = None
        self.measured = -1  # the step of `held_out`
        self.meter = _Meter(state.model, budget, self.device, watch)

    def resume(self) -> None:
        folder = self.watch.folder
        if folder is None:
            return
        if not self.watch.resume:
            forget_checkpoints(folder)
        elif restore_checkpoint(self.state, folder):
            self.source.seek(self.state.loader)
            events.emit(events.Note(text=f"resumed from step {self.state.step} in {folder}"))

    def to_the_end(self, asked: Interruption) -> Trained:
        start, loss = time.perf_counter(), math.nan
        budget, state = self.budget, self.state
        self.meter.start(state.tokens)
        while state.step < budget.steps and (batches := self.batches()):
            loss = self.step(batches)
            if self._due(budget.evaluate_every):
                self.evaluate()
            if asked.signal is not None:
                self.stop(asked.signal)
            if self._due(budget.save_every):
                self.save_in_turn()
        if self.measured != state.step:
            self.evaluate()
        self.save_in_turn()
        seconds = time.perf_counter() - start
        return Trained(
            loss=loss,
            held_out=self.held_out,
            steps=state.step,
            tokens=state.tokens,
            seconds=seconds,
        )

    def batches(self) -> list[Batch]:
        """Those of the next update; none when the source cannot fill it."""
        generator = stream(self.seed, "objective", self.state.step)
        batches: list[Batch] = []
        while len(batches) < self.budget.accumulate:
            try:
                examples = next(self.source)
            except StopIteration:
                return []
            batches.append(self.objective.prepare(examples, generator).to(self.device))
        return batches

    def step(self, batches: list[Batch]) -> float:
        """One update. Returns the mean loss of its batches before it."""
        state, budget = self.state, self.budget
        rate = budget.rate * factor(
            budget.schedule, state.step, warmup=budget.warmup_steps, steps=budget.steps
        )
        for group in state.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        state.optimiser.zero_grad(set_to_none=True)
        count = max(1, sum(batch.count for batch in batches))
        loss = 0.0
        with forked(self.seed, "dropout", state.step):
            for batch in batches:
                with precise(budget.precision, self.device):
                    part = self.objective.loss(state.model, batch)
                (part.total / count).backward()
                loss += float(part.total.detach()) / count
        norm = self.clipped_norm()
        self._check(loss, norm, rate)
        state.optimiser.step()
        state.step += 1
        state.tokens += sum(batch.tokens for batch in batches)
        if self.watch.after_step is not None:
            self.watch.after_step(state.step, state.model)
        self.meter.tell(state, loss, rate, norm, batches[0])
        return loss

    def clipped_norm(self) -> float:
        """The norm of the whole gradient, which is then shortened to the budget's if longer."""
        gradients = [p.grad for p in self.trained if p.grad is not None]
        total = nn.utils.get_total_norm(gradients, foreach=True)
        norm, clip = float(total), self.budget.clip
        if clip is not None and norm > clip:  # small networks feel the cost of multiplying by 1
            nn.utils.clip_grads_with_norm_(self.trained, clip, total, foreach=True)
        return norm

    def evaluate(self) -> None:
        if self.watch.evaluate is None:
            return
        self.state.model.eval()
        with torch.no_grad():
            self.held_out = self.watch.evaluate(self.state.model)
        self.state.model.train()
        self.measured = self.state.step
        self._emit("held_out", self.held_out)
        if self.state.best is None or self.held_out < self.state.best:
            self.state.best = self.held_out
            self.save("best")

    def save_in_turn(self) -> None:
        """Save where a run that nobody interrupts saves too, so that both keep the same."""
        turn = step_name(self.state.step)
        self.state.recent = [*(n for n in self.state.recent if n != turn), turn][-self.watch.keep :]
        self.save("last")

    def save(self, pointer: Any) -> None:
        if self.watch.folder is not None:
            self.state.loader = self.source.position()
            save_checkpoint(self.state, self.watch.folder, pointer)

    def stop(self, signal: str) -> None:
        self.save("last")
        where = (
            f"; saved in {self.watch.folder}, run the same command with --resume to go on"
            if self.watch.folder
            else "; nothing was saved, since no folder was given"
        )
        raise Interrupted(f"stopped by {signal} after step {self.state.step}{where}")

    def _due(self, every: int | None) -> bool:
        return every is not None and self.state.step % every == 0

    def _check(self, loss: float, norm: float, rate: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        step, folder = self.state.step, self.watch.folder
        kept = f"; the last checkpoint is in {folder}" if folder else ""
        raise TrainingError(
            f"training diverged at step {step + 1}: loss {loss:.4g}, gradient norm {norm:.4g} at "
            f"rate {rate:.3g}; lower the rate, lengthen the warm-up or clip harder{kept}"
        )

    def _emit(self, name: str, value: float) -> None:
        events.emit(events.Metric(name=name, value=value, step=self.state.step))


class _Meter:
    """Turns steps into events: a progress bar every step, points of curves every few."""

    def __init__(
        self, model: nn.Module, budget: Budget, device: torch.device, watch: Watch
    ) -> None:
        self.model, self.budget, self.device, self.watch = model, budget, device, watch
        self.flops: float | None = None
        gpu = device.type == "cuda"  # results say on what they were made
        self.labels = {"device": torch.cuda.get_device_name(device)} if gpu else {}

    def start(self, tokens: int) -> None:
        self.tokens, self.time = tokens, time.perf_counter()
        self.speed = 0.0

    def tell(self, state: TrainState, loss: float, rate: float, norm: float, batch: Batch) -> None:
        now = time.perf_counter()
        latest = (state.tokens - self.tokens) / max(1e-9, now - self.time)
        self.speed = latest if self.speed == 0.0 else 0.9 * self.speed + 0.1 * latest
        self.tokens, self.time = state.tokens, now
        detail = f"loss {loss:.3f} · {self.speed:,.0f} tok/s"
        events.emit(
            events.Progress(
                task=self.watch.name,
                done=state.step,
                total=self.budget.steps,
                unit="steps",
                detail=detail,
            )
        )
        if state.step % self.watch.curve_every and state.step not in (1, self.budget.steps):
            return
        point = {"loss": loss, "rate": rate, "grad_norm": norm, "tokens_per_second": self.speed}
        used = self._utilisation(batch)
        if used is not None:
            point["mfu"] = used
        for name, value in point.items():
            events.emit(events.Metric(name=name, value=value, step=state.step, labels=self.labels))

    def _utilisation(self, batch: Batch) -> float | None:
        description = getattr(self.model, "description", None)
        ids = getattr(batch, "ids", None)
        if ids is None or not isinstance(description, Decoder):
            return None
        if self.flops is None:
            self.flops = training_flops_per_token(description, ids.shape[1])
        dtype = torch.float32 if self.budget.precision == "float32" else torch.bfloat16
        return self.flops * self.speed / matmul_flops_per_second(self.device, dtype)
