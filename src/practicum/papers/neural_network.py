"""But what is a neural network? (3Blue1Brown 2017, deep learning chapter 1).

The digit network is a plain function from pixels to ten activations, layer by layer
a⁽ˡ⁾ = σ(W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾), σ(z) = 1/(1 + e⁻ᶻ), and the brightest output is the answer. Row j of W
says which pattern neuron j looks for, its bias how strong the pattern must be.
Claim: two hidden layers of 16 neurons have what it takes to read digits, with 13,002 numbers to
set; every one of them can be looked at and set by hand.

The controls are the same network with random numbers, the commonest digit for everything, and no
hidden layer. The last one shows that on 8 × 8 digits the layers are not needed for the accuracy.
Reported beside them: a first layer of hand-made edges, which is the hoped-for hierarchy, does no
better than one of frozen noise, and both stay far behind a first layer that learns.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from practicum import events
from practicum.data.images import Images, images, split
from practicum.data.loader import Loader
from practicum.evaluation.classifier import accuracy
from practicum.interpret.dense import rows as as_rows
from practicum.interpret.dense import trace
from practicum.interpret.dense_checks import disagreement, strays
from practicum.interpret.edges import detecting, edges, fires
from practicum.interpret.network_layout import figure, laid_out
from practicum.interpret.network_picture import activity
from practicum.interpret.perceptron import set_weights, weight_images
from practicum.interpret.shapes import svg
from practicum.lab.kept import keep_picture, keep_text
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.lab.sheets import sheet
from practicum.models.build import build, parameters_of
from practicum.models.families.perceptron import SIZES
from practicum.models.perceptron import Perceptron, PerceptronModel, Start
from practicum.objectives.squares import SummedSquares
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

DIGITS = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network, its pictures, and the recipe of the next chapter that trains it."""

    data: str = "digits"  # or "mnist", 5,000 images: --set data=mnist --set learn.steps=22500
    network: Perceptron = SIZES["digits"][0]
    learn: Budget = Budget(
        steps=8_082,  # 60 epochs of 1,347 images
        batch=10,
        rate=3.0,  # Nielsen's book, chapter 1
        schedule=Constant(),
        warmup=0,
        optimiser=SGD(),
        clip=None,
    )
    checked: int = 100  # images on which the implementations are compared


@dataclass(frozen=True, kw_only=True)
class Arm:
    """How the numbers of the network come to be."""

    start: Start = "scaled"
    hidden: bool = True
    first: Literal["learnt", "edges", "noise"] = "learnt"  # the last two stay as they are
    learns: bool = True


