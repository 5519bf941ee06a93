"""Gradient descent, how neural networks learn (3Blue1Brown 2017, deep learning chapter 2).

The cost of one image is Cᵢ = Σⱼ (aⱼ − yⱼ)², y one-hot, that of the network C = (1/n) Σᵢ Cᵢ, a
function of all its weights and biases. A step goes down the steepest way:  θ ← θ − η ∇C.
Claim: so trained, the digit network reads about 96 % of new images; but it gives a picture of noise
a confident answer, its weights are no neat edges, and a large network learns shuffled labels too,
only more slowly (Zhang et al. 2017, Arpit et al. 2017).

Controls: no step, a step the wrong way, the same network shown noise while it learns, and a small
network that has no room for shuffled labels. A cost near 0.90 means that every output is at the
share of its class, one near 1.00 that all are saturated at 0: plateaus that look like bugs.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from practicum import events
from practicum.autograd.playground import Walk, ends, formula, heights, nudged, walk
from practicum.data.images import Images, images, split
from practicum.data.loader import Loader
from practicum.data.noise_images import beside_noise
from practicum.evaluation.classifier import accuracy, answers
from practicum.evaluation.examination import (
    Classifier,
    epochs_to,
    examine,
    one_hot_costs,
    plateaus,
    shuffled_labels,
    softmax,
)
from practicum.evaluation.examination_sheets import noise_sheet, worst_sheet
from practicum.interpret.autocorrelation import mean_morans_i
from practicum.interpret.edges import edges
from practicum.interpret.importance import importance
from practicum.interpret.network_layout import laid_out
from practicum.interpret.network_picture import importance_picture
from practicum.interpret.perceptron import weight_images
from practicum.interpret.shapes import svg
from practicum.lab.kept import keep_array, keep_picture, keep_text, kept_array
from practicum.lab.landscapes import contours, valleys
from practicum.lab.paper import Claim, Paper, Picture, Validity
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.lab.sheets import sheet
from practicum.models.build import build
from practicum.models.families.perceptron import SIZES
from practicum.models.perceptron import Perceptron, PerceptronModel
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.objective import Objective
from practicum.objectives.squares import SummedSquares
from practicum.objectives.uphill import Uphill
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.landscape import Path, weights_of
from practicum.training.landscape_survey import survey
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD, AdamW
from practicum.training.schedules import Constant

DIGITS = tuple("0123456789")
QUIET = Watch()
VALLEYS = formula("x**4 - 3*x**2 + x/2")
MAP = formula("(x**2 + y - 11)**2 + (x + y**2 - 7)**2")  # Himmelblau (1972): four equal minima
Numbers = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The digit network and its recipe, and the large network that has room for any labels."""

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
    look_every: int = 135  # steps between two points of the cost curves: an epoch
    whole_rate: float = 0.5  # of steps on all images at once
    whole_steps: int = 300
    noise_share: float = 0.25  # of images of noise beside the digits, nothing wanted of them
    large: Perceptron = Perceptron(
        widths=(64, 512, 512, 10), activation="relu", output="identity", start="he"
    )
    small: Perceptron = Perceptron(
        widths=(64, 16, 16, 10), activation="relu", output="identity", start="he"
    )
    memorise: Budget = Budget(
        steps=2_520,  # 120 epochs of 21 batches
        batch=64,
        rate=2e-3,
        schedule=Constant(),
        warmup=0,
        optimiser=AdamW(betas=(0.9, 0.999), decay=0.0),
        clip=None,
    )
    tweak: Perceptron = Perceptron(widths=(64, 32, 32, 10), output="identity")
    tweak_rate: float = 0.5  # of softmax and cross-entropy, else as `learn`
    grid: int = 21  # points along each axis of the map around the path of training
    line: int = 101  # and along each line


def run(setup: Setup, arm: str, seed: int) -> Numbers:
    """One arm on one split of the pictures."""
    train, test = split(images(setup.data), seed=seed)
    return ARMS[arm](reading(setup, train), train, test, seed)


