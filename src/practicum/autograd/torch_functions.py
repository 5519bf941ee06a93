"""Functions and modules of torch, brought to the gradient checker and to the circuit view.

The checks are made on copies in double precision and evaluation mode: dropout is off and batch
statistics stand still. An output that is not one number is summed with fixed random weights, so
that errors that cancel in a plain sum show too. Of this room only
this file and `torch_recorder` need torch.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.autograd.gradient_check import Report, check_gradients
from practicum.autograd.gradient_flow import GradientFlow
from practicum.autograd.slopes import USUAL, Check
from practicum.autograd.torch_recorder import record
from practicum.errors import ConfigError

Inputs = Mapping[str, Any] | Sequence[Any] | Tensor | np.ndarray
Leaves = dict[str, Tensor]


def verify_gradients(
    target: nn.Module | Callable[..., Any], inputs: Inputs, how: Check = USUAL
) -> Report:
    """Check torch's gradients of `target` with respect to its inputs and, of a module, its weights.

    `inputs` are arguments by name, or in order (called input 0, input 1, …). Whole numbers and
    everything else that has no slope is passed on as it is. Custom `autograd.Function`s are checked
    like anything else.

    Raises ConfigError where there is nothing to check, as `check_gradients` does.
    """
    call, leaves = _prepared(target, inputs)
    return _checked(call, leaves, how)


def verify_loss(model: nn.Module, loss: Callable[[nn.Module], Any], how: Check = USUAL) -> Report:
    """Check the gradients of the weights of `model` under a loss, such as an objective's:
    `verify_loss(model, lambda m: objective.loss(m, in_double(batch)).total)`.
    """
    model = copy.deepcopy(model).double().eval()
    return _checked(lambda: loss(model), _weights(model), how)


def explain_gradient(target: nn.Module | Callable[..., Any], inputs: Inputs) -> GradientFlow:
    """The circuit of a loss with the gradient on every wire, and what each gate hands back.

    Every operation of torch becomes a gate, called like it. Inputs as for `verify_gradients`; they
    and the weights of a module keep their names. The target runs once, as it is.

    Raises ConfigError when it does not give one number, or nothing in it has a gradient.
    """
    named, in_order = _named(inputs)
    given = {name: _tensor(value) for name, value in named.items()}
    for name, value in given.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            given[name] = value.detach().clone().requires_grad_()
    names = {name: value for name, value in given.items() if isinstance(value, Tensor)}
    if isinstance(target, nn.Module):
        names |= dict(target.named_parameters())
    call = (lambda: target(*given.values())) if in_order else (lambda: target(**given))
    return GradientFlow(record(call, names))


def assert_gradients(
    target: nn.Module | Callable[..., Any], inputs: Inputs, how: Check = USUAL
) -> None:
    """For tests: raises AssertionError, saying where and by how much, for a wrong gradient."""
    report = verify_gradients(target, inputs, how)
    if not report.passed:
        raise AssertionError(str(report))


def in_double(value: Any) -> Any:
    """`value` with every tensor of real numbers in it in double precision.

    Reaches into tuples, lists, dicts and data classes, such as a batch.
    """
    if isinstance(value, Tensor):
        return value.detach().double() if value.is_floating_point() else value
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return torch.from_numpy(value.astype(np.float64))
    if isinstance(value, tuple | list):
        return type(value)(map(in_double, value))
    if isinstance(value, dict):
        return {key: in_double(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return replace(value, **{name: in_double(getattr(value, name)) for name in names})
    return value


def _prepared(
    target: nn.Module | Callable[..., Any], inputs: Inputs
) -> tuple[Callable[[], Any], Leaves]:
    """The call, and the tensors that it reads: the real inputs, and the weights of a module."""
    named, in_order = _named(inputs)
    given = {name: in_double(_tensor(value)) for name, value in named.items()}
    leaves = {
        name: x.clone().requires_grad_()
        for name, x in given.items()
        if isinstance(x, Tensor) and x.is_floating_point()
    }
    given |= leaves
    if isinstance(target, nn.Module):
        target = copy.deepcopy(target).double().eval()
        weights = _weights(target)
        if clash := sorted(set(weights) & set(leaves)):
            raise ConfigError(f"{clash} name inputs and weights alike; give the inputs in order")
        leaves |= weights
    if in_order:
        return lambda: target(*given.values()), leaves
    return lambda: target(**given), leaves


def _named(inputs: Inputs) -> tuple[dict[str, Any], bool]:
    """The inputs by name, and whether they were given in order."""
    if isinstance(inputs, Mapping):
        return dict(inputs), False
    listed = (inputs,) if isinstance(inputs, Tensor | np.ndarray) else inputs
    return {f"input {i}": x for i, x in enumerate(listed)}, True


def _weights(model: nn.Module) -> Leaves:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _tensor(value: Any) -> Any:
    """Numbers with a point and arrays as tensors; everything else as it is."""
    if isinstance(value, float):
        return torch.tensor(value, dtype=torch.float64)
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _checked(call: Callable[[], Any], leaves: Leaves, how: Check) -> Report:
    """`check_gradients` of the call as a function of what its leaves hold."""
    arrays = {name: leaf.detach().cpu().numpy().copy() for name, leaf in leaves.items()}

    def put(given: dict[str, np.ndarray]) -> None:
        kind = complex if any(map(np.iscomplexobj, given.values())) else float
        for name, array in given.items():
            tensor = torch.from_numpy(np.asarray(array, dtype=kind))
            leaves[name].data = tensor.to(leaves[name].device)

    def function(**given: np.ndarray) -> np.ndarray:
        put(given)
        with torch.no_grad():
            value = _projected(call()).cpu()
        exact = value.dtype in (torch.float64, torch.complex128)
        return value.numpy() if exact else value.float().numpy()

    def gradient(**given: np.ndarray) -> dict[str, np.ndarray | None]:
        put(given)
        with torch.enable_grad():
            value = _projected(call())
        if not value.requires_grad:
            return {}
        found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        pairs = zip(leaves, found, strict=True)
        return {name: None if g is None else g.cpu().numpy() for name, g in pairs}

    return check_gradients(function, gradient, arrays, how)


def _projected(out: Any) -> Tensor:
    """The output as one number: itself, or its sum with fixed random weights."""
    parts = list(_parts(out))
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise ConfigError(f"the target gives {type(out).__name__}; expected one tensor or more")
    if len(parts) == 1 and parts[0].numel() == 1:
        return parts[0].reshape(())
    generator = torch.Generator().manual_seed(0)
    sums = []
    for part in parts:
        weights = torch.rand(part.shape, generator=generator, dtype=torch.float64) + 0.5
        if part.is_floating_point() or part.is_complex():
            sums.append((part * weights.to(device=part.device, dtype=part.dtype)).sum())
    if not sums:
        raise ConfigError(f"the target gives {parts[0].dtype}, which has no gradient")
    return torch.stack(sums).sum()


def _parts(out: Any) -> Iterator[Any]:
    """What an output is made of, nested tuples and lists taken apart."""
    if isinstance(out, tuple | list):
        for part in out:
            yield from _parts(part)
    else:
        yield out