ARMS = {
    "scaled": Arm(),
    "unit": Arm(start="unit"),
    "edges": Arm(first="edges"),
    "noise": Arm(first="noise"),
    "no_hidden": Arm(hidden=False),
    "random": Arm(learns=False),
    "constant": None,
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One network, its accuracy on new images, and what is exact about it."""
    train, test = split(images(setup.data), seed=seed)
    chosen = ARMS[arm]
    if chosen is None:
        return {"accuracy": float((test.labels == np.bincount(train.labels).argmax()).mean())}
    model = made(setup, chosen, train, seed)
    numbers = {"accuracy": accuracy(model, test.pixels, test.labels)}
    if arm == "scaled":
        draw(model, test)
    if arm == "random":
        exact = model.double()
        pixels = test.pixels[: setup.checked].astype(np.float64)
        numbers |= {
            "disagreement": disagreement(exact, pixels),
            "strays": float(strays(exact, pixels[:1])),
            "miscounted": float(miscounted()),
            **set_by_hand(exact, test),
        }
    return numbers


def made(setup: Setup, arm: Arm, train: Images, seed: int) -> PerceptronModel:
    """The arm's network after training, or before it where nothing learns."""
    inputs, widths = train.pixels.shape[1], setup.network.widths
    widths = (inputs, *widths[1:]) if arm.hidden else (inputs, widths[-1])
    model = build(replace(setup.network, widths=widths, start=arm.start), seed=seed)
    if arm.first == "edges":
        for neuron, picture in enumerate(edges(train.side, widths[1])):
            set_weights(model, neuron, picture)
    learning = model.layers if arm.first == "learnt" else model.layers[1:]
    if arm.learns:
        loader = Loader(train, setup.learn.batch, seed=seed)
        params = [p for layer in learning for p in layer.parameters()]
        fit(model, loader, SummedSquares(), setup.learn, seed=seed, params=params)
    return model


def miscounted() -> int:
    """Parameters too many or too few: of the descriptions, and of the modules."""
    return sum(
        abs(count - wanted)
        for description, wanted in SIZES.values()
        for count in (
            parameters_of(description),
            sum(p.numel() for p in build(description).parameters()),
        )
    )


def set_by_hand(model: PerceptronModel, test: Images) -> dict[str, float]:
    """A neuron whose knobs are turned: its bias from +10 to −10, then bars at every place."""
    biases = range(10, -11, -1)
    fired = fires(model, edges(test.side)[0], [float(bias) for bias in biases], test.pixels)
    for bias, share in zip(biases, fired.mean(axis=1).tolist(), strict=True):
        events.emit(events.Metric(name="firing", value=share, step=bias))
    seeing = detecting(model, test.side, surround=-1.0)
    return {
        "entered": float((fired[1:] & ~fired[:-1]).sum()),
        "fire_at_10": float(fired[0].mean()),
        "fire_at_minus_10": float(fired[-1].mean()),
        "on_bar": seeing.bar,
        "on_bright": seeing.bright_high,
        "blind": detecting(model, test.side, surround=0.0).bright_low,
    }


def draw(model: PerceptronModel, test: Images) -> None:
    """The network on one new image of each digit, and what its first layer looks for."""
    chosen = [int(np.flatnonzero(test.labels == digit)[0]) for digit in np.unique(test.labels)]
    layers = trace(model, as_rows(test.pixels[chosen], model))
    pictures = [
        activity(layers, place, title=f"a {digit}", side=test.side, labels=DIGITS)
        for place, digit in enumerate(np.unique(test.labels).tolist())
    ]
    keep_picture("networks", figure(pictures))
    keep_text("network.svg", svg(laid_out(pictures[3])))
    weights = weight_images(model)
    captions = [f"neuron {j}" for j in range(len(weights))]
    title = "Weights into the first hidden layer (blue +, red −)"
    keep_picture("weights", sheet(weights, captions, title=title, signed=True))


def accuracies(rows: Rows) -> Picture:
    """Every way of setting the numbers, controls at the right."""
    return bars(rows, "accuracy", title="Digits read rightly, of new images", y="accuracy")


def bias_meaning(rows: Rows) -> Picture:
    """How many images fire one neuron, as the pattern has to be ever stronger."""
    bare = replace(rows, arms=("random",))
    title = "The bias says how strong the pattern must be"
    return curves(bare, "firing", title=title, y="share of images that fire", x="bias")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(CPU, learn=replace(CPU.learn, steps=20), checked=10),
        "cpu": CPU,
        "gpu": replace(  # all of MNIST, 30 epochs; a CPU does it as well
            CPU,
            data="openml:mnist_784",
            learn=replace(CPU.learn, steps=157_500),
        ),
    },
    seeds={"smoke": 1, "cpu": 8, "gpu": 10},
    claims=(
        Claim(
            "neuron by neuron, by matrices and in batches give the same outputs",
            value=lambda r: r.random.disagreement,
            at_most=1e-12,
            source="the video's last formula; double precision",
        ),
        Claim(
            "a moved weight reaches its neuron and all after it, and nothing else",
            value=lambda r: r.random.strays,
            at_most=0,
            source="the video's layers",
        ),
        Claim(
            "784-16-16-10 has 13,002 parameters, 64-16-16-10 has 1,482",
            value=lambda r: r.random.miscounted,
            at_most=0,
            source='the video: "almost exactly 13,000"',
        ),
        Claim(
            "trained, it reads 95 % of new digits",
            value=lambda r: r.scaled.accuracy,
            at_least=0.95,
            source="chapter 2: about 96 % on MNIST",
        ),
        Claim(
            "it does so from numbers drawn from N(0, 1) as well",
            value=lambda r: r.unit.accuracy,
            at_least=0.95,
            source="chapter 2: about 96 % on MNIST",
        ),
        Claim(
            "with random numbers it reads 20 % at most",
            value=lambda r: r.random.accuracy,
            at_most=0.2,
            source="control",
        ),
        Claim(
            "the commonest digit for everything is right 12 % of the time at most",
            value=lambda r: r.constant.accuracy,
            at_most=0.12,
            source="control: ten digits, about as many of each",
        ),
        Claim(
            "here the layers are not what it takes: without them within 5 points",
            value=lambda r: r.scaled.accuracy - r.no_hidden.accuracy,
            at_most=0.05,
            source="control; the margin is ours",
        ),
        Claim(
            "as the bias falls the images that fire a neuron only become fewer",
            value=lambda r: r.random.entered,
            at_most=0,
            source="the video: the bias says how high the sum must be",
        ),
        Claim(
            "a bar fires the neuron whose weights were set by hand, wherever it lies",
            value=lambda r: r.random.on_bar,
            above=0.5,
            source="the video's edge",
        ),
        Claim(
            "a bright picture does not",
            value=lambda r: r.random.on_bright,
            below=0.5,
            source="the video's edge",
        ),
        Claim(
            "without negative weights around the bar it would",
            value=lambda r: r.random.blind,
            above=0.5,
            source="control",
        ),
    ),
    plots=(accuracies, bias_meaning),
)
