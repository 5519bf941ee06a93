"""How well a few examples speak for all: gradient noise (McCandlish et al. 2018, §2).

Over the gradients g_i of the examples, with mean g and covariance Σ (divided by n):

    signal to noise of one example   ‖g‖² / tr Σ
    simple noise scale               B = tr Σ / ‖g‖²          (eq. 2.9), in examples
    cosine of a batch with the whole ≈ 1 / √(1 + B/b)         b examples drawn with replacement

A batch much smaller than B points anywhere, one much larger costs more and points no better. For
gradients too many to hold, and for any torch model, see `training.noise_scale`.
"""

import math

import numpy as np
from jaxtyping import Float

Gradients = Float[np.ndarray, "n p"]  # of every example; the sign of all of them does not matter


def cosine(first: Float[np.ndarray, " p"], second: Float[np.ndarray, " p"]) -> float:
    """The cosine of the angle between two directions; nan where one of them is zero."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else math.nan


def noise_scale(gradients: Gradients) -> float:
    """B = tr Σ / ‖g‖²; infinite where the mean gradient is zero."""
    mean = gradients.mean(0)
    signal = float(mean @ mean)
    noise = float(np.square(gradients - mean).sum()) / len(gradients)
    return noise / signal if signal else math.inf


def signal_to_noise(gradients: Gradients) -> float:
    """‖g‖² / tr Σ of a single example; a batch of b has b times as much. Infinite without noise."""
    scale = noise_scale(gradients)
    return 1 / scale if scale else math.inf


def expected_cosine(scale: float, batch: int) -> float:
    """1/√(1 + B/b), how well a batch's gradient should point along the whole one."""
    return 1 / math.sqrt(1 + scale / batch)


def mean_cosine(
    gradients: Gradients, batch: int, draws: int, *, generator: np.random.Generator
) -> float:
    """How well `batch` examples, drawn without replacement, point along all: mean over `draws`."""
    whole = gradients.mean(0)
    return float(
        np.mean(
            [
                cosine(gradients[generator.permutation(len(gradients))[:batch]].mean(0), whole)
                for _ in range(draws)
            ]
        )
    )
