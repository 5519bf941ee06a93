"""Reading a foreign `config.json` entry by entry, with errors that name what is not supported."""

from collections.abc import Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.kernels.activations import Activation

# Two names of one function: the first is what we write.
_NAMES: dict[Activation, tuple[str, ...]] = {
    "gelu_tanh": ("gelu_new", "gelu_pytorch_tanh"),
    "gelu": ("gelu",),
    "silu": ("silu", "swish"),
    "relu": ("relu",),
    "tanh": ("tanh",),
}


def named_activation(name: str) -> Activation:
    """Our name of their activation. Raises ModelError for one that is not built."""
    for ours, theirs in _NAMES.items():
        if name in theirs:
            return ours
    known = ", ".join(name for names in _NAMES.values() for name in names)
    raise ModelError(f"the configuration asks for the activation {name!r}; built are: {known}")


def activation_name(activation: Activation) -> str:
    """Their name of our activation."""
    return _NAMES[activation][0]


def whole(config: Mapping[str, Any], key: str, default: int) -> int:
    """The entry `key`, a positive whole number; `default` where it is absent or null."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(f"{key} is {value!r}; expected a positive whole number")
    return value


def number(config: Mapping[str, Any], key: str, default: float) -> float:
    """The entry `key`, a number; `default` where it is absent or null."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ModelError(f"{key} is {value!r}; expected a number")
    return float(value)


def refuse(config: Mapping[str, Any], *keys: str) -> None:
    """Raises ModelError where one of the switches `keys` is on: what they ask for is not built."""
    for key in keys:
        if config.get(key):
            raise ModelError(f"the configuration sets {key}, which is not built")
