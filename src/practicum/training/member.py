"""One of several workers that train one model together, each on data of its own.

A step has two halves: every member makes the gradient of its own batch, and every member is updated
by the sum of all of them, so that all hold the same weights. Between steps all there is of a member
is a `Copy`: weights, moments, where its data stand, and the number of the step, which names what is
drawn. Whoever has the copy goes on bit for bit as the member itself would.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from practicum.data.drawn import Drawn, Endless
from practicum.errors import ConfigError, TrainingError
from practicum.models.build import Described, build
from practicum.objectives.objective import Objective
from practicum.seeding import derive, forked, stream
from practicum.training.budget import Budget
from practicum.training.optimiser import over_model
from practicum.training.schedules import factor


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is trained together: in every step `budget.batch` examples of the task each."""

    model: Described[nn.Module]
    task: Endless[Any]
    objective: Objective[Any]
    budget: Budget
    seed: int
    members: int = 2

    def __post_init__(self) -> None:
        if self.members < 2:
            raise ConfigError(f"Course.members is {self.members}; expected at least 2")
        if self.budget.accumulate != 1 or self.budget.precision != "float32":
            raise ConfigError("members train in float32, a batch each, without accumulation")


@dataclass(frozen=True, kw_only=True, eq=False)
class Copy:
    """All of a member between two steps."""

    rank: int
    step: int  # updates done
    cursor: dict[str, Any]  # where its data stand
    arrays: Mapping[str, np.ndarray]  # weights by name, moments by name/what

    @property
    def digest(self) -> str:
        """Sixty-four hexadecimal digits that depend on every bit of it."""
        found = hashlib.sha256(f"{self.rank} {self.step} {sorted(self.cursor.items())}".encode())
        for name in sorted(self.arrays):
            found.update(name.encode() + self.arrays[name].tobytes())
        return found.hexdigest()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class Gradient:
    """The summed gradient of a member's batch, all parameters end to end, over `count` targets."""

    values: Float32[np.ndarray, " n"]
    count: int

    @property
    def digest(self) -> str:
        """Sixty-four hexadecimal digits that depend on every bit of it."""
        return hashlib.sha256(self.values.tobytes() + str(self.count).encode()).hexdigest()


class Member:
    """The member of this rank, as it begins."""

    def __init__(self, course: Course, rank: int) -> None:
        self.course, self.rank, self.step = course, rank, 0
        self.model = build(course.model, seed=course.seed).train()
        budget = course.budget
        self.params = list(self.model.parameters())
        self.optimiser = over_model(self.model, self.params, budget.optimiser, budget.gentle)
        self.source = self._source(rank)
        self._halfway = False

    def gradient(self) -> Gradient:
        """The first half of a step."""
        course = self.course
        names = (self.rank, self.step)
        examples = next(self.source)
        self._halfway = True
        batch = course.objective.prepare(examples, stream(course.seed, "objective", *names))
        self.optimiser.zero_grad(set_to_none=True)
        with forked(course.seed, "dropout", *names):
            loss = course.objective.loss(self.model, batch)
        loss.total.backward()
        return Gradient(values=self._flat(), count=loss.count)

    def update(self, values: Float32[np.ndarray, " n"], count: int) -> None:
        """The second half: one update by the gradients of all, summed, over all their targets."""
        budget = self.course.budget
        start = 0
        for parameter in self.params:
            part = values[start : start + parameter.numel()].reshape(tuple(parameter.shape))
            parameter.grad = torch.from_numpy(part / np.float32(max(1, count)))
            start += parameter.numel()
        if budget.clip is not None:
            nn.utils.clip_grad_norm_(self.params, budget.clip)
        warmup, steps = budget.warmup_steps, budget.steps
        rate = budget.rate * factor(budget.schedule, self.step, warmup=warmup, steps=steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.optimiser.step()
        self.step += 1
        self._halfway = False

    def copy(self) -> Copy:
        """What there is of the member. Raises TrainingError within a step."""
        if self._halfway:
            raise TrainingError(
                f"member {self.rank} is within step {self.step + 1}: its data have moved on and "
                "its weights have not; copy it between steps"
            )
        arrays = {name: _array(p) for name, p in self.model.named_parameters()}
        for name, parameter in self.model.named_parameters():
            for what, value in self.optimiser.state.get(parameter, {}).items():
                arrays[f"{name}/{what}"] = _array(value)
        return Copy(rank=self.rank, step=self.step, cursor=self.source.position(), arrays=arrays)

    def become(self, copy: Copy) -> None:
        """Be as the member was when it was copied, whichever member that was."""
        self.rank, self.step, self._halfway = copy.rank, copy.step, False
        self.source = self._source(copy.rank)
        self.source.seek(copy.cursor)
        self.optimiser.state.clear()
        parameters = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(torch.from_numpy(copy.arrays[name]))
        for key, array in copy.arrays.items():
            name, between, what = key.rpartition("/")
            if between:
                self.optimiser.state[parameters[name]][what] = torch.from_numpy(array.copy())

    def _source(self, rank: int) -> Drawn[Any]:
        seed = derive(self.course.seed, "member", rank)
        return Drawn(self.course.task, self.course.budget.batch, seed=seed)

    def _flat(self) -> Float32[np.ndarray, " n"]:
        made = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]
        return torch.cat([grad.flatten() for grad in made]).numpy()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().copy()