def reading(setup: Setup, train: Images) -> Setup:
    """The setup with an input neuron for every pixel of these pictures."""
    inputs = train.pixels.shape[1]
    fields = ("network", "large", "small", "tweak")
    networks: dict[str, Perceptron] = {name: getattr(setup, name) for name in fields}
    widths = {name: (inputs, *each.widths[1:]) for name, each in networks.items()}
    return replace(setup, **{n: replace(each, widths=widths[n]) for n, each in networks.items()})


def network(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The recipe, and the four examinations of what comes out."""
    before = build(setup.network, seed=seed)
    watch = Watch(after_step=partial(look, setup, train, test))
    model = fitted(setup.network, train, SummedSquares(), setup.learn, seed, watch)
    felt = importance(model, SummedSquares(), train, batch=len(train), seed=seed)
    classifier = partial(answers, model)
    weights = weight_images(model)
    captions = [f"neuron {j}" for j in range(len(weights))]
    keep_picture("weights", sheet(weights, captions, title="First layer", signed=True))
    keep_picture("noise", noise_sheet(classifier, test.side, seed=seed))
    keep_picture("worst", worst_sheet(classifier, test))
    picture = importance_picture(felt, model, title="what the cost feels", labels=DIGITS)
    keep_text("importance.svg", svg(laid_out(picture)))
    flat = plateaus(train.labels, len(DIGITS))
    means = np.stack([train.pixels[train.labels == d].mean(0) for d in range(len(DIGITS))])
    return {
        **examined(classifier, test, seed),
        "plateau_prior": flat.prior,
        "plateau_silent": flat.silent,
        "steepest_tenth": felt.share(0.1),
        "start_correlation": mean_morans_i(weight_images(before)),
        "correlation": mean_morans_i(weights),
        "edge_correlation": mean_morans_i(edges(train.side)),
        "digit_correlation": mean_morans_i(means.reshape(-1, train.side, train.side)),
    }


def still(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """Steps of no length: η = 0."""
    budget = replace(setup.learn, rate=0.0, steps=20)
    model = fitted(setup.network, train, SummedSquares(), budget, seed)
    return {"accuracy": accuracy(model, test.pixels, test.labels)}


def shown_noise(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The recipe with images of noise among the digits, of which every output is to be 0."""
    examples = beside_noise(
        train, share=setup.noise_share, classes=len(DIGITS), seed=derive(seed, "training")
    )
    epochs = setup.learn.steps / len(train)
    budget = replace(setup.learn, steps=max(1, round(epochs * len(examples))))
    model = fitted(setup.network, examples, SummedSquares(), budget, seed)
    return examined(partial(answers, model), test, seed)


def tweaked(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """Twice as wide, with softmax and cross-entropy; reported, not judged."""
    budget = replace(setup.learn, rate=setup.tweak_rate)
    model = fitted(setup.tweak, train, CrossEntropy(), budget, seed)
    return examined(softmax(partial(answers, model)), test, seed)


def whole_batch(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """Steps on all images at once: each goes down, if only to the plateau at 0.90."""
    costs = stepped(setup, train, SummedSquares(), setup.whole_steps, seed)
    return {"falling": float((costs[1:] < costs[:-1]).mean()), "cost": float(costs[-1])}


def uphill(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The same steps with the sign of the gradient turned."""
    costs = stepped(setup, train, Uphill(SummedSquares()), 20, seed)
    return {"rising": float((costs[1:] > costs[:-1]).mean()), "cost": float(costs[-1])}


def true_labels(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The large network learns the digits."""
    return memorised(setup, setup.large, train, test, seed)


def shuffled(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The same network, the same start and order, the labels dealt out at random."""
    dealt = Images(train.pixels, shuffled_labels(train.labels, seed=seed))
    return memorised(setup, setup.large, dealt, test, seed)


def small_shuffled(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """Those labels for the network of 1,482 parameters."""
    dealt = Images(train.pixels, shuffled_labels(train.labels, seed=seed))
    return memorised(setup, setup.small, dealt, test, seed)


def landscape(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """The cost between two trained networks, around one, and on the plane of its path."""
    path = Path(every=max(1, setup.learn.steps // 60))
    start = weights_of(build(setup.network, seed=seed))
    watch, cost = Watch(after_step=path), SummedSquares()
    model = fitted(setup.network, train, cost, setup.learn, seed, watch)
    other = fitted(setup.network, train, cost, setup.learn, derive(seed, "other"))
    found = survey(
        model,
        weights_of(other),
        [start, *path.points],
        held_out_loss(cost, train, batch=len(train)),
        seed=seed,
        grid=setup.grid,
        steps=setup.line,
    )
    keep_array("to another network", found.between)
    for number, values in enumerate(found.directions, 1):
        keep_array(f"random direction {number}", values)
    keep_array("rights", found.rights)
    keep_array("ups", found.ups)
    keep_array("heights", found.heights)
    keep_array("path right", found.path[:, 0])
    keep_array("path up", found.path[:, 1])
    return {"barrier": found.barrier, "path_in_plane": found.shown}


def formulas(setup: Setup, train: Images, test: Images, seed: int) -> Numbers:
    """Descents that can be seen: on a curve with two valleys, and on a map with four."""
    starts = np.random.default_rng(derive(seed, "starts")).uniform(-2, 2, 20)
    walks = [walk(VALLEYS, [start], rate=0.02, steps=400) for start in starts.tolist()]
    first, second = nudged(formula("3*x + y"), [0.5, 0.5], 1e-3)
    draw_walks(walks)
    return {
        "valleys": len(ends(walks, apart=0.1)),
        "slope_at_end": max(abs(float(each.slopes[-1, 0])) for each in walks),
        "last_step": max(float(each.lengths[-1] / each.lengths.max()) for each in walks),
        "felt_more": float(first / second),
    }


ARMS = {
    "network": network,
    "still": still,
    "shown_noise": shown_noise,
    "tweaked": tweaked,
    "whole_batch": whole_batch,
    "uphill": uphill,
    "true_labels": true_labels,
    "shuffled": shuffled,
    "small_shuffled": small_shuffled,
    "landscape": landscape,
    "formulas": formulas,
}


def fitted(
    description: Perceptron,
    examples: Sequence[Any],
    objective: Objective[Any],
    budget: Budget,
    seed: int,
    watch: Watch = QUIET,
) -> PerceptronModel:
    """The network of `description` from the start that the seed gives, trained."""
    model = build(description, seed=seed)
    fit(model, Loader(examples, budget.batch, seed=seed), objective, budget, seed=seed, watch=watch)
    return model


def examined(classifier: Classifier, test: Images, seed: int) -> Numbers:
    """The numbers of an examination."""
    found = asdict(examine(classifier, test.pixels, test.labels, seed=seed))
    return {name: value for name, value in found.items() if name != "plateau"}


def look(setup: Setup, train: Images, test: Images, step: int, model: nn.Module) -> None:
    """Points of the cost curves, every so often."""
    if step % setup.look_every and step != 1:
        return
    for name, some in (("training images", train), ("new images", test)):
        cost = one_hot_costs(answers(model, some.pixels), some.labels).mean()
        events.emit(events.Metric(name=name, value=float(cost), step=step))


def stepped(
    setup: Setup, train: Images, objective: Objective[Any], steps: int, seed: int
) -> np.ndarray:
    """C before the first step and after each, all images in every step."""
    measure = held_out_loss(SummedSquares(), train, batch=len(train))
    costs: list[float] = []

    def keep_cost(step: int, model: nn.Module) -> None:
        with torch.no_grad():
            costs.append(measure(model))

    keep_cost(0, build(setup.network, seed=seed))
    budget = replace(setup.learn, steps=steps, batch=len(train), rate=setup.whole_rate)
    fitted(setup.network, train, objective, budget, seed, Watch(after_step=keep_cost))
    return np.array(costs)


def memorised(
    setup: Setup, description: Perceptron, train: Images, test: Images, seed: int
) -> Numbers:
    """Training accuracy after every epoch, and what is left of it on new images."""
    epoch, curve = round(len(train) / setup.memorise.batch), []

    def after_step(step: int, model: Any) -> None:
        if step % epoch == 0:
            curve.append(accuracy(model, train.pixels, train.labels))
            name = "training accuracy"
            events.emit(events.Metric(name=name, value=curve[-1], step=step // epoch))

    watch = Watch(after_step=after_step)
    model = fitted(description, train, CrossEntropy(), setup.memorise, seed, watch)
    return {
        "train_accuracy": accuracy(model, train.pixels, train.labels),
        "accuracy": accuracy(model, test.pixels, test.labels),
        "epochs_to_60": epochs_to(curve, 0.6),
    }


def draw_walks(walks: Sequence[Walk]) -> None:
    """The descents on the two formulas."""
    xs = np.linspace(-2.2, 2.2, 200)
    some = sorted(walks, key=lambda each: float(each.points[0, 0]))[::6]
    shown = {f"from {each.points[0, 0]:.2f}": each for each in some}
    places = {name: np.column_stack([w.points[:, 0], w.values]) for name, w in shown.items()}
    title = "Where a descent ends depends on where it starts"
    keep_picture(
        "valleys", valleys(xs, VALLEYS(xs[None]), title=title, x="x", y=VALLEYS.text, walks=places)
    )
    axis = np.linspace(-5, 5, 81)
    starts = ((-4.0, 4.5), (0.5, -1.0), (-0.5, -1.0), (1.0, 4.0))
    paths = {f"from {s}": walk(MAP, s, rate=2e-3, steps=400).points for s in starts}
    ground = 1 + heights(MAP, axis, axis)  # above 0, for the scale
    keep_picture(
        "contours",
        contours(axis, axis, ground, title=f"1 + {MAP.text}", x="x", y="y", paths=paths, log=True),
    )


def learning(rows: Rows) -> Picture:
    """The cost of images trained on and of new ones; dotted, where networks stand still."""
    bare, names = replace(rows, arms=("network",)), ("training images", "new images")
    figure = curves(bare, names, title="Learning", y="cost")
    for axes in figure.axes:
        for cost, side, value in ((0.9, "top", 0.1), (1.0, "bottom", 0)):
            axes.axhline(cost, color="grey", linewidth=0.8, linestyle=":")
            axes.annotate(f"all outputs at {value}", (axes.get_xlim()[1] / 2, cost), va=side)
    return figure


def memory(rows: Rows) -> Picture:
    """True against shuffled labels."""
    arms = ("true_labels", "shuffled", "small_shuffled")
    title, name = "Labels dealt out at random are learnt by heart, slowly", "training accuracy"
    return curves(replace(rows, arms=arms), name, title=title, y=name, x="epoch")


def slices(rows: Rows) -> Picture:
    """The cost along lines from the trained network."""
    names = ("to another network", "random direction 1", "random direction 2")
    title, x = "The landscape along lines", "percent of the way"
    return curves(replace(rows, arms=("landscape",)), names, title=title, y="cost", x=x)


def around_the_path(rows: Rows) -> Picture:
    """The map on which the first seed's training went."""
    names = ("rights", "ups", "path right", "path up")
    rights, ups, *path = (kept_array(rows, "landscape", name) for name in names)
    return contours(
        rights,
        ups,
        kept_array(rows, "landscape", "heights", len(ups), len(rights)),
        title="The cost on the plane in which training moved most",
        x="first principal direction",
        y="second",
        paths={"training": np.column_stack(path)},
        log=True,
    )


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU,
            learn=replace(CPU.learn, steps=12),
            look_every=6,
            whole_steps=3,
            large=replace(CPU.large, widths=(64, 32, 32, 10)),
            memorise=replace(CPU.memorise, steps=22),
            grid=3,
            line=3,
        ),
        "cpu": CPU,
        "gpu": replace(  # all of MNIST, 30 epochs
            CPU,
            data="openml:mnist_784",
            learn=replace(CPU.learn, steps=157_500),
            look_every=5_250,
            large=replace(CPU.large, widths=(784, 2048, 2048, 10)),
            memorise=replace(CPU.memorise, steps=98_400),
        ),
    },
    seeds={"smoke": 1, "cpu": 5, "gpu": 3},
    validity=(
        Validity(
            "the large network learns the true labels",
            value=lambda r: r.true_labels.train_accuracy,
            at_least=0.95,
        ),
    ),
    claims=(
        Claim(
            "the recipe reads 95 % of new images",
            value=lambda r: r.network.accuracy,
            at_least=0.95,
            source="the video: about 96 % on MNIST",
        ),
        Claim(
            "without steps 20 % at most",
            value=lambda r: r.still.accuracy,
            at_most=0.2,
            source="control: η = 0",
        ),
        Claim(
            "on all images at once 99 % of the steps lower the cost",
            value=lambda r: r.whole_batch.falling,
            at_least=0.99,
            source="the video: θ ← θ − η ∇C",
        ),
        Claim(
            "with the sign turned each of 20 steps raises it",
            value=lambda r: r.uphill.rising,
            at_least=1,
            source="control",
        ),
        Claim(
            "where a descent ends depends on where it starts",
            value=lambda r: r.formulas.valleys,
            at_least=2,
            source="the video: valleys of a curve",
        ),
        Claim(
            "steps shrink by themselves as the slope flattens, a thousandfold",
            value=lambda r: r.formulas.last_step,
            at_most=1e-3,
            source="the video: steps proportional to the slope",
        ),
        Claim(
            "of a gradient (3, 1) the first variable is felt three times as much",
            value=lambda r: abs(r.formulas.felt_more - 3),
            at_most=1e-9,
            source="the video's reading of ∇C",
        ),
        Claim(
            "30 % of images of noise get a confident answer",
            value=lambda r: r.network.confident_of_noise,
            at_least=0.3,
            source="the video: confident nonsense",
        ),
        Claim(
            "shown noise while it learns, it is sure of 5 % at most",
            value=lambda r: r.shown_noise.confident_of_noise,
            at_most=0.05,
            source="control",
        ),
        Claim(
            "and reads digits no worse, within 2 points",
            value=lambda r: r.shown_noise.accuracy - r.network.accuracy,
            at_least=-0.02,
            source="control; the margin is ours",
        ),
        Claim(
            "first-layer weights start as noise: Moran's I within ± 0.1",
            value=lambda r: abs(r.network.start_correlation),
            at_most=0.1,
            source="control",
        ),
        Claim(
            "training gives them loose patterns",
            value=lambda r: r.network.correlation - abs(r.network.start_correlation),
            above=0,
            source="the video: loose patterns in the middle",
        ),
        Claim(
            "no neat ones: Moran's I at most 0.5",
            value=lambda r: r.network.correlation,
            at_most=0.5,
            source="the video: almost random; an edge has 0.74",
        ),
        Claim(
            "edges and whole digits are smoother",
            value=lambda r: (
                min(r.network.edge_correlation, r.network.digit_correlation) - r.network.correlation
            ),
            above=0,
            source="control",
        ),
        Claim(
            "a large network learns 90 % of shuffled labels",
            value=lambda r: r.shuffled.train_accuracy,
            at_least=0.9,
            source="Zhang et al. 2017",
        ),
        Claim(
            "which says nothing of new images: 20 % at most",
            value=lambda r: r.shuffled.accuracy,
            at_most=0.2,
            source="control",
        ),
        Claim(
            "it takes them four times as many epochs to 60 %",
            value=lambda r: r.shuffled.epochs_to_60 / r.true_labels.epochs_to_60,
            at_least=4,
            source="Arpit et al. 2017",
        ),
        Claim(
            "a network of 1,482 parameters learns 60 % of them at most",
            value=lambda r: r.small_shuffled.train_accuracy,
            at_most=0.6,
            source="control",
        ),
    ),
    plots=(learning, memory, slices, around_the_path),
)
