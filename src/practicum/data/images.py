"""Pictures of digits with their labels, as rows of grey values in [0, 1]: bright ink, dark ground.

    images("digits")       scikit-learn's 1,797 pictures of 8 × 8, installed with practicum
    images("mnist")        5,000 of MNIST's 28 × 28, brought once as an asset
    images("openml:mnist_784")  all 70,000, downloaded through scikit-learn
    images("folder")       the four IDX files of MNIST, gzipped or not, or one .npz of Keras' layout

Splits are stratified: every digit has the same share in both sides.
"""

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from practicum.data.fetch import ensure
from practicum.errors import DataError

OPENML = "openml:"
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
IDX += ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class Images(Sequence[tuple[Float32[np.ndarray, " i"], int]]):
    """n square pictures: `pixels` row by row, top left first, and the digit that each shows."""

    pixels: Float32[np.ndarray, "n i"]
    labels: Int64[np.ndarray, " n"]

    @property
    def side(self) -> int:
        """Pixels along one edge."""
        return math.isqrt(self.pixels.shape[1])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Float32[np.ndarray, " i"], int]:  # type: ignore[override]
        return self.pixels[index], int(self.labels[index])

    def rows(self, chosen: Int64[np.ndarray, " m"]) -> "Images":
        """The pictures with these numbers, in this order."""
        return Images(self.pixels[chosen], self.labels[chosen])


def images(name: str) -> Images:
    """The pictures called `name`. Raises DataError, AssetError: see the head of this file."""
    if name == "digits":
        from sklearn.datasets import load_digits  # takes a second

        pixels, labels = load_digits(return_X_y=True)
        return _checked(pixels / 16.0, labels, "scikit-learn's digits")
    if name == "mnist":
        path = ensure("mnist")
        with gzip.open(path, "rt") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.float32)
        return _checked(table[:, :-1] / 255.0, table[:, -1], str(path))
    if name.startswith(OPENML):
        return _openml(name.removeprefix(OPENML))
    return _files(Path(name))


def split(whole: Images, *, seed: int, test: float = 0.25) -> tuple[Images, Images]:
    """Training and test pictures, `test` of every digit in the latter; the draw depends on `seed`.

    Raises DataError where a side would have none of a digit.
    """
    generator = np.random.default_rng(seed)
    sides: tuple[list[Int64[np.ndarray, " m"]], ...] = ([], [])
    for digit in np.unique(whole.labels):
        members = generator.permutation(np.flatnonzero(whole.labels == digit))
        held = round(test * len(members))
        if not 0 < held < len(members):
            raise DataError(
                f"{len(members)} pictures of the digit {digit} cannot be split {test:.0%} to "
                f"{1 - test:.0%}; give more pictures or another share"
            )
        sides[0].append(members[held:])
        sides[1].append(members[:held])
    train, held_out = (whole.rows(np.sort(np.concatenate(side))) for side in sides)
    return train, held_out


def shifted(
    pictures: Float32[np.ndarray, "n i"], right: int, down: int
) -> Float32[np.ndarray, "n i"]:
    """The pictures moved by whole pixels; what enters at the edges is dark, nothing wraps around.

    Negative numbers move left and up.
    """
    side = math.isqrt(pictures.shape[1])
    moved = np.zeros((len(pictures), side, side), np.float32)
    there = pictures.reshape(-1, side, side)
    moved[:, max(down, 0) : side + min(down, 0), max(right, 0) : side + min(right, 0)] = there[
        :, max(-down, 0) : side + min(-down, 0), max(-right, 0) : side + min(-right, 0)
    ]
    return moved.reshape(len(pictures), -1)


def _openml(name: str) -> Images:
    from sklearn.datasets import fetch_openml

    try:
        pixels, labels = fetch_openml(name, return_X_y=True, as_frame=False)
    except (OSError, ValueError) as problem:
        raise DataError(
            f"OpenML has no '{name}', or is not reachable ({problem}); "
            "give a folder with MNIST's files, or 'digits'"
        ) from problem
    return _checked(np.asarray(pixels) / 255.0, np.asarray(labels).astype(int), name)


def _files(path: Path) -> Images:
    if path.suffix == ".npz" and path.is_file():
        return _npz(path)
    found = [next((p for p in (path / n, path / f"{n}.gz") if p.is_file()), None) for n in IDX]
    parts = [p for p in found if p is not None]
    if not parts or len(parts) % 2:
        raise DataError(
            f"no pictures at '{path}'; expected digits, mnist, openml:NAME, a .npz file, or a "
            f"folder with {IDX[0]} and {IDX[1]} (.gz or not)"
        )
    arrays = [_idx(part) for part in parts]
    pixels = np.concatenate([a.reshape(len(a), -1) for a in arrays[::2]])
    return _checked(pixels / 255.0, np.concatenate(arrays[1::2]), str(path))


def _npz(path: Path) -> Images:
    try:
        with np.load(path, allow_pickle=False) as kept:
            sides = [(kept[f"x_{s}"], kept[f"y_{s}"]) for s in ("train", "test")]
    except (OSError, ValueError, KeyError) as problem:
        raise DataError(
            f"{path} cannot be read ({problem}); expected arrays x_train, y_train, x_test, y_test"
        ) from problem
    pixels = np.concatenate([x.reshape(len(x), -1) for x, _ in sides])
    return _checked(pixels / 255.0, np.concatenate([y for _, y in sides]), str(path))


def _idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """An IDX file: two zero bytes, 8 (bytes), the number of axes, their sizes as uint32, data."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as problem:  # gzip says both
        raise DataError(f"{path} cannot be read ({problem})") from problem
    axes = raw[3] if len(raw) > 3 and raw[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(raw[4 : 4 + 4 * axes], ">u4").astype(int)
    if not axes or len(shape) != axes or len(raw) != 4 + 4 * axes + int(shape.prod()):
        raise DataError(f"{path} is no IDX file of bytes, or is cut short")
    return np.frombuffer(raw[4 + 4 * axes :], np.uint8).reshape(shape)


def _checked(pixels: np.ndarray, labels: np.ndarray, where: str) -> Images:
    if pixels.ndim != 2 or len(pixels) != len(labels) or len(labels) == 0:
        raise DataError(f"{where} has {len(pixels)} pictures and {len(labels)} labels")
    if math.isqrt(pixels.shape[1]) ** 2 != pixels.shape[1]:
        raise DataError(f"{where} has pictures of {pixels.shape[1]} pixels; expected square ones")
    if pixels.min() < 0 or pixels.max() > 1:
        raise DataError(f"{where} has grey values outside 0 … 1 after scaling")
    return Images(np.ascontiguousarray(pixels, np.float32), labels.astype(np.int64))
