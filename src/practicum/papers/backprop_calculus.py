"""Backpropagation calculus (3Blue1Brown 2017, deep learning, appendix to chapter 3).

The chain rule of a layered network, written out by hand:  ∂C₀/∂w_jk = a_k σ′(z_j) ∂C₀/∂a_j  and
∂C₀/∂a_k = Σ_j w_jk σ′(z_j) ∂C₀/∂a_j, the sum over all ways in which neuron k acts on the cost.
Claim: these few lines give every partial derivative, and the sum and the σ′ are both needed.

Each arm is a way to a gradient, laid beside the one by hand: torch's autograd, the complex step and
centred differences judge it on 64-16-16-10, on the video's 784-16-16-10 (the images enlarged) and
on random networks; three wrong derivations are the controls. Training is no judge, as its curves
show: with the indices of w swapped a network learns as well.
"""

import math
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from practicum import events
from practicum.autograd.activations import SIGMOID
from practicum.autograd.costs import one_hot
from practicum.autograd.derivation import derivation_sheet
from practicum.autograd.descent import Gradient, descend
from practicum.autograd.differences import centred, complex_step
from practicum.autograd.layers import Layered
from practicum.autograd.mistakes import strongest_path, swapped_indices, without_slope
from practicum.autograd.number_lines import drawn, tree
from practicum.autograd.paths import explain_partial
from practicum.autograd.trials import Trial, digit_trial, errors, errors_by_layer, random_trial
from practicum.data.images import images, split
from practicum.data.loader import Loader
from practicum.data.minibatches import minibatches
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.layered import by_autograd
from practicum.models.perceptron import Perceptron
from practicum.objectives.squares import SummedSquares
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The networks that are differentiated, and how long one is trained."""

    pictures: str = "digits"
    hidden: tuple[int, ...] = (16, 16)
    enlarged: int = 28  # the side of the video's images
    examples: int = 20  # in each check
    architectures: int = 20  # random ones
    timings: int = 10  # of which the shortest counts
    epochs: int = 60
    learn: Budget = Budget(
        steps=100, batch=10, rate=3.0, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )  # the steps are those of the comparison with torch
    their_epochs: int = 2  # by centred differences
    their_batch: int = 100


Data = tuple[Float[np.ndarray, "n i"], Float[np.ndarray, "n o"]]  # images and one-hot labels


ARMS: dict[str, Callable[[Layered], Gradient]] = {
    "hand": lambda network: network.gradient,
    "autograd": by_autograd,
    "complex step": lambda network: (
        lambda vector, x, y: complex_step(lambda at: network.mean_cost(at, x, y), vector)
    ),
    "differences": lambda network: (
        lambda vector, x, y: centred(lambda at: network.mean_cost(at, x, y), vector)
    ),
    "strongest path": lambda network: partial(network.gradient, back=strongest_path),
    "no slope": lambda network: without_slope(network).gradient,
    "swapped": lambda network: partial(network.gradient, back=swapped_indices),
}
JUDGES = ("autograd", "complex step", "differences")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """How far the arm's gradient is from the one by hand, how long it takes, and where it leads."""
    train, test = split(images(setup.pictures), seed=seed)
    x, y = train.pixels.astype(float), one_hot(train.labels, 10)
    few, start = slice(setup.examples), np.random.default_rng(derive(seed, "start"))
    trial = digit_trial(setup.hidden, x[few], y[few], start)
    gradient, hand = ARMS[arm](trial.network), trial.network.gradient(*trial.at)
    found = gradient(*trial.at)
    layers = errors_by_layer(trial.network, found, hand)
    numbers = {f"layer {number}": error for number, error in enumerate(layers, 1)}
    numbers["seconds"] = min(
        timeit.repeat(lambda: gradient(*trial.at), number=1, repeat=setup.timings)
    )
    if arm in JUDGES:
        show_histogram(errors(found, hand))
        numbers["error"] = max(
            float(errors(ARMS[arm](t.network)(*t.at), t.network.gradient(*t.at)).max())
            for t in [trial, *other_trials(setup, trial, seed)]
        )
    if arm == "hand":
        numbers["paths"] = paths_error(seed)
        show_chain(seed)
    if arm == "autograd":
        numbers["apart"] = apart_from_fit(setup, trial.network, (x, y), seed)
    elif arm == "differences":
        numbers["apart"] = apart_by_differences(setup, trial, (x, y), seed)
    elif arm != "complex step":
        vector = learnt(setup, gradient, trial, (x, y), seed)
        answers = trial.network.trace(vector, test.pixels.astype(float)).a[-1].argmax(1)
        numbers["accuracy"] = float((answers == test.labels).mean())
    return numbers


