"""What is backpropagation really doing? (3Blue1Brown 2017, deep learning, chapter 3).

Each image wishes for nudges: every output up or down by its distance 2(y_j − a_j), granted through
bias, weights ΔW_jk = a_k w_j s_j, and the activations below, which hear Σ_j W_jk w_j s_j.
Claim: these nudges, averaged, are −∇C; heeding one digit alone teaches nothing but that digit; and
a few images at a time lead down as well as all at once, at a small part of the cost.

64-16-16-10 of sigmoids learns the 8 × 8 digits by such nudges, cost Σ(a − y)². Arms: the identities
of the nudges; batches of ten in shuffled order, sorted by digit, and of one digit alone; and three
batch sizes that race, each with its best rate. The cosine of a batch with the whole gradient is
compared with 1/√(1 + B/b), B the noise scale (McCandlish et al. 2018).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise, repeat

import numpy as np
from jaxtyping import Float, Int

from practicum import events
from practicum.autograd.costs import one_hot
from practicum.autograd.descent import Fall, descend, fall, principal_plane
from practicum.autograd.noise_scale import expected_cosine, mean_cosine, noise_scale
from practicum.autograd.nudges import Wishes, joined, per_sample_nudges, wishes
from practicum.autograd.trials import Trial, digit_trial, errors_by_layer
from practicum.autograd.wish_picture import nudge_strips, wish_picture
from practicum.data.images import Images, images, split
from practicum.data.minibatches import minibatches
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture, Results
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.layered import by_autograd
from practicum.seeding import derive

Vector = Float[np.ndarray, " p"]
Pixels = Float[np.ndarray, "n _"]
Batches = Iterator[tuple[Pixels, Pixels]]
SIZES = (1, 10, 100, 500)  # of the batches whose cosines are taken
STAGES = (0, 1, 5, 20)  # after so many epochs


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network, and how long it listens to whom."""

    pictures: str = "digits"
    pictures_used: int | None = None  # for training; None: all
    hidden: tuple[int, ...] = (16, 16)
    examples: int = 20  # on which the identities are asked
    batch: int = 10
    rate: float = 3.0
    rates: tuple[float, ...] = (3.0, 1.0, 10.0)  # of which the race takes the best
    epochs: int = 20
    one_sided: int = 5  # epochs, after which is asked what is called a two
    draws: int = 60  # batches whose cosines are averaged
    judged: int = 2000  # examples whose gradients are held at once
    near: float = 0.10  # the cost that the race is to
    end: float = 0.05  # and where accuracies are compared
    most: int = 4000  # epochs
    digit: int = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """The network at its start with all training pictures, and those that it never sees."""

    trial: Trial
    test: Images
    seed: int

    def batches(self, size: int, digit: int | None = None) -> Batches:
        """Shuffled anew every epoch; of one digit's pictures if one is given."""
        rows = slice(None) if digit is None else self.trial.y[:, digit] == 1
        return minibatches(self.trial.x[rows], self.trial.y[rows], size, seed=self.seed)

    def descend(self, given: Batches, rate: float) -> Iterator[Vector]:
        return descend(self.trial.vector, self.trial.network.gradient, given, rate=rate)

    def answers(self, vector: Vector) -> Int[np.ndarray, " m"]:
        """The digit that the network sees in each test picture."""
        return self.trial.network.trace(vector, self.test.pixels.astype(float)).a[-1].argmax(1)

    def accuracy(self, vector: Vector) -> float:
        return float((self.answers(vector) == self.test.labels).mean())


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """The arm's numbers; every arm of a seed starts from the same weights and pictures."""
    train, test = split(images(setup.pictures), seed=seed)
    train = train.rows(np.arange(len(train))[: setup.pictures_used])
    x, y = train.pixels.astype(float), one_hot(train.labels, 10)
    trial = digit_trial(setup.hidden, x, y, np.random.default_rng(derive(seed, "start")))
    return ARMS[arm](setup, Task(trial=trial, test=test, seed=seed))


