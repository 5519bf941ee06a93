"""A short introduction to machine learning (Ngo 2021, AI Alignment Forum).

Parameters start arbitrary; an optimiser changes them a little, again and again, so that an
objective improves:
    θₜ₊₁ = θₜ − η ∇J(θₜ)
Where J comes from is the kind of task: labels (supervised), parts of the data themselves
(self-supervised), or rewards for what was done (reinforcement).

Claim: one loop serves all three. Rewards are the poorer signal; what a network knows by heart does
not generalise; skills reach as far as deployment resembles training. And before machines learned,
rules and search written by hand (symbolic AI) already played small games without a fault.

The examples are 8 × 8 pictures of digits. All arms that read them share the pictures, the kind of
network, the optimiser and the loop; only source and objective differ. Reinforcement names a digit
and hears whether that was right, no more; as it may give a class up early it runs three times, and
what is claimed of it is claimed of the median. Every answer is the highest score, nowhere a sample.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np
from torch import nn

from practicum.data.board_lessons import INPUTS, lessons
from practicum.data.images import Images, images, split
from practicum.data.loader import Loader
from practicum.evaluation.board_player import NetworkPlayer
from practicum.evaluation.classifier import accuracy, answers
from practicum.evaluation.generalisation import generalisation, share_explained
from practicum.evaluation.learning_curve import LearningCurve
from practicum.evaluation.probe import features, few_of_each
from practicum.evaluation.shifts import Changed, ClassShares, Shift
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture, Results
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.perceptron import Perceptron, PerceptronModel
from practicum.objectives.augmented import Augmented
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.corruption import Moved, Noise, within
from practicum.objectives.inpainting import Inpainting, right_half
from practicum.objectives.self_supervised import SelfSupervised
from practicum.rl.bandit import Bandit, Guessing, Reward, exchanged, right
from practicum.seeding import derive, stream
from practicum.symbolic.alpha_beta import LookAhead, Minimax
from practicum.symbolic.board_picture import board_picture
from practicum.symbolic.game import AtRandom, ByWorth, match, play
from practicum.symbolic.tic_tac_toe import TicTacToe, open_lines
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

DIGITS, GOOD = 10, 0.8  # classes; the accuracy up to which pictures are counted
REWARDED = ("reinforcement", "reinforcement-2", "reinforcement-3")
LABELS = CrossEntropy()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The pictures, the size of the networks, and how long it takes to learn from labels.

    Hidden halves take twice as long, rewards three times; so do labels to be learned by heart.
    """

    pictures: str = "digits"
    hidden: int = 64  # neurons
    learn: Budget = Budget(  # 30 epochs of 1,347 pictures, by gradient descent and nothing more
        steps=1263, batch=32, rate=0.2, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )
    halves_rate: float = 1.0
    games: int = 500
    device: str = "cpu"

    def budget(self, times: int) -> Budget:
        """`times` as long as from labels."""
        return replace(self.learn, steps=times * self.learn.steps)


def shifts(pixels: int) -> dict[str, Shift]:
    """How deployment is declared to differ: pictures moved four ways, noise, rarer high digits."""
    ways = ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
    return {
        "moved": Changed(changes=tuple(Moved(moves=(way,)) for way in ways)),
        "noisy": Changed(changes=(Noise(std=0.2),)),
        "uneven": ClassShares(shares=tuple((DIGITS - digit) / 55 for digit in range(DIGITS))),
    }


def supervised(
    setup: Setup, seed: int, *, moved: bool = False, shuffled: bool = False
) -> dict[str, float]:
    """Learn the digits from their labels, and see how far that reaches."""
    train, test = split(images(setup.pictures), seed=seed)
    pixels = round(train.side / 8)
    change = Moved(moves=within(pixels))
    objective = Augmented(objective=LABELS, change=change) if moved else LABELS
    budget = setup.budget(3 if shuffled else 1)
    if shuffled:
        mixed = np.random.default_rng(derive(seed, "shuffled")).permutation(train.labels)
        train = Images(train.pixels, mixed)
    model, curve = reader(setup, train, seed), accuracy_curve(test, budget)
    source = Loader(train, budget.batch, seed=seed)
    fit(model, source, objective, budget, seed=seed, watch=Watch(after_step=curve))
    known, new = (train.pixels, train.labels), (test.pixels, test.labels)
    found = generalisation(partial(accuracy, model), known, new, shifts(pixels), seed=seed)
    samples = curve.reached(GOOD) or budget.steps * budget.batch  # never: it took more than all
    return {"accuracy": found.test, "gap": found.gap, "samples": samples, **found.shifted}


