"""Efficiently modeling long sequences with structured state spaces (Gu, Goel & Ré 2021).

A linear system in every channel, read as one long convolution or as a recurrence (eq. 3–5):
x' = A x + B u,   y = C x + D u,   K̄ = (CB̄, CĀB̄, …, CĀ^{L−1}B̄),   y = K̄ ∗ u
A = Λ − P P*: what HiPPO's matrix of memory is in the right basis (Thm 1)
Claim: started from HiPPO, and not from random numbers of the same form (§4.4), a stack of such
layers remembers what it saw long ago where recurrent networks and attention of its size fail; and
the convolution that it learns by and the recurrence that it runs by are one function.

Readers of as many parameters see pictures of digits pixel by pixel, then noise, and say at the last
step which digit it was. Apart from all training, a whole smooth signal is told from the last state
of one frozen system, linearly.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, cast

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from practicum import events
from practicum.data.images import images, split
from practicum.data.loader import Loader
from practicum.data.signals import Signals, band_limited, padded_pictures
from practicum.evaluation.classifier import accuracy
from practicum.evaluation.recollection import last_traces, recollection_error
from practicum.evaluation.two_ways import stepping_gap
from practicum.interpret.signal_picture import signal_picture
from practicum.interpret.state_kernels import kernel_picture
from practicum.kernels.low_rank_system import LowRankSystem
from practicum.lab.folder import run_folder
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.families.s4 import Start, s4, system_start
from practicum.models.families.signal_readers import attentive_reader, gated_reader
from practicum.models.sequence_classifier import SequenceClassifier
from practicum.nn.initial import Constant, Rule, initialise
from practicum.nn.state_space import SYSTEM, Diagonal, LowRank, StateSpace
from practicum.objectives.classification import CrossEntropy
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import AdamW, Gentle

SYSTEMS = Gentle(names=tuple(f"*.{part}" for part in SYSTEM), share=0.1)  # 1e-3 (App. D)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Two experiments; the thresholds are fixed, lengths and budgets were tried on other seeds."""

    side: int = 8  # of a picture, which is read pixel by pixel
    padding: int = 128  # steps of noise after it
    pictures: int | None = None  # of each split; None: all
    width: int = 48
    depth: int = 2
    state: int = 32
    gated_width: int = 42
    attention_width: int = 32
    attention_hidden: int = 104
    epochs: int = 8
    learn: Budget = Budget(steps=1, batch=32, rate=1e-2, optimiser=AdamW(decay=0.01))
    remembering: int = 64  # numbers of the frozen state
    known: int = 400  # signals that the reader of the state is fitted to
    unseen: int = 100
    length: int = 1000  # steps of the signal that it has read
    cycles: int = 20  # periods of the highest frequency in the signal
    ridge: float = 1e-4  # of the variance of the state
    steps: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # Δ, each is tried
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Reads:
    """A classifier of pictures with noise after them."""

    reader: Start | Literal["gated", "attention"]
    slower: float = 1.0  # share of the rate, which is a state space's


@dataclass(frozen=True, kw_only=True)
class Remembers:
    """One frozen system that starts so."""

    start: Literal["legs", "random"]


