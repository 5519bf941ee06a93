"""One training step by hand on NumPy against torch eager: forward, backward, gradient descent.

The digit network 64-16-16-10 of sigmoids with summed squares, at batches of 1, 10 and 100, on one
thread. Both start from the same parameters and see the same images, and must have come to the same
place after the measured steps; torch's step is `zero_grad`, `backward` and its fused SGD.

    OMP_NUM_THREADS=1 python benchmarks/autograd.py [--batches 1 10 100] [--rounds 9]
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from measure import interleave, medians, save, show, watching_load
from practicum.autograd.activations import SIGMOID
from practicum.autograd.layers import Layered

NETWORK = Layered(widths=(64, 16, 16, 10), activations=(SIGMOID,) * 3)
RATE, STEPS = 0.1, 500  # steps in a measured call


def by_hand(vector: np.ndarray, x: np.ndarray, y: np.ndarray) -> Callable[[], np.ndarray]:
    """`STEPS` steps; returns the parameters."""

    def call() -> np.ndarray:
        for _ in range(STEPS):
            vector[:] -= RATE * NETWORK.gradient(vector, x, y)
        return vector

    return call


def by_torch(vector: np.ndarray, x: np.ndarray, y: np.ndarray) -> Callable[[], np.ndarray]:
    inputs, wanted = torch.from_numpy(x), torch.from_numpy(y)
    model = nn.Sequential()
    for sizes in ((64, 16), (16, 16), (16, 10)):
        model.extend([nn.Linear(*sizes, dtype=inputs.dtype), nn.Sigmoid()])
    parameters = list(model.parameters())
    nn.utils.vector_to_parameters(torch.from_numpy(vector), parameters)
    optimiser = torch.optim.SGD(parameters, lr=RATE, fused=True)

    def call() -> np.ndarray:
        for _ in range(STEPS):
            optimiser.zero_grad()
            (model(inputs) - wanted).square().sum(1).mean().backward()
            optimiser.step()
        return nn.utils.parameters_to_vector(parameters).detach().numpy()

    return call


def compare(batch: int, dtype: type[np.floating], *, rounds: int) -> dict[str, object]:
    """Interleaved calls of both; prints and returns microseconds a step and their ratio."""
    draw = np.random.default_rng(0)
    vector = NETWORK.start(draw, "scaled").astype(dtype)
    x = draw.uniform(size=(batch, 64)).astype(dtype)
    y = np.eye(10, dtype=dtype)[draw.integers(10, size=batch)]
    steps = {
        "practicum": by_hand(vector.copy(), x, y),
        "torch eager": by_torch(vector.copy(), x, y),
    }
    ends = [call() for call in steps.values()]
    apart = float(np.abs(ends[0] - ends[1]).max())
    assert apart < 1e-3, f"the two are {apart} apart after {STEPS} steps"
    with watching_load() as load:
        seconds = interleave(steps, rounds=rounds)
    title = f"batch {batch}, {np.dtype(dtype).name}, {STEPS} steps, {apart:.0e} apart"
    show(title, seconds, "torch eager")
    print(f"  foreign load {load.foreign:.0%}{' (noisy)' * load.noisy}")
    middle = medians(seconds)
    return {
        "microseconds": {who: 1e6 * taken / STEPS for who, taken in middle.items()},
        "speedup": middle["torch eager"] / middle["practicum"],
        "apart": apart,
        "foreign": load.foreign,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    results = {
        f"batch {batch} {np.dtype(dtype).name}": compare(batch, dtype, rounds=asked.rounds)
        for batch in asked.batches
        for dtype in (np.float32, np.float64)
    }
    save("autograd", results)


if __name__ == "__main__":
    main()
