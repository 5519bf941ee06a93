"""Is this gradient right? Every slope it claims, beside the one measured from values alone.

What a slope's error is, and when it is small enough, stands in `slopes`. Here whole gradients are
checked, arrays by name, and what cannot be checked at all is said in one line. Without torch;
`torch_functions` brings torch functions and modules here.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from practicum.autograd.differences import CENTRED_STEP, COMPLEX_STEP, one_number
from practicum.autograd.slopes import USUAL, Check, Slope, judged_slope
from practicum.errors import ConfigError

PROBE = 1e-6  # the step of the differences that a complex step is compared with
AGREEMENT = 1e-5  # relative, for the complex step to be trusted
SHOWN = 10  # worst slopes kept per tensor
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class TensorReport:
    """All checked slopes of one input."""

    name: str
    shape: tuple[int, ...]
    checked: int
    largest: float  # error over the smooth slopes; 0 where there is none
    mean: float
    worst: tuple[Slope, ...]  # wrong ones first, then by falling error
    kinks: tuple[Slope, ...]
    wrong: int
    problem: str = ""  # what is wrong with the gradient as a whole

    @property
    def passed(self) -> bool:
        return not self.wrong and not self.problem

    def __str__(self) -> str:
        if self.problem:
            return f"the gradient of '{self.name}' {self.problem}"
        if self.passed:
            return f"the gradient of '{self.name}' is right to {self.largest:.1e}"
        slope = self.worst[0]
        return (
            f"the gradient of '{self.name}' is wrong at {self.wrong} of {self.checked} entries; "
            f"worst at {list(slope.place)}: claimed {slope.claimed:.6g}, "
            f"measured {slope.measured:.6g}"
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came out of a check, tensor by tensor."""

    value: float  # of the function
    how: Check
    tensors: tuple[TensorReport, ...]

    @property
    def passed(self) -> bool:
        return all(tensor.passed for tensor in self.tensors)

    @property
    def largest(self) -> float:
        """The largest error of a smooth slope."""
        return max((tensor.largest for tensor in self.tensors), default=0.0)

    def __str__(self) -> str:
        """What is wrong, or how right it is, in one line."""
        wrong = [tensor for tensor in self.tensors if not tensor.passed]
        if not wrong:
            return f"all gradients are right to {self.largest:.1e}"
        more = f" (and {len(wrong) - 1} more are wrong)" if len(wrong) > 1 else ""
        return f"{wrong[0]}{more}"


def check_gradients(
    function: Callable[..., Any],
    gradient: Callable[..., Any],
    inputs: Mapping[str, Any],
    how: Check = USUAL,
) -> Report:
    """Lay `gradient(**inputs)` beside slopes measured from `function(**inputs)`.

    The gradient gives arrays by name, or in the order of the inputs, or for one input its array. A
    name that it leaves out, or gives as None, claims that nothing depends on it.

    Raises ConfigError where there is nothing to check: inputs that are not real numbers, an output
    that is not one finite number in double precision, that differs between two calls, or a
    function or gradient that writes into its inputs.
    """
    arrays = {name: _real(name, given) for name, given in inputs.items()}
    if not arrays:
        raise ConfigError("there is no input to check; give at least one array by name")
    with np.errstate(all="ignore"):  # what is not finite is said in words
        value = _value(function, arrays)
        if how.by is None:
            how = replace(how, by="complex" if _takes_complex(function, arrays) else "centred")
        claims = [_claims(gradient, arrays) for _ in range(2)]
        tensors = []
        for index, (name, x) in enumerate(arrays.items()):
            claimed, problem = _claimed(claims[0].get(name), claims[1].get(name), x)
            slopes = _slopes(function, arrays, name, claimed, (how, index))
            tensors.append(_tensor(name, claimed, problem, slopes))
    return Report(value=value, how=how, tensors=tuple(tensors))


def _real(name: str, given: Any) -> np.ndarray:
    array = np.asarray(given)
    if array.dtype.kind != "f":
        raise ConfigError(
            f"input '{name}' holds {array.dtype}, which has no slope; give real numbers, such as "
            "1.0 for 1"
        )
    array = np.array(array, dtype=float)
    if not np.isfinite(array).all():
        raise ConfigError(f"input '{name}' holds a number that is not finite")
    return array


def _untouched(what: str, call: Callable[..., Any], arrays: Arrays) -> Any:
    """`call(**arrays)` on copies. Raises ConfigError when it writes into one of them."""
    copies = {name: array.copy() for name, array in arrays.items()}
    result = call(**copies)
    for name, array in arrays.items():
        if not np.array_equal(copies[name], array):
            raise ConfigError(f"the {what} writes into its input '{name}'; work on a copy")
    return result