def nudges(setup: Setup, task: Task) -> dict[str, float]:
    """How far the story's nudges are from the gradient, and what one output alone would ask."""
    network, start, few = task.trial.network, task.trial.vector, slice(setup.examples)
    x, y = task.trial.x[few], task.trial.y[few]
    asked = [wishes(network, start, *example) for example in zip(x, y, strict=True)]
    torchs = [by_autograd(network)(start, x[[i]], y[[i]]) for i in range(len(x))]
    whole, traces = network.gradient(start, x, y), [network.trace(start, row).a for row in x]
    quiet = np.stack([a[-1] for a in traces])
    quiet[:, setup.digit] = y[:, setup.digit]  # the other outputs have what they wish
    alone = network.gradient(start, x, quiet)
    rows = [network.split(gradient)[0][-1][setup.digit] for gradient in (alone, whole)]
    each = per_sample_nudges(network, start, x, y)
    keep_text("wishes.svg", wish_picture(network, start, x[0], y[0]))
    keep_text("nudges.svg", nudge_strips(network, each, [f"a {row.argmax()}" for row in y[:8]]))
    return {
        "apart": largest(np.stack([joined(layers) for layers in asked]) + np.stack(torchs)),
        "brightness": max(map(brightness_error, asked, traces)),
        "average": largest(each.mean(0) + whole),
        "own row": largest(rows[0] - rows[1]),
        "hidden": min(errors_by_layer(network, alone, whole)[:-1]),
    }


def brightness_error(layers: list[Wishes], a: list[np.ndarray]) -> float:
    """ΔW_jk/ΔW_jk' − a_k/a_k' where it is largest, k' the brightest neuron of each layer."""
    return max(
        largest(layer.weight / layer.weight[:, [below.argmax()]] - below / below.max())
        for layer, below in zip(layers, a, strict=False)
    )


def shuffled(setup: Setup, task: Task) -> dict[str, float]:
    """Batches of ten images, shuffled anew every epoch."""
    numbers, vector = cosines(setup, task, 0, task.trial.vector), task.trial.vector
    for epoch, vector in walk(setup, task, task.batches(setup.batch), setup.epochs):
        if epoch in STAGES:
            numbers |= cosines(setup, task, epoch, vector)
        if epoch == setup.one_sided:
            numbers["called"] = float((task.answers(vector) == setup.digit).mean())
    show_paths(setup, task)
    return {**numbers, "accuracy": task.accuracy(vector)}


