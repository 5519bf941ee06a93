"""What a classifier's accuracy does not say: four examinations of anything that gives scores.

    on nothing        images of noise: how many get a confident answer all the same
    on wrong labels   how fast the same network learns labels dealt out at random, which only
                      memory can fit (Zhang et al. 2017, Arpit et al. 2017)
    on its mistakes   which classes are taken for which, and the worst images
    on its plateaus   the costs at which a network of sigmoids stands still without being broken

A classifier is a function from rows of inputs to rows of scores, one per class, such as
`partial(answers, model)`, or `predict_proba` of scikit-learn's. Scores are activations or
probabilities: "confident" is above a half. For a network that gives logits, wrap it in `softmax`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, Int64

from practicum.data.noise_images import noise_images
from practicum.errors import DataError
from practicum.seeding import derive

Scores = Float32[np.ndarray, "n o"] | Float64[np.ndarray, "n o"]
Classifier = Callable[[Float32[np.ndarray, "n i"]], Scores]
CONFIDENT = 0.5


def softmax(logits: Classifier) -> Classifier:
    """The classifier that gives the probabilities of these logits."""

    def probabilities(x: Float32[np.ndarray, "n i"]) -> Scores:
        scores = logits(x)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return probabilities


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """How sure a classifier is of some inputs."""

    confident: float  # the share with some score above a half
    top: float  # the mean of the highest scores


def confidence(scores: Scores) -> Confidence:
    """How sure these answers are."""
    top = scores.max(axis=1)
    return Confidence(confident=float((top > CONFIDENT).mean()), top=float(top.mean()))


def noise_test(
    classifier: Classifier,
    inputs: int,
    *,
    seed: int,
    count: int = 1000,
    low: float = 0.0,
    high: float = 1.0,
) -> Confidence:
    """How sure the classifier is of `count` images of noise within the range of its training."""
    return confidence(classifier(noise_images(count, inputs, seed=seed, low=low, high=high)))


def shuffled_labels(labels: Int64[np.ndarray, " n"], *, seed: int) -> Int64[np.ndarray, " n"]:
    """The same labels, dealt out to the images at random: nothing is left to learn but the list."""
    return np.random.default_rng(derive(seed, "shuffled labels")).permutation(labels)


def epochs_to(curve: Sequence[float], level: float) -> int:
    """The first epoch, counted from 1, after which accuracy is `level` or more.

    `curve` has one accuracy per epoch; where it never gets there, one more than there are.
    """
    return next((epoch for epoch, value in enumerate(curve, 1) if value >= level), len(curve) + 1)


@dataclass(frozen=True, kw_only=True)
class Memorisation:
    """Training accuracy per epoch with true and with shuffled labels: how much is capacity?"""

    true: tuple[float, ...]
    shuffled: tuple[float, ...]

    def times(self, level: float = 0.6) -> float:
        """How many times as many epochs the shuffled labels take to reach `level`."""
        return epochs_to(self.shuffled, level) / epochs_to(self.true, level)


def shuffle_labels_test(
    learn: Callable[[Int64[np.ndarray, " n"]], Sequence[float]],
    labels: Int64[np.ndarray, " n"],
    *,
    seed: int,
) -> Memorisation:
    """`learn` trains a fresh network on the labels it is given: its training accuracy per epoch.

    Both times from the same initial weights and in the same order, or the speeds do not compare.
    """
    return Memorisation(
        true=tuple(learn(labels)), shuffled=tuple(learn(shuffled_labels(labels, seed=seed)))
    )


def confusion(scores: Scores, labels: Int64[np.ndarray, " n"]) -> Int[np.ndarray, "o o"]:
    """How often each class (row) got each answer (column)."""
    _check(scores, labels)
    table = np.zeros((scores.shape[1], scores.shape[1]), np.int64)
    np.add.at(table, (labels, scores.argmax(axis=1)), 1)
    return table


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One input and what became of it. `cost` is Σⱼ (aⱼ − yⱼ)² against the one-hot label."""

    index: int
    label: int
    answer: int
    score: float  # of the answer
    cost: float


def worst(scores: Scores, labels: Int64[np.ndarray, " n"], count: int) -> list[Mistake]:
    """The `count` inputs with the highest cost, the worst first, wrong or barely right."""
    costs = one_hot_costs(scores, labels)
    found = []
    for index in np.argsort(-costs, kind="stable")[:count].tolist():
        answer = int(scores[index].argmax())
        found.append(
            Mistake(
                index=index,
                label=int(labels[index]),
                answer=answer,
                score=float(scores[index, answer]),
                cost=float(costs[index]),
            )
        )
    return found


def one_hot_costs(scores: Scores, labels: Int64[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Σⱼ (aⱼ − yⱼ)² of each input, y one-hot."""
    _check(scores, labels)
    return np.square(scores - np.eye(scores.shape[1])[labels]).sum(axis=1)


@dataclass(frozen=True, kw_only=True)
class Plateaus:
    """Mean costs that look like a bug and are not: outputs that answer everything alike."""

    prior: float  # every output at the share of its class: 0.90 for ten even classes
    silent: float  # every output saturated at 0: 1, one missing answer each

    def near(self, cost: float, within: float = 0.03) -> str:
        """What a cost at one of the plateaus means, in a sentence; empty elsewhere."""
        if abs(cost - self.prior) <= within:
            return (
                f"cost {cost:.3f} is that of every output at the share of its class "
                f"({self.prior:.2f}): nothing is told apart yet; train on"
            )
        if abs(cost - self.silent) <= within:
            return (
                f"cost {cost:.3f} is that of every output at 0 ({self.silent:.2f}): saturated; "
                "lower the rate, or start with smaller weights"
            )
        return ""


def plateaus(labels: Int64[np.ndarray, " n"], classes: int) -> Plateaus:
    """The plateaus of the summed squares for these labels: Σⱼ pⱼ(1 − pⱼ), and 1."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    return Plateaus(prior=float((shares * (1 - shares)).sum()), silent=1.0)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What there is to say of a classifier beside its accuracy."""

    accuracy: float
    cost: float  # the mean of Σⱼ (aⱼ − yⱼ)²
    top: float  # the mean of the highest scores on new images
    confident_of_noise: float  # the share of images of noise with a score above a half
    top_of_noise: float
    plateau: str  # what the cost means where it lies on a plateau; empty elsewhere


def examine(
    classifier: Classifier,
    pixels: Float32[np.ndarray, "n i"],
    labels: Int64[np.ndarray, " n"],
    *,
    seed: int,
) -> Examination:
    """The examination on new images, and on noise within the range of their values."""
    scores = classifier(pixels)
    cost = float(one_hot_costs(scores, labels).mean())
    noise = noise_test(
        classifier, pixels.shape[1], seed=seed, low=float(pixels.min()), high=float(pixels.max())
    )
    return Examination(
        accuracy=float((scores.argmax(axis=1) == labels).mean()),
        cost=cost,
        top=confidence(scores).top,
        confident_of_noise=noise.confident,
        top_of_noise=noise.top,
        plateau=plateaus(labels, scores.shape[1]).near(cost),
    )


def _check(scores: Scores, labels: Int64[np.ndarray, " n"]) -> None:
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise DataError(
            f"labels from {labels.min()} to {labels.max()} for {scores.shape[1]} scores; "
            f"expected 0 … {scores.shape[1] - 1}"
        )