def _value(function: Callable[..., Any], arrays: Arrays) -> float:
    """The function's value, when it can be checked at all."""
    first, again = (_untouched("function", function, arrays) for _ in range(2))
    value, other = one_number(first), one_number(again)
    kind = np.asarray(first).dtype
    if kind.kind == "f" and kind.itemsize < 8:
        raise ConfigError(
            f"the function gives {kind}, in which steps of {CENTRED_STEP:g} drown; compute in "
            "float64 throughout"
        )
    if isinstance(value, complex) or not np.isfinite([value, other]).all():
        raise ConfigError(
            f"the function gives {value} at these inputs; expected a finite real number"
        )
    if value != other:
        raise ConfigError(
            f"the function gives {value:.12g} and then {other:.12g} for the same inputs; switch "
            "off dropout and the like, or fix its seed"
        )
    return float(value)


def _takes_complex(function: Callable[..., Any], arrays: Arrays) -> bool:
    """Whether a complex step along a random direction gives the slope that differences give."""
    generator = np.random.default_rng(0)
    ways = {name: generator.normal(size=array.shape) for name, array in arrays.items()}

    def along(step: complex) -> Any:
        moved = {name: np.asarray(x + step * ways[name]) for name, x in arrays.items()}
        return one_number(function(**moved))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of imaginary parts that are thrown away
            value = along(complex(0.0, COMPLEX_STEP))
            slope = (along(PROBE) - along(-PROBE)) / (2 * PROBE)
    except Exception:  # what has no complex form says so in a way of its own
        return False
    if not isinstance(value, complex):
        return False
    exact = value.imag / COMPLEX_STEP
    return abs(exact - slope) <= AGREEMENT * max(abs(exact), abs(slope), 1e-3)


def _claims(gradient: Callable[..., Any], arrays: Arrays) -> Mapping[str, Any]:
    """Copies of what the gradient gives, for it may hand out the same buffer twice."""
    given = _untouched("gradient", gradient, arrays)
    if isinstance(given, tuple | list) and len(given) == len(arrays):
        given = dict(zip(arrays, given, strict=True))
    elif isinstance(given, np.ndarray | float | int) and len(arrays) == 1:
        given = dict.fromkeys(arrays, given)
    if not isinstance(given, Mapping):
        names = ", ".join(arrays)
        raise ConfigError(f"the gradient is a {type(given).__name__}; expected arrays for {names}")
    if unknown := sorted(set(given) - set(arrays)):
        raise ConfigError(f"the gradient names {unknown}, but the inputs are {sorted(arrays)}")
    return {name: None if value is None else np.array(value) for name, value in given.items()}


def _claimed(
    first: np.ndarray | None, second: np.ndarray | None, x: np.ndarray
) -> tuple[np.ndarray, str]:
    """The claimed gradient, and what is wrong with it before any slope is measured."""
    if first is None:
        return np.zeros(x.shape), ""
    if first.shape != x.shape:
        return np.zeros(x.shape), f"has shape {first.shape}, its input {x.shape}"
    if first.dtype.kind not in "biuf":
        return np.zeros(x.shape), f"holds {first.dtype}, not real numbers"
    problem = ""
    if not np.isfinite(first).all():
        problem = "holds a number that is not finite"
    elif second is None or not np.array_equal(first, second):
        problem = "differs between two calls; does it add to an old one?"
    elif first.dtype.kind == "f" and first.dtype.itemsize < 8:
        problem = f"is {first.dtype} where its input is float64; it loses half the digits"
    return first.astype(float), problem


def _slopes(
    function: Callable[..., Any],
    arrays: Arrays,
    name: str,
    claimed: np.ndarray,
    how: tuple[Check, int],
) -> list[Slope]:
    """Every slope of one input, or `most` of them drawn without return."""
    check, index = how
    x, places = arrays[name], np.arange(arrays[name].size)
    if x.size > check.most:
        generator = np.random.default_rng((check.seed, index))
        places = np.sort(generator.permutation(x.size)[: check.most])
    # with complex numbers in every input the output is complex, whether or not it depends on this
    twins = {each: array.astype(complex) for each, array in arrays.items()}

    def alone(moved: np.ndarray) -> Any:
        others = twins if np.iscomplexobj(moved) else arrays
        return function(**{**others, name: moved})

    return [
        judged_slope(alone, x, place, float(claimed.flat[place]), check)
        for place in places.tolist()
    ]


def _tensor(name: str, claimed: np.ndarray, problem: str, slopes: list[Slope]) -> TensorReport:
    wrong = sum(not slope.right for slope in slopes)
    if wrong and not problem and not claimed.any():
        problem = "is zero or missing, yet the function depends on it; is the path cut?"
    smooth = [slope.error for slope in slopes if slope.sides is None]
    return TensorReport(
        name=name,
        shape=claimed.shape,
        checked=len(slopes),
        largest=max(smooth, default=0.0),
        mean=sum(smooth) / max(1, len(smooth)),
        worst=tuple(sorted(slopes, key=lambda slope: (slope.right, -slope.error))[:SHOWN]),
        kinks=tuple(slope for slope in slopes if slope.sides is not None),
        wrong=wrong,
        problem=problem,
    )