def in_order(setup: Setup, task: Task) -> dict[str, float]:
    """Batches of ten images, first the zeros, then the ones, and so on, every epoch alike."""
    rows = np.argsort(task.trial.y.argmax(1), kind="stable")
    cut = np.array_split(rows, len(rows) // setup.batch)
    given = cycle([(task.trial.x[chosen], task.trial.y[chosen]) for chosen in cut])
    *_, (_, vector) = walk(setup, task, given, setup.epochs)
    return {"accuracy": task.accuracy(vector)}


def one_digit(setup: Setup, task: Task) -> dict[str, float]:
    """Batches of ten images of one digit, as many as there are in so many epochs."""
    share = task.trial.y[:, setup.digit].mean()
    given = task.batches(setup.batch, setup.digit)
    *_, (_, vector) = walk(setup, task, given, setup.one_sided, share)
    called = float((task.answers(vector) == setup.digit).mean())
    return {"called": called, "accuracy": task.accuracy(vector)}


def walk(
    setup: Setup, task: Task, given: Batches, epochs: int, share: float = 1.0
) -> Iterator[tuple[int, Vector]]:
    """The parameters after each epoch, which goes through this share of the pictures."""
    a_epoch = max(1, int(share * len(task.trial.x)) // setup.batch)
    path = islice(task.descend(given, setup.rate), epochs * a_epoch)
    for step, vector in enumerate(path, start=1):
        if step % a_epoch == 0:
            cost = task.trial.cost(vector).real
            events.emit(events.Metric(name="cost", value=cost, step=step // a_epoch))
            yield step // a_epoch, vector


def cosines(setup: Setup, task: Task, epoch: int, vector: Vector) -> dict[str, float]:
    """How well batches point along the whole gradient, and what the noise scale B expects."""
    few, numbers = slice(setup.judged), {}
    each = per_sample_nudges(task.trial.network, vector, task.trial.x[few], task.trial.y[few])
    scale = noise_scale(each)
    for size in SIZES:
        draw = np.random.default_rng(derive(task.seed, "draws", epoch, size))
        found = mean_cosine(each, size, setup.draws, generator=draw)
        events.emit(events.Metric(name=f"cosine {size}", value=found, step=epoch))
        numbers[f"cosine {size} after {epoch}"] = found
        numbers[f"expected {size} after {epoch}"] = expected_cosine(scale, size)
    return {**numbers, f"noise scale after {epoch}": scale}


def show_paths(setup: Setup, task: Task) -> None:
    """An epoch of steps with ten images each, and as many with all, in the plane of both paths."""
    paths = []
    for given in (task.batches(setup.batch), repeat((task.trial.x, task.trial.y))):
        path = islice(task.descend(given, setup.rate), len(task.trial.x) // setup.batch)
        paths.append(np.stack([vector.copy() for vector in path]))
    for name, path in zip(("ten", "all"), principal_plane(*paths), strict=True):
        for step, (across, along) in enumerate(path.tolist()):
            events.emit(events.Metric(name=f"{name} x", value=across, step=step))
            events.emit(events.Metric(name=f"{name} y", value=along, step=step))


def race(setup: Setup, task: Task, size: int | None) -> dict[str, float]:
    """With the best of the rates: epochs and seconds to the cost `near`, and accuracy at `end`.

    A rate may use the epochs of the best before it, since with more it would not be better.
    """
    best, least = math.nan, float(setup.most)
    for rate in setup.rates:
        tried = down(task, size, rate, to=setup.near, most=least)
        if tried.costs[-1] <= setup.near and (math.isnan(best) or tried.epochs[-1] < least):
            best, least = rate, tried.epochs[-1]
    if math.isnan(best):
        return dict.fromkeys(("rate", "epochs", "seconds", "end", "accuracy"), math.nan)
    whole = down(task, size, best, to=setup.end, most=setup.most)
    show_race("race", whole.epochs, whole.costs)
    show_race("timed", [1e3 * seconds for seconds in whole.seconds], whole.costs)
    return {
        "rate": best,
        "epochs": least,
        "seconds": whole.seconds[whole.first(setup.near) or 0],
        "end": whole.costs[-1],
        "accuracy": task.accuracy(whole.vector),
    }


def down(task: Task, size: int | None, rate: float, *, to: float, most: float) -> Fall:
    """Descent in batches of `size` (None: all pictures), looking at the cost once an epoch."""
    data, count = (task.trial.x, task.trial.y), len(task.trial.x)
    given = repeat(data) if size is None else task.batches(size)
    steps = 1 if size is None else max(1, round(count / size))
    return fall(
        task.trial.vector,
        task.descend(given, rate),
        lambda vector: task.trial.cost(vector).real,
        steps=steps,
        epoch=steps * (size or count) / count,
        to=to,
        most=most,
    )


def show_race(name: str, times: list[float], costs: list[float]) -> None:
    """The cost at round times, the same for every seed; it stays where the descent stopped."""
    for step in sorted({round(1.3**power) for power in range(40)}):
        if step <= 1.5 * times[-1]:
            value = float(np.interp(step, times, costs))
            events.emit(events.Metric(name=name, value=value, step=step))


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


ARMS: dict[str, Callable[[Setup, Task], dict[str, float]]] = {
    "nudges": nudges,
    "shuffled": shuffled,
    "sorted": in_order,
    "one digit": one_digit,
    "all": lambda setup, task: race(setup, task, None),
    "hundred": lambda setup, task: race(setup, task, 100),
    "ten": lambda setup, task: race(setup, task, 10),
}


def smallest_gain(r: Results) -> float:
    """How much better the next larger batch points, where it gains least."""
    return min(
        r.shuffled[f"cosine {large} after {stage}"] - r.shuffled[f"cosine {small} after {stage}"]
        for small, large in pairwise(SIZES)
        for stage in STAGES
    )


def learning(rows: Rows) -> Picture:
    """The cost of all training pictures for each way of choosing what to listen to."""
    return curves(rows, "cost", title="Who is listened to", x="epoch", y="cost", log_y=True)


def race_by_epochs(rows: Rows) -> Picture:
    """Each batch size with its best rate; an epoch costs all of them the same gradients."""
    title = "Cost against epochs"
    return curves(rows, "race", title=title, x="epochs", y="cost", log_x=True, log_y=True)


def race_by_time(rows: Rows) -> Picture:
    """The same against the time that the steps took."""
    title = "Cost against time"
    return curves(rows, "timed", title=title, x="milliseconds", y="cost", log_x=True, log_y=True)


def good_approximations(rows: Rows) -> Picture:
    """Cosines of batches with the whole gradient, while batches of ten learn."""
    names = [f"cosine {size}" for size in SIZES]
    return curves(rows, names, title="Batches point along the gradient", x="epoch", y="cosine")


def drunk_man(rows: Rows) -> Picture:
    """The first seed's paths from the first step on: staggering with ten, careful with all."""
    title = "An epoch of steps with ten images each, and as many with all"
    figure = curves(rows, (), title=title, x="first direction", y="second direction")
    for name in ("ten", "all"):
        sides = [rows.curves("shuffled", f"{name} {side}")[:1] for side in "xy"]
        for x, y in zip(*sides, strict=True):
            places = [value for _, value in x], [value for _, value in y]
            figure.axes[0].plot(*places, ".-", label=f"{name} images", linewidth=0.8)
    figure.axes[0].legend(fontsize=8, frameon=False)
    return figure


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU, pictures_used=60, hidden=(4, 4), examples=4, draws=3, near=1.2, end=1.1, most=6
        ),
        "cpu": CPU,
        "gpu": replace(CPU, pictures="openml:mnist_784"),
    },
    seeds={"smoke": 1, "cpu": 8, "gpu": 3},
    claims=(
        Claim(
            "the nudges of every example are minus its gradient",
            value=lambda r: r.nudges.apart,
            at_most=1e-10,
            source="the story; torch is the judge",
        ),
        Claim(
            "weights are nudged in proportion to the brightness they come from",
            value=lambda r: r.nudges.brightness,
            at_most=1e-12,
            source="neurons that fire together wire together",
        ),
        Claim(
            "the average of the nudges is the step of the batch",
            value=lambda r: r.nudges.average,
            at_most=1e-12,
            source="the table of training examples",
        ),
        Claim(
            "one output alone asks the right thing of its own weights",
            value=lambda r: r.nudges["own row"],
            at_most=1e-10,
            source="the wishes of all outputs are added; control",
        ),
        Claim(
            "but of the hidden layers something wrong by 30 % or more",
            value=lambda r: r.nudges.hidden,
            at_least=0.3,
            source="the wishes of all outputs are added; the margin is ours",
        ),
        Claim(
            "a network that heeds one digit calls 99 % of all images so",
            value=lambda r: r["one digit"].called,
            at_least=0.99,
            source="listening to the 2 alone",
        ),
        Claim(
            "one that heeds all digits calls at most 20 % so",
            value=lambda r: r.shuffled.called,
            at_most=0.2,
            source="listening to the 2 alone; control",
        ),
        Claim(
            "images sorted by digit cost 30 points of accuracy",
            value=lambda r: r.shuffled.accuracy - r.sorted.accuracy,
            at_least=0.3,
            source="batches are shuffled; the margin is ours",
        ),
        Claim(
            "all images at once need 5 times the epochs of a hundred at once",
            value=lambda r: r["all"].epochs / r.hundred.epochs,
            at_least=5,
            source="a significant computational speed-up; the factor is ours",
        ),
        Claim(
            "and 20 times those of ten at once",
            value=lambda r: r["all"].epochs / r.ten.epochs,
            at_least=20,
            source="a significant computational speed-up; the factor is ours",
        ),
        Claim(
            "they need twice the time of a hundred at once",
            value=lambda r: r["all"].seconds / r.hundred.seconds,
            at_least=2,
            source="a significant computational speed-up; the factor is ours",
        ),
        Claim(
            "the larger a batch, the better it points along the gradient, at every stage",
            value=smallest_gain,
            above=0,
            source="a pretty good approximation",
        ),
        Claim(
            "a hundred images point along it with a cosine of 0.6, up to the fifth epoch",
            value=lambda r: min(r.shuffled[f"cosine 100 after {stage}"] for stage in (0, 1, 5)),
            at_least=0.6,
            source="a pretty good approximation; the number is ours",
        ),
        Claim(
            "all lead to the same place: accuracies differ by 2 points at most",
            value=lambda r: max(abs(r["all"].accuracy - r[a].accuracy) for a in ("ten", "hundred")),
            at_most=0.02,
            source="the drunk man arrives; the margin is ours",
        ),
    ),
    plots=(learning, race_by_epochs, race_by_time, good_approximations, drunk_man),
)
