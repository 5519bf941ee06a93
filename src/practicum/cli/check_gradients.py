"""`practicum check-gradients`: one's own gradient beside slopes measured from values."""

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table
from practicum.errors import ConfigError, UnknownName
from practicum.own_code import blaming, target_called

if TYPE_CHECKING:
    from practicum.autograd.gradient_check import Report

FAILED = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How to check."""

    gradient: str | None = explained(
        None, "Name, in the same code, of the gradient of a NumPy function."
    )
    input: tuple[str, ...] = explained(
        (), "An input to draw: x=3,4 its shape, ids=2,5:10 whole numbers below 10, x one number."
    )
    by: Literal["auto", "centred", "complex"] = explained(
        "auto", "Centred differences, or complex steps where the function takes them."
    )
    step: float = explained(1e-5, "Step of centred differences, times max(1, |x|).")
    tolerance: float = explained(1e-7, "Largest relative error of a slope; 1e-4 at kinks.")
    most: int = explained(200, "Slopes checked per tensor; of larger ones that many are drawn.")
    seed: int = explained(0, "Of the inputs and slopes that are drawn.")


@dataclass(frozen=True)
class Case:
    """What is checked; without a gradient it is torch's."""

    function: Any
    gradient: Callable[..., Any] | None
    inputs: Any


@click.command()
@click.argument("target", metavar="TARGET")
@options_of(Asked)
@json_option
def command(target: str, as_json: bool) -> int:
    """Check the gradient of TARGET, module:name or file.py:name; the status is 1 if it is wrong.

    TARGET is a function without arguments that gives (function, inputs) of torch, or (function,
    gradient, inputs) of NumPy. Or a function of arrays, with an --input for each of them and,
    unless it is one of torch, its --gradient. Or a module of torch, its class, or a function
    without arguments that makes one, with an --input for whatever it takes.
    """
    asked = chosen(Asked)
    module, found = target_called(target)
    with blaming(f"'{target}' fails"):
        report = _checked(_case(target, module, found, asked), asked)
    if as_json:
        print_json(_plain({"passed": report.passed, **asdict(report)}))
        return 0 if report.passed else FAILED
    rows = [
        {
            "tensor": tensor.name,
            "shape": "×".join(map(str, tensor.shape)) or "number",
            "checked": tensor.checked,
            "largest_error": tensor.largest,
            "mean_error": tensor.mean,
            "kinks": len(tensor.kinks),
            "wrong": tensor.wrong,
            "right": tensor.passed,
        }
        for tensor in report.tensors
    ]
    print_table(rows)
    for tensor in report.tensors:
        wrong = [slope for slope in tensor.worst if not slope.right]
        if wrong:
            keys = ("claimed", "measured", "error")
            told = [{"at": str(list(s.place)), **{k: getattr(s, k) for k in keys}} for s in wrong]
            print_table(told, title=f"worst slopes of {tensor.name}")
    steps = "complex steps" if report.how.by == "complex" else "centred differences"
    click.echo(f"by {steps}, {report}")
    return 0 if report.passed else FAILED


def _case(target: str, module: ModuleType, found: Any, asked: Asked) -> Case:
    """What TARGET asks to check."""
    if inspect.isclass(found) or (inspect.isroutine(found) and not _takes(found)):
        found = found()
    if isinstance(found, tuple) and len(found) == 2:
        return Case(found[0], None, found[1])
    if isinstance(found, tuple) and len(found) == 3:
        return Case(found[0], found[1], _by_name(found[0], found[2]))
    if not callable(found):
        raise ConfigError(
            f"'{target}' gives a {type(found).__name__}; expected (function, inputs), (function, "
            "gradient, inputs), a function of arrays or a module of torch"
        )
    gradient = None
    if asked.gradient:
        if not hasattr(module, asked.gradient):
            raise UnknownName(f"name in {target.rpartition(':')[0]}", asked.gradient, vars(module))
        gradient = getattr(module, asked.gradient)
    return Case(found, gradient, _drawn(target, found, asked))


def _takes(function: Any) -> list[str]:
    """The names of the arguments that have to be given; none where nothing is told of them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin
        return ["?"]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in named and p.default is p.empty]


def _by_name(function: Any, inputs: Any) -> Mapping[str, Any]:
    """Inputs given in order get the names of the function's arguments."""
    if isinstance(inputs, Mapping):
        return inputs
    listed = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    names = _takes(function)
    if len(names) != len(listed):
        raise ConfigError(f"the function takes {names}, but {len(listed)} inputs are given")
    return dict(zip(names, listed, strict=True))


def _drawn(target: str, function: Any, asked: Asked) -> dict[str, Any]:
    """The inputs that --input describes: normal numbers, or whole ones below a bound."""
    import numpy as np

    needed = _takes(getattr(function, "forward", function))
    drawn = {}
    for index, given in enumerate(asked.input):
        name, equals, text = given.partition("=")
        shape, colon, below = text.partition(":")
        sides = shape.split(",") if equals and shape else []
        if not name or not all(side.isdecimal() for side in sides) or (equals and not sides):
            raise ConfigError(f"--input {given}: expected x=3,4, x, or ids=2,5:10")
        if colon and (not below.isdecimal() or below == "0"):
            raise ConfigError(f"--input {given}: expected a bound of at least 1 after the colon")
        generator = np.random.default_rng((asked.seed, index))
        size = tuple(map(int, sides))
        integers = generator.integers(int(below), size=size) if colon else None
        drawn[name] = np.asarray(generator.normal(size=size) if integers is None else integers)
    missing = [name for name in needed if name not in drawn and name != "?"]
    if missing:
        told = " ".join(f"--input {name}=3,4" for name in missing)
        raise ConfigError(f"'{target}' takes {', '.join(needed)}; give shapes, such as {told}")
    return drawn


def _checked(case: Case, asked: Asked) -> "Report":
    from practicum.autograd.gradient_check import check_gradients
    from practicum.autograd.slopes import Check

    how = Check(
        by=None if asked.by == "auto" else asked.by,
        h=asked.step,
        smooth=asked.tolerance,
        kinked=max(1e-4, asked.tolerance),
        most=asked.most,
        seed=asked.seed,
    )
    if case.gradient is not None:
        return check_gradients(case.function, case.gradient, case.inputs, how)
    if "torch" not in sys.modules:
        raise ConfigError(
            "the function is not one of torch, so its gradient has to be given: "
            "(function, gradient, inputs), or --gradient NAME"
        )
    from practicum.autograd.torch_functions import verify_gradients

    return verify_gradients(case.function, case.inputs, how)


def _plain(value: Any) -> Any:
    """For JSON, which knows no tuples and no nan."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