def other_trials(setup: Setup, digits: Trial, seed: int) -> Iterator[Trial]:
    """The video's own network, each pixel blown up to its image's size, and random networks."""
    side, new = math.isqrt(digits.x.shape[1]), setup.enlarged
    nearest = np.arange(new) * side // new
    large = digits.x.reshape(-1, side, side)[:, nearest][:, :, nearest].reshape(-1, new * new)
    start = np.random.default_rng(derive(seed, "large"))
    yield digit_trial(setup.hidden, large, digits.y, start)
    generator = np.random.default_rng(derive(seed, "architectures"))
    for _ in range(setup.architectures):
        yield random_trial(generator, setup.examples)


def show_histogram(found: Float[np.ndarray, " p"]) -> None:
    """How many partials have an error of each power of ten."""
    powers = np.floor(np.log10(np.maximum(found, 1e-17)))
    for power in range(-17, 1):
        count = float((powers == power).sum())
        events.emit(events.Metric(name="partials", value=count, step=power))


def paths_error(seed: int) -> float:
    """The sum over all paths of 3-2-2-1 beside the recursion: the largest error of a parameter."""
    network = Layered(widths=(3, 2, 2, 1), activations=(SIGMOID,) * 3)
    draw = np.random.default_rng(derive(seed, "paths"))
    at = draw.normal(size=network.size), draw.uniform(size=3), np.ones(1)
    summed = [explain_partial(network, *at, *network.place(i)).value for i in range(network.size)]
    return float(np.abs(summed / network.gradient_reference(*at) - 1).max())


def show_chain(seed: int) -> None:
    """The video's 1-1-1-1 with one weight nudged, as a tree of number lines, and its derivation."""
    network = Layered(widths=(1, 1, 1, 1), activations=(SIGMOID,) * 3)
    vector = np.random.default_rng(derive(seed, "chain")).normal(scale=2, size=network.size)
    at = vector, np.array([0.8]), np.array([1.0])
    keep_text("chain.svg", drawn(tree(network, *at, knob=0, by=0.6)))
    keep_text("derivation.tex", derivation_sheet(network, *at))