def reinforced(
    setup: Setup, seed: int, *, number: int = 0, reward: Reward = right
) -> dict[str, float]:
    """Learn the digits from rewards for guesses."""
    train, test = split(images(setup.pictures), seed=seed)
    own, budget = derive(seed, "run", number), setup.budget(3)
    model, curve = reader(setup, train, own), accuracy_curve(test, budget)
    source = Bandit(train, model, budget.batch, seed=own, reward=reward)
    fit(model, source, Guessing(), budget, seed=own, watch=Watch(after_step=curve))
    return {
        "accuracy": accuracy(model, test.pixels, test.labels),
        "samples": curve.reached(GOOD) or budget.steps * budget.batch,
        "classes_named": len(np.unique(answers(model, test.pixels).argmax(1))),
    }


def self_supervised(setup: Setup, seed: int) -> dict[str, float]:
    """Learn to fill in the right half of a picture; then read digits off that by 50 labels."""
    train, test = split(images(setup.pictures), seed=seed)
    objective = SelfSupervised(rule=Inpainting(hidden=right_half(train.side)))
    known, new = (objective.prepare(list(p.pixels), stream(seed, "all")) for p in (train, test))
    left, wanted, mean = new.x.numpy(), new.wanted.numpy(), known.wanted.numpy().mean(0)
    model = network(setup, (left.shape[1], setup.hidden, wanted.shape[1]), seed)
    few = few_of_each(train.labels, 5, seed=seed)

    def explained(model: nn.Module) -> float:
        return share_explained(answers(model, left), wanted, mean)

    def probe() -> float:
        x, labels = features(model, known.x.numpy()[few]), train.labels[few].tolist()
        linear = network(setup, (setup.hidden, DIGITS), seed)
        source = Loader(list(zip(x, labels, strict=True)), setup.learn.batch, seed=seed)
        fit(linear, source, LABELS, setup.learn, seed=seed)
        return accuracy(linear, features(model, left), test.labels)

    before, budget = probe(), replace(setup.budget(2), rate=setup.halves_rate)
    source = Loader(list(train.pixels), budget.batch, seed=seed)
    watch = Watch(after_step=LearningCurve(explained, batch=budget.batch))
    fit(model, source, objective, budget, seed=seed, watch=watch)
    return {"error": 1 - explained(model), "probe": probe(), "probe_of_random_weights": before}


def untrained(setup: Setup, seed: int) -> dict[str, float]:
    """What arbitrary parameters know, and what one gets by always giving the same answer."""
    train, test = split(images(setup.pictures), seed=seed)
    return {
        "accuracy": accuracy(reader(setup, train, seed), test.pixels, test.labels),
        "constant": float((test.labels == np.bincount(train.labels).argmax()).mean()),
    }


def symbolic(setup: Setup, seed: int) -> dict[str, float]:
    """Nothing learned: search plays tic-tac-toe against chance, itself, and a network it taught."""
    search, start = ByWorth(Minimax()), TicTacToe()
    chance, other = (AtRandom(np.random.default_rng(derive(seed, "chance", n))) for n in (0, 1))
    model = network(setup, (INPUTS, setup.hidden, 9), seed)
    source = Loader(lessons(search), setup.learn.batch, seed=seed)
    fit(model, source, LABELS, setup.budget(3), seed=seed)
    pupil, short = NetworkPlayer(model), ByWorth(LookAhead(2, open_lines))
    caption = "X: the network that was taught. O: the search"
    keep_text("game.svg", board_picture(play(start, pupil, search), caption))
    return {
        "lost": match(start, search, chance, setup.games).lost,
        "drawn_with_itself": match(start, search, search, 2).drawn / 2,
        "lost_at_random": match(start, other, chance, setup.games).lost,
        "lost_seeing_two_moves": match(start, short, chance, setup.games).lost,
        "lost_by_network": match(start, pupil, chance, setup.games).lost,
        "lost_to_network": match(start, search, pupil, 2).lost,
    }


def network(setup: Setup, widths: tuple[int, ...], seed: int) -> PerceptronModel:
    """Rectifiers inside, scores or values on top."""
    description = Perceptron(widths=widths, activation="relu", output="identity")
    return build(description, seed=seed, device=setup.device)


def reader(setup: Setup, pictures: Images, seed: int) -> PerceptronModel:
    """The network that reads digits, before learning."""
    return network(setup, (pictures.pixels.shape[1], setup.hidden, DIGITS), seed)


def accuracy_curve(test: Images, budget: Budget) -> LearningCurve:
    """Test accuracy over the pictures seen."""
    return LearningCurve(lambda m: accuracy(m, test.pixels, test.labels), batch=budget.batch)


