"""Backpropagation, intuitions (Karpathy et al., CS231n course notes, "optimization-2").

A circuit of gates is differentiated gate by gate, from the output f back. Every gate g adds to each
input x its local derivative times the gradient on its own output (multivariable chain rule):
    ∂f/∂x += ∂g/∂x · ∂f/∂g
Claim: so the gradient of every circuit is exact, whatever its gates. Add distributes it, max routes
it, multiply swaps the inputs. Hence inputs 1000 times larger make weight gradients 1000 times
larger, and the learning rate would have to be lowered to compensate.

The control keeps the last gradient that comes back to a fork, = instead of +=. Then the digits are
learned by softmax regression from zero weights, without bias, by full gradient descent: on x, on
1000 x, and on either standardised. A rate 1000 times lower, as in the notes, compensates the
gradient but not its effect, for what moves are weights that are again read by 1000 x: the function
still moves 1000 times faster. It learns as on x with a rate 1000² times lower.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from practicum.autograd.circuits import GATES, circuit
from practicum.autograd.drawing import Labels, sketch
from practicum.autograd.random_circuits import differences, overwrite, random_circuit, two_meet
from practicum.autograd.random_graphs import disagreement
from practicum.autograd.straight_line import StraightLine
from practicum.autograd.worked_circuits import PATTERNS, WORKED
from practicum.data.images import images, split
from practicum.data.loader import Loader
from practicum.evaluation.classifier import accuracy, answers
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

FAILS = 1e-6  # a gradient further from centred differences than this, relative to its largest entry


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How many circuits are drawn, and how the digits are learned."""

    circuits: int = 200  # with forks, and as many without
    draws: int = 1000  # of numbers for the inputs of each pattern
    learn: Budget = Budget(
        steps=200, batch=1, rate=1.0, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )  # the batch becomes all the pictures there are


def exactness(setup: Setup, seed: int) -> dict[str, float]:
    """The engine on worked and random circuits, and how often the control is caught."""
    drawn = PATTERNS.circuit()
    bare: Labels = {wire: wire.label if not wire.children else "" for wire in drawn.wires}
    keep_text("pattern_circuit.svg", sketch(drawn.output, labels=bare, manner="wires").svg())
    off_torch, off_differences = 0.0, 0.0
    caught: dict[bool, list[bool]] = {True: [], False: []}  # by whether wires fork
    for index in range(2 * setup.circuits):
        generator = np.random.default_rng(derive(seed, "circuit", index))
        forks, gates = index % 2 == 0, int(generator.integers(5, 61))
        program, inputs = random_circuit(gates, forks=forks, generator=generator)
        net = circuit(program, inputs)
        ours, measured = net.gradient(inputs), differences(program, inputs)
        off_torch = max(off_torch, disagreement(ours, by_torch(program, inputs)))
        off_differences = max(off_differences, disagreement(ours, measured))
        if two_meet(net) or not forks:
            overwrite(net)
            caught[forks].append(disagreement(net.gradient(inputs), measured) > FAILS)
    return {
        "worked": max(each.error() for each in WORKED),
        "off_torch": off_torch,
        "off_differences": off_differences,
        "caught_at_forks": float(np.mean(caught[True])),
        "caught_without": float(np.mean(caught[False])),
    }


def by_torch(program: StraightLine, inputs: dict[str, float]) -> list[float]:
    """The gradient of the circuit by autograd."""
    leaves = {name: torch.tensor(x, dtype=torch.float64) for name, x in inputs.items()}
    for leaf in leaves.values():
        leaf.requires_grad_()
    out = program.computed(leaves, {**GATES, "max": torch.maximum})[program.output]
    return [gradient.item() for gradient in torch.autograd.grad(out, list(leaves.values()))]


def patterns(setup: Setup, seed: int) -> dict[str, float]:
    """Of add, max and multiply: at how many draws, or how far, they leave their pattern."""
    numbers = np.random.default_rng(derive(seed, "patterns")).normal(size=(setup.draws, 3)).tolist()
    add, largest, product = (
        [circuit(gate, x=x, y=y, c=c).gradients for x, y, c in numbers]
        for gate in ("c * (x + y)", "c * max(x, y)", "c * (x * y)")
    )
    ratios = [g["x"] * x / (g["y"] * y) for g, (x, y, _) in zip(product, numbers, strict=True)]
    return {
        "add_unequal": float(sum(g["x"] != g["y"] for g in add)),
        "max_shared": float(sum((g["x"] != 0) + (g["y"] != 0) != 1 for g in largest)),
        "multiply_off": max(abs(ratio - 1) for ratio in ratios),
    }


def scaled(
    setup: Setup, seed: int, *, factor: float = 1.0, rate: float = 1.0, standard: bool = False
) -> dict[str, float]:
    """Softmax regression on `factor` · x at `rate` times the usual learning rate."""
    numbers, scores = learned(setup, seed, factor, rate, standard)
    if rate * factor**2 == 1.0:  # should be as on x at every step
        _, usual = learned(setup, seed, 1.0, 1.0, standard)
        pairs = zip(scores, usual, strict=True)
        numbers["apart"] = max(float((a.softmax(1) - b.softmax(1)).abs().max()) for a, b in pairs)
    return numbers


