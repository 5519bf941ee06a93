"""What a linear probe needs: the features of a hidden layer, and few labelled rows of each class.

A probe is a network without hidden layers on those features (Alain & Bengio 2017), trained like any
other. What it reaches says how far the classes lie apart there, not that the network uses it; so it
is to be compared with a probe on the features of random weights.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64

from practicum.errors import DataError
from practicum.models.perceptron import PerceptronModel
from practicum.seeding import derive


def features(model: PerceptronModel, x: Float[np.ndarray, "n i"]) -> Float32[np.ndarray, "n f"]:
    """The activations of the last hidden layer for every row."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        return model.hidden(torch.from_numpy(x).to(device)).float().cpu().numpy()


def few_of_each(labels: Int[np.ndarray, " n"], each: int, *, seed: int) -> Int64[np.ndarray, " m"]:
    """The numbers of `each` rows of every class. Raises DataError where a class has fewer."""
    generator = np.random.default_rng(derive(seed, "few of each"))
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < each:
            raise DataError(f"class {label} has {len(members)} examples; asked for {each} of each")
        chosen.append(generator.choice(members, each, replace=False))
    return np.sort(np.concatenate(chosen))