ARMS: dict[str, Callable[[Setup, int], Mapping[str, float]]] = {
    "supervised": supervised,
    "self-supervised": self_supervised,
    "reinforcement": reinforced,
    "reinforcement-2": partial(reinforced, number=1),
    "reinforcement-3": partial(reinforced, number=2),
    "augmented": partial(supervised, moved=True),
    "symbolic": symbolic,
    "shuffled": partial(supervised, shuffled=True),  # controls, from here on
    "exchanged": partial(reinforced, reward=exchanged),
    "untrained": untrained,
}


def run(setup: Setup, arm: str, seed: int) -> Mapping[str, float]:
    """Everything about one way of learning, or of not learning."""
    return ARMS[arm](setup, seed)


def rewarded(r: Results, number: str) -> float:
    """The median over the three runs from rewards."""
    return median(r[arm][number] for arm in REWARDED)


def regained(r: Results) -> float:
    """The share of what moving costs that training on moved pictures wins back."""
    return (r.augmented.moved - r.supervised.moved) / (r.supervised.accuracy - r.supervised.moved)


def learning(rows: Rows) -> Picture:
    """Three ways of learning over the pictures seen."""
    shown = replace(rows, arms=("supervised", "self-supervised", *REWARDED))
    title = "Test pictures read; self-supervised: how much of the hidden half is explained"
    return curves(shown, "skill", title=title, x="pictures seen", y="share", log_x=True)


def deployment(rows: Rows) -> Picture:
    """What the declared shifts cost, and what training on one of them wins back."""
    shown = replace(rows, arms=("supervised", "augmented", "shuffled"))
    title = "Accuracy as tested, moved by a pixel, with noise, with uneven shares of the digits"
    metrics = ("accuracy", "moved", "noisy", "uneven")
    return bars(shown, metrics, title=title, y="accuracy")


PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(learn=replace(Setup().learn, steps=20), games=4),
        "cpu": Setup(),
        "gpu": Setup(
            pictures="mnist", hidden=512, learn=replace(Setup().learn, steps=3516), device="cuda"
        ),
    },
    seeds={"smoke": 1, "cpu": 5, "gpu": 5},
    claims=(
        Claim(
            "from labels, 94 % of the test pictures are read",
            value=lambda r: r.supervised.accuracy,
            at_least=0.94,
            source="supervised learning; the number is ours",
        ),
        Claim(
            "with arbitrary parameters, or always the same answer, at most 25 %",
            value=lambda r: max(r.untrained.accuracy, r.untrained.constant),
            at_most=0.25,
            source="control",
        ),
        Claim(
            "without labels, the hidden half is told with 75 % of the error of its mean",
            value=lambda r: r["self-supervised"].error,
            at_most=0.75,
            source="self-supervised learning; the number is ours",
        ),
        Claim(
            "from rewards, 80 % are read",
            value=lambda r: rewarded(r, "accuracy"),
            at_least=0.8,
            source="reinforcement learning; the number is ours",
        ),
        Claim(
            "from rewards that others earned, at most 20 %",
            value=lambda r: r.exchanged.accuracy,
            at_most=0.2,
            source="control",
        ),
        Claim(
            "rewards take 5 times the pictures that labels take to 80 %",
            value=lambda r: rewarded(r, "samples") / r.supervised.samples,
            at_least=5,
            source="rewards are the poorer signal; the number is ours",
        ),
        Claim(
            "shuffled labels are learned by heart: 20 points more in training than in the test",
            value=lambda r: r.shuffled.gap,
            at_least=0.2,
            source="networks can memorise; the number is ours",
        ),
        Claim(
            "what is learned by heart does not generalise: at most 20 %",
            value=lambda r: r.shuffled.accuracy,
            at_most=0.2,
            source="control",
        ),
        Claim(
            "pictures moved by an eighth of their side (a pixel) cost 30 points",
            value=lambda r: r.supervised.accuracy - r.supervised.moved,
            at_least=0.3,
            source="deployment differs from training; the number is ours",
        ),
        Claim(
            "training on moved pictures wins 80 % of that back",
            value=regained,
            at_least=0.8,
            source="training as like the real task as can be; the number is ours",
        ),
        Claim(
            "search loses no game against chance, and none against itself",
            value=lambda r: r.symbolic.lost + 1 - r.symbolic.drawn_with_itself,
            at_most=0,
            source="symbolic AI; tic-tac-toe is a draw",
        ),
        Claim(
            "moves at random lose 100 of 500 games",
            value=lambda r: r.symbolic.lost_at_random,
            at_least=100,
            source="control",
        ),
    ),
    plots=(learning, deployment),
)
