"""Does this code from sequence to sequence work? What must hold of any, and what it must learn.

Three laws, tried without training; each is the size of the change of a score that should be 0:

    future      a later word of the target changes an earlier score: the mask is missing
    stepping    writing word by word gives other scores than reading at once: the state is wrong
    padding     padding after a source changes scores: it is looked at

Then three lessons, learned in about a minute each: copying needs the place, reversing needs the
place from the other end, sorting needs no place but every symbol. The right answer is exact and
over in time. A low loss beside wrong answers is the mark of a broken law.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from practicum.data.copying import BEGIN, END, Copying, Order
from practicum.data.drawn import Drawn, fresh
from practicum.decoding.exact_match import exact_match
from practicum.models.sequence_to_sequence import SequenceToSequence
from practicum.objectives.translation import Translation
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit
from practicum.training.noam import ADAM
from practicum.training.schedules import Cosine

BRIEF = Budget(
    steps=800, batch=30, rate=2e-3, schedule=Cosine(floor=0.05), warmup=0.2, optimiser=ADAM
)
ORDERS: tuple[Order, ...] = ("copy", "reverse", "sort")


Make = Callable[[int], nn.Module]  # from the number of words of either side to a fresh network


@dataclass(frozen=True, kw_only=True)
class Laws:
    """The largest change of a score, by what should not have changed it."""

    future: float
    stepping: float
    padding: float

    def broken(self, tolerance: float = 1e-3) -> tuple[str, ...]:
        """The names of the laws that do not hold."""
        return tuple(name for name, change in vars(self).items() if not change <= tolerance)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a brief training on one task came to."""

    order: Order
    exact: float  # share of fresh sequences answered exactly by greedy decoding
    loss: float  # nats a symbol, with every right symbol shown

    @property
    def finding(self) -> str:
        """One line for a person."""
        said = f"{self.order}: {self.exact:.0%} exact, {self.loss:.3f} nats a symbol"
        if self.exact >= 0.9:
            return f"{said}; learned"
        if self.loss < 0.1:
            return f"{said}; a low loss beside wrong answers: it reads what it is to say"
        return f"{said}; not learned in this time"


@torch.no_grad()
def laws(model: nn.Module, vocab: int) -> Laws:
    """Try the three laws on a network of so many words of either side, as it is."""
    model.eval()
    network = cast(SequenceToSequence, model)
    rng = np.random.default_rng(0)
    source, target = (torch.from_numpy(rng.integers(1, vocab, size=(3, 6))) for _ in range(2))
    source, target = (ids.to(next(model.parameters()).device) for ids in (source, target))
    scores = network(source, target)
    other = target.clone()
    other[:, 3:] = 1 + other[:, 3:] % (vocab - 1)  # another word, and never 0
    real = torch.ones(3, 9, dtype=torch.bool, device=source.device)
    real[:, 6:] = False
    longer = torch.cat([source, source[:, :3]], dim=1)
    state = network.start(source, None, 6)
    steps = torch.stack([network.step(state, target[:, t]) for t in range(6)], dim=1)
    return Laws(
        future=_change(scores[:, :3], network(source, other)[:, :3]),
        stepping=_change(scores, steps),
        padding=_change(scores, network(longer, target, real)),
    )


def lesson(
    make: Make,
    order: Order,
    *,
    seed: int,
    budget: Budget = BRIEF,
    length: int = 10,
    tests: int = 200,
) -> Lesson:
    """Train a fresh network on the task of this order, and ask it for fresh sequences.

    Sequences have half of `length` symbols or more, so that there is padding to be ignored.
    """
    task = Copying(order=order, length=length, shortest=max(2, length // 2))
    model = make(task.vocab)
    objective = Translation(begin=BEGIN, end=END)
    fresh_pairs = fresh(task, tests, seed=seed)
    trained = fit(
        model,
        Drawn(task, budget.batch, seed=seed),
        objective,
        budget,
        seed=seed,
        watch=Watch(name=order, evaluate=held_out_loss(objective, fresh_pairs, batch=tests)),
    )
    assert trained.held_out is not None, "the loss is evaluated after the last update"
    exact = exact_match(
        cast(SequenceToSequence, model),
        fresh_pairs,
        begin=BEGIN,
        end=END,
        device=next(model.parameters()).device,
    )
    return Lesson(order=order, exact=exact, loss=trained.held_out)


def lessons(
    make: Make, orders: Sequence[Order] = ORDERS, *, seed: int, budget: Budget = BRIEF
) -> list[Lesson]:
    """A lesson of every order, each with a network of its own."""
    return [lesson(make, order, seed=seed, budget=budget) for order in orders]


def _change(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())