ARMS = {
    "S4-LegS": Reads(reader="legs"),
    "S4D-Lin": Reads(reader="lin"),
    "random start": Reads(reader="random"),
    "GRU": Reads(reader="gated", slower=0.5),
    "Transformer": Reads(reader="attention", slower=0.2),
    "memory, HiPPO": Remembers(start="legs"),
    "memory, random": Remembers(start="random"),
}
READERS = [name for name, arm in ARMS.items() if isinstance(arm, Reads)]


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One arm of one experiment."""
    chosen = ARMS[arm]
    if isinstance(chosen, Remembers):
        return remembering(setup, chosen.start, seed)
    return reading(setup, chosen, seed)


def reading(setup: Setup, arm: Reads, seed: int) -> dict[str, float]:
    """The share of pictures that are recognised after the noise, of those not learnt from."""
    train, test = signals(setup, seed)
    steps = setup.epochs * -(-len(train) // setup.learn.batch)
    budget = replace(
        setup.learn,
        steps=steps,
        rate=setup.learn.rate * arm.slower,
        gentle=None if arm.reader in ("gated", "attention") else SYSTEMS,
        evaluate_every=max(1, steps // 6),
    )
    description = reader(setup, arm)
    model = build(description, seed=seed, device=setup.device)
    start = deepcopy(model)
    watch = Watch(after_step=partial(look, test, budget))
    loader = Loader(train, budget.batch, seed=seed)
    fit(model, loader, CrossEntropy(), budget, seed=seed, watch=watch)
    numbers = {
        "accuracy": seen(model, test),
        "trained": seen(model, train),
        "parameters": parameters_of(description),
    }
    if arm.reader in ("gated", "attention"):
        return numbers
    keep("kernels", kernel_picture(start, model, setup.side**2 + setup.padding))
    x = torch.from_numpy(test.values[:4]).to(setup.device)
    single, double = stepping_gap(model, x), stepping_gap(model.double(), x.double())
    return {**numbers, "apart_float32": single, "apart_float64": double}


def signals(setup: Setup, seed: int) -> tuple[Signals, Signals]:
    """What is learnt from, and what is asked."""
    sides = (
        side.rows(np.arange(len(side))[: setup.pictures])
        for side in split(images("digits"), seed=seed, test=0.2)
    )
    train, test = (
        padded_pictures(side, side=setup.side, padding=setup.padding, seed=2 * seed + number)
        for number, side in enumerate(sides)
    )
    return train, test


def reader(setup: Setup, arm: Reads) -> SequenceClassifier:
    """The network of this arm; all of them answer at the last step."""
    length = setup.side**2 + setup.padding
    if arm.reader == "gated":
        return gated_reader(
            features=1, classes=10, width=setup.gated_width, depth=setup.depth, readout="last"
        )
    if arm.reader == "attention":
        return attentive_reader(
            features=1,
            classes=10,
            width=setup.attention_width,
            depth=setup.depth,
            heads=4,
            hidden=setup.attention_hidden,
            context=length,
            readout="last",
        )
    matrix = Diagonal() if arm.reader == "lin" else LowRank(length=length)
    mixer = StateSpace(matrix=matrix, state=setup.state)
    return s4(
        features=1,
        classes=10,
        width=setup.width,
        depth=setup.depth,
        mixer=mixer,
        start=arm.reader,
        readout="last",
    )


def seen(model: nn.Module, asked: Signals) -> float:
    """The share that is recognised."""
    return accuracy(model, asked.values, asked.labels, batch=128)


def look(asked: Signals, budget: Budget, step: int, model: nn.Module) -> None:
    """A point of the curve of accuracy."""
    if step % (budget.evaluate_every or budget.steps) == 0:
        events.emit(events.Metric(name="accuracy", value=seen(model, asked), step=step))


def remembering(setup: Setup, start: Literal["legs", "random"], seed: int) -> dict[str, float]:
    """The error of a signal told from the last state, at the step Δ that suits the system best."""
    system = frozen(setup, start, seed)
    known, unseen = (
        torch.from_numpy(band_limited(count, setup.length, cycles=setup.cycles, seed=2 * seed + i))
        for i, count in enumerate((setup.known, setup.unseen))
    )
    tried = [
        recollection_error(traces, known, unseen, ridge=setup.ridge)
        for traces in last_traces(system, setup.length)
    ]
    best = min(range(len(tried)), key=lambda i: tried[i][0])
    error, told = tried[best]
    for place in range(0, setup.length, max(1, setup.length // 50)):
        missed = float((told - unseen)[:, place].square().mean().sqrt())
        events.emit(events.Metric(name="missed", value=missed, step=setup.length - place))
    lines = {"signal": unseen[0].numpy(), "told": told[0].numpy()}
    panels, title = {f"error {error:.2f}": lines}, "A signal told from the last state"
    keep("recollection", signal_picture(panels, title=title))
    return {"error": error, "step": setup.steps[best]}


def frozen(setup: Setup, start: Literal["legs", "random"], seed: int) -> LowRankSystem:
    """The system that a channel of a layer starts with, once for every Δ."""
    mixer = StateSpace(matrix=LowRank(length=setup.length), state=setup.remembering)
    layer = mixer.build(1)
    rules = (*system_start(mixer, start), Rule(names="*", start=Constant(value=0.0)))
    initialise(nn.ModuleDict({"mixer": layer}), rules, seed=seed)
    one = cast(LowRankSystem, layer.system(torch.float64))
    step = torch.tensor(setup.steps, dtype=torch.float64)
    poles, low_rank, inputs = (
        part.detach().expand(len(step), -1) for part in (one.poles, one.low_rank, one.input)
    )
    return LowRankSystem(poles, low_rank, inputs, step)


def keep(name: str, picture: Figure) -> None:
    """A picture in the folder of the run."""
    path = run_folder() / f"{name}.png"
    picture.savefig(path)
    events.emit(events.Artifact(name=name, path=str(path)))


def ahead(r: Results, other: str) -> float:
    """By how much S4 recognises more than this arm."""
    return r["S4-LegS"].accuracy - r[other].accuracy


def unlike(r: Results) -> float:
    """How far numbers of parameters are from S4's, as a share of it.

    S4D is left out: without P and B it has fewer of them, and it is shown, not judged.
    """
    first = r["S4-LegS"].parameters
    judged = [arm for arm in READERS if arm != "S4D-Lin"]
    return max(abs(r[arm].parameters / first - 1) for arm in judged)


def recognised(rows: Rows) -> Picture:
    """Share of pictures that were recognised after the noise."""
    metrics = ("accuracy", "trained")
    return bars(rows, metrics, title="Digits, asked for after noise", y="accuracy")


def learning(rows: Rows) -> Picture:
    """Share of unseen pictures that are recognised, while training."""
    return curves(rows, "accuracy", title="Digits, asked for after noise", y="accuracy")


def missed_by_age(rows: Rows) -> Picture:
    """Error of what is told of a signal, by how long ago it was."""
    title = "A signal of variance 1 told from the last state"
    return curves(rows, "missed", title=title, y="RMS error", x="steps ago")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("S4D-Lin",),
    presets={
        "smoke": replace(
            CPU,
            padding=8,
            pictures=20,
            width=8,
            state=4,
            gated_width=6,
            attention_width=8,
            attention_hidden=1,
            epochs=1,
            learn=replace(CPU.learn, batch=10),
            remembering=8,
            length=60,
            cycles=3,
            known=20,
            unseen=5,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            side=32,
            padding=1024,
            width=128,
            depth=4,
            state=64,
            gated_width=105,
            attention_width=96,
            attention_hidden=154,
            epochs=60,
            learn=replace(CPU.learn, batch=64),
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 5},
    validity=(
        Validity(
            "the readers that are compared have as many parameters, within 5 %",
            value=unlike,
            at_most=0.05,
        ),
        Validity(
            "S4 has learnt the task: it recognises every second picture",
            value=lambda r: r["S4-LegS"].accuracy,
            at_least=0.5,
        ),
    ),
    claims=(
        Claim(
            "started from HiPPO it recognises 5 points more than from random numbers",
            value=lambda r: ahead(r, "random start"),
            at_least=0.05,
            source="§4.4, Fig. 4: more than 15 points on sequential CIFAR",
        ),
        Claim(
            "and 10 points more than a GRU",
            value=lambda r: ahead(r, "GRU"),
            at_least=0.1,
            source="Table 4 and §4.3; the margin is ours",
        ),
        Claim(
            "and 5 points more than a Transformer",
            value=lambda r: ahead(r, "Transformer"),
            at_least=0.05,
            source="Table 4; the margin is ours",
        ),
        Claim(
            "of a signal told from its last state, HiPPO's misses half of what a random one's does",
            value=lambda r: r["memory, HiPPO"].error / r["memory, random"].error,
            at_most=0.5,
            source="§2.2; the margin is ours",
        ),
        Claim(
            "step by step or convolved, in float32 a signal is read alike to 1e-4",
            value=lambda r: r["S4-LegS"].apart_float32,
            at_most=1e-4,
            source="§2.3, §3.4; the margin is ours",
        ),
        Claim(
            "and in float64 to 1e-9",
            value=lambda r: r["S4-LegS"].apart_float64,
            at_most=1e-9,
            source="§2.3, §3.4; the margin is ours",
        ),
    ),
    plots=(recognised, learning, missed_by_age),
)