def learned(
    setup: Setup, seed: int, factor: float, rate: float, standard: bool
) -> tuple[dict[str, float], list[Tensor]]:
    """What came out, and the scores of the test pictures after every step."""
    train, test = split(images("digits"), seed=seed)
    x, unseen = factor * train.pixels.astype(float), factor * test.pixels.astype(float)
    if standard:
        mean, spread = x.mean(0), x.std(0)
        spread[spread == 0.0] = 1.0  # pixels that are never inked
        x, unseen = (x - mean) / spread, (unseen - mean) / spread
    model = build(Perceptron(widths=(64, 10), output="identity"), seed=seed, dtype=torch.float64)
    weight = model.get_parameter("layers.0.weight")
    nn.init.zeros_(weight)
    scores: list[Tensor] = []
    gradients: list[float] = []

    def keep_scores(step: int, now: nn.Module) -> None:
        scores.append(torch.from_numpy(answers(now, unseen)))
        gradients.append(float(weight.grad.norm()) if weight.grad is not None else 0.0)

    trained = fit(
        model,
        Loader([*zip(x, train.labels.tolist(), strict=True)], len(x), seed=seed),
        CrossEntropy(),
        replace(setup.learn, batch=len(x), rate=rate * setup.learn.rate),
        seed=seed,
        params=[weight],
        watch=Watch(after_step=keep_scores),
    )
    found = {
        "gradient": gradients[0],
        "moved": float(scores[0].abs().mean()),  # by the first step, all scores being 0 before
        "loss": trained.loss,
        "accuracy": accuracy(model, unseen, test.labels),
    }
    return found, scores


ARMS = {
    "circuits": exactness,
    "patterns": patterns,
    "x": scaled,
    "1000x": partial(scaled, factor=1e3),
    "1000x at 1e-3": partial(scaled, factor=1e3, rate=1e-3),
    "1000x at 1e-6": partial(scaled, factor=1e3, rate=1e-6),
    "standardised x": partial(scaled, standard=True),
    "standardised 1000x": partial(scaled, factor=1e3, standard=True),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """Every arm is a trial of its own: of the engine, of the patterns, or of a scale."""
    return ARMS[arm](setup, seed)


def learning(rows: Rows) -> Picture:
    """The training loss on every scale."""
    return curves(rows, "loss", title="Softmax regression", y="nats per picture", log_y=True)


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(circuits=5, draws=20, learn=replace(CPU.learn, steps=3)),
        "cpu": CPU,
    },
    seeds={"smoke": 1, "cpu": 5},
    claims=(
        Claim(
            "the worked circuits come out to nine digits, values and gradients",
            value=lambda r: r.circuits.worked,
            at_most=1e-9,
            source="the four circuits of the notes, which round to two digits",
        ),
        Claim(
            "on random circuits the engine is torch's autograd to ten digits",
            value=lambda r: r.circuits.off_torch,
            at_most=1e-10,
            source="chain rule; float64 carries sixteen digits",
        ),
        Claim(
            "and centred differences to six",
            value=lambda r: r.circuits.off_differences,
            at_most=1e-6,
            source="chain rule; steps of 1e-5 leave about eight digits",
        ),
        Claim(
            "without += at forks the gradient is wrong where two gradients meet, 95 % of the time",
            value=lambda r: r.circuits.caught_at_forks,
            at_least=0.95,
            source='"Gradients add up at forks"; control',
        ),
        Claim(
            "and nowhere else: without forks it is right",
            value=lambda r: r.circuits.caught_without,
            at_most=0,
            source='"Gradients add up at forks"; control',
        ),
        Claim(
            "add gives both inputs the very same gradient",
            value=lambda r: r.patterns.add_unequal,
            at_most=0,
            source="Patterns in backward flow",
        ),
        Claim(
            "max gives exactly one input a gradient",
            value=lambda r: r.patterns.max_shared,
            at_most=0,
            source="Patterns in backward flow",
        ),
        Claim(
            "multiply gives gradients in the inverse ratio of its inputs",
            value=lambda r: r.patterns.multiply_off,
            at_most=1e-12,
            source="Patterns in backward flow",
        ),
        Claim(
            "the weight gradient is 1000 times larger on 1000 x, to a millionth",
            value=lambda r: abs(r["1000x"].gradient / r.x.gradient / 1000 - 1),
            at_most=1e-6,
            source="Patterns in backward flow, on multiplying all inputs by 1000",
        ),
        Claim(
            "the rate suits x: 93 % of unseen digits are read",
            value=lambda r: r.x.accuracy,
            at_least=0.93,
            source="the threshold is ours",
        ),
        Claim(
            "at the same rate on 1000 x the loss ends ten times higher",
            value=lambda r: r["1000x"].loss / r.x.loss,
            at_least=10,
            source="Patterns in backward flow, on lowering the learning rate; the factor is ours",
        ),
        Claim(
            "at a 1000th of the rate the function still moves 1000 times faster, to a millionth",
            value=lambda r: abs(r["1000x at 1e-3"].moved / r.x.moved / 1000 - 1),
            at_most=1e-6,
            source="derived here: gradient times input; corrects the notes' remedy",
        ),
        Claim(
            "at a millionth of the rate every prediction is as on x, at every step",
            value=lambda r: r["1000x at 1e-6"].apart,
            at_most=1e-4,
            source="derived here: W on 1000 x is W on x, over 1000",
        ),
        Claim(
            "standardised, both scales read 93 % at the one rate",
            value=lambda r: min(r[f"standardised {x}"].accuracy for x in ("x", "1000x")),
            at_least=0.93,
            source='"preprocessing matters"; the threshold is ours',
        ),
    ),
    plots=(learning,),
)
