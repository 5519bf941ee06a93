"""What lies under an `Array`: NumPy's arrays or torch's tensors, through the names they share.

torch is never imported here: whoever hands over a tensor has imported it.
"""

import sys
from typing import Any

import numpy as np

from practicum.errors import ConfigError

Data = Any  # a numpy.ndarray or a torch.Tensor of real numbers
NUMPY = (np.ndarray, np.generic)


def library(data: Data) -> Any:
    """The module whose functions take `data`: numpy or torch."""
    return np if isinstance(data, NUMPY) else sys.modules["torch"]


def as_data(given: Any, like: Data | None = None) -> Data:
    """`given` as real numbers: as it is if floating, else float64; or of the kind of `like`.

    Raises ConfigError for what is not real numbers in a rectangle.
    """
    data = _read(given)
    if like is not None:
        return library(like).asarray(data, dtype=like.dtype, **_place(like))
    if _is_tensor(data):
        return data if data.is_floating_point() else data.double()
    return data if data.dtype.kind == "f" else data.astype(np.float64)


def _read(given: Any) -> Any:
    """`given` as an array or tensor of real numbers of any dtype."""
    try:
        data: Any = given.detach() if _is_tensor(given) else np.asarray(given)
    except ValueError as problem:
        raise ConfigError(f"rows of an Array have equal lengths; got {given!r:.60}") from problem
    if data.is_complex() if _is_tensor(data) else data.dtype.kind not in "fiub":
        raise ConfigError(f"an Array holds real numbers; got {type(given).__name__} {given!r:.60}")
    return data


def fit(gradient: Data, shape: tuple[int, ...]) -> Data:
    """`gradient` summed over the axes along which `shape` was broadcast to its shape."""
    added = gradient.ndim - len(shape)
    axes = tuple(
        axis
        for axis, length in enumerate(gradient.shape)
        if axis < added or (shape[axis - added] == 1 and length != 1)
    )
    return gradient.sum(axis=axes, keepdims=True).reshape(shape) if axes else gradient


def count_to(end: int, like: Data) -> Data:
    """0 … end − 1, where `like` is."""
    return library(like).arange(end, **_place(like))


def scatter_add(data: Data, index: Any, gradient: Data) -> Data:
    """Zeros like `data` with `gradient` added at `data[index]`; a place picked twice adds twice."""
    lib = library(data)
    count = int(np.prod(data.shape, dtype=np.int64))
    places = count_to(count, data).reshape(data.shape)[index].reshape(-1)
    flat = lib.zeros_like(data).reshape(-1)
    if lib is np:
        np.add.at(flat, places, gradient.reshape(-1))
    else:
        flat.index_add_(0, places, gradient.reshape(-1))
    return flat.reshape(data.shape)


def _is_tensor(given: Any) -> bool:
    return not isinstance(given, NUMPY) and type(given).__module__.partition(".")[0] == "torch"


def _place(data: Data) -> dict[str, Any]:
    """Where new data beside `data` belongs; NumPy's has only one place."""
    return {"device": data.device} if _is_tensor(data) else {}