def learnt(setup: Setup, gradient: Gradient, trial: Trial, data: Data, seed: int) -> np.ndarray:
    """The parameters after training with this gradient."""
    batch, vector = setup.learn.batch, trial.vector
    a_epoch = len(data[0]) // batch
    given = islice(minibatches(*data, batch, seed=seed), setup.epochs * a_epoch)
    path = descend(trial.vector, gradient, given, rate=setup.learn.rate)
    for step, vector in enumerate(path, start=1):
        if step % a_epoch == 0:
            cost = trial.network.mean_cost(vector, *data).real
            events.emit(events.Metric(name="cost", value=cost, step=step // a_epoch))
    return vector


def apart_from_fit(setup: Setup, network: Layered, data: Data, seed: int) -> float:
    """How far a parameter is from torch's after the same steps by hand and by the usual loop."""
    model = build(Perceptron(widths=network.widths), seed=seed, dtype=torch.float64)
    start = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    learn, pairs = setup.learn, list(zip(*data, strict=True))
    fit(model, Loader(pairs, learn.batch, seed=seed), SummedSquares(), learn, seed=seed)
    theirs = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    given = islice(minibatches(*data, learn.batch, seed=seed), learn.steps)
    *_, ours = descend(start, network.gradient, given, rate=learn.rate)
    return float(np.abs(ours - theirs).max())


def apart_by_differences(setup: Setup, trial: Trial, data: Data, seed: int) -> float:
    """The same for training by centred differences, which read all images thousands of times."""
    size, ends = setup.their_batch, []
    for arm in ("hand", "differences"):
        given = islice(
            minibatches(*data, size, seed=seed), setup.their_epochs * len(data[0]) // size
        )
        *_, end = descend(trial.vector, ARMS[arm](trial.network), given, rate=setup.learn.rate)
        ends.append(end)
    return float(np.abs(ends[0] - ends[1]).max())


def errors_of_partials(rows: Rows) -> Picture:
    """How many of the 1,482 partials each judge finds apart from those by hand, and how far."""
    return curves(
        rows,
        "partials",
        title="Every partial derivative, laid beside the one by hand",
        x="power of ten of the relative error",
        y="partials",
    )


def time_for_a_gradient(rows: Rows) -> Picture:
    """Seconds for all partials on 20 images."""
    figure = bars(rows, "seconds", title="One gradient of 20 images", y="seconds")
    figure.axes[0].set_yscale("log")
    figure.axes[0].tick_params(axis="x", labelsize=8)
    return figure


def learning(rows: Rows) -> Picture:
    """The training cost of the right gradient and of the wrong ones."""
    return curves(rows, "cost", title="Training by each gradient", x="epoch", y="cost", log_y=True)


PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(
            hidden=(2, 2),
            enlarged=6,
            examples=5,
            architectures=1,
            timings=1,
            epochs=1,
            learn=replace(Setup().learn, steps=5),
            their_epochs=1,
            their_batch=1347,
        ),
        "cpu": Setup(),
    },
    seeds={"smoke": 1, "cpu": 5},
    claims=(
        Claim(
            "autograd and the complex step agree on every partial to ten digits",
            value=lambda r: max(r.autograd.error, r["complex step"].error),
            at_most=1e-10,
            source="the formulas; float64 carries sixteen digits",
        ),
        Claim(
            "centred differences agree to five digits, all that they have",
            value=lambda r: r.differences.error,
            at_most=1e-5,
            source="the formulas; rounding over the step leaves about five digits",
        ),
        Claim(
            "the strongest path alone is right where nothing is summed, in the last layer",
            value=lambda r: r["strongest path"]["layer 3"],
            at_most=1e-10,
            source="the sum over j; control",
        ),
        Claim(
            "in the hidden layers it is wrong by a tenth or more",
            value=lambda r: min(r["strongest path"]["layer 1"], r["strongest path"]["layer 2"]),
            at_least=0.1,
            source="the sum over j; the margin is ours",
        ),
        Claim(
            "without σ′ every layer is wrong by 30 % or more",
            value=lambda r: min(r["no slope"][f"layer {number}"] for number in (1, 2, 3)),
            at_least=0.3,
            source="∂a/∂z = σ′(z); the margin is ours",
        ),
        Claim(
            "w_kj for w_jk is wrong by 30 % or more where its shape passes at all",
            value=lambda r: r.swapped["layer 1"],
            at_least=0.3,
            source="the order of indices; the margin is ours",
        ),
        Claim(
            "the explicit sum over all paths of 3-2-2-1 is the recursion",
            value=lambda r: r.hand.paths,
            at_most=1e-12,
            source="the sum over j, unrolled",
        ),
        Claim(
            "centred differences take 100 times as long as one pass back",
            value=lambda r: r.differences.seconds / r.hand.seconds,
            at_least=100,
            source="2 · 1,482 passes forward against about 3; the margin is ours",
        ),
        Claim(
            "two epochs by either lead to the same parameters",
            value=lambda r: r.differences.apart,
            at_most=1e-5,
            source="both are ∇C",
        ),
        Claim(
            "a hundred steps by hand and by torch lead to the same parameters",
            value=lambda r: r.autograd.apart,
            at_most=1e-9,
            source="both are ∇C",
        ),
        Claim(
            "the gradient by hand trains the network to 95 % of new images",
            value=lambda r: r.hand.accuracy,
            at_least=0.95,
            source="about 96 % in chapter 2, there of MNIST",
        ),
    ),
    plots=(errors_of_partials, time_for_a_gradient, learning),
)
