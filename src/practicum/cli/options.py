"""Options from a description: each field of a frozen dataclass is an option of a verb.

@dataclass(frozen=True, kw_only=True)
class Shape:
    width: int = explained(256, "Width of the network.")

@click.command()
@options_of(Shape)
def command() -> None:
    shape = chosen(Shape)
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import click

from practicum.errors import ConfigError

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


class Finite(click.types.FloatParamType):
    """A number, and neither infinity nor `nan`, which slip through comparisons."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See Click."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def explained(default: T, text: str) -> T:
    """A field with its default and what its option's help says."""
    return dataclasses.field(default=default, metadata={"help": text})


def options_of(description: type) -> Callable[[Command], Command]:
    """Add the options of `description`'s fields; `chosen` then gives it as it was asked for."""

    def decorate(command: Command) -> Command:
        hints = typing.get_type_hints(description)
        for field in reversed(dataclasses.fields(description)):
            command = _option(description, field, hints[field.name])(command)
        return command

    return decorate


def chosen(description: type[T]) -> T:
    """What the options of the running verb say."""
    return description(**click.get_current_context().meta[_key(description)])


@contextmanager
def naming(options: Mapping[str, str]) -> Iterator[None]:
    """Within the block a ConfigError about a field, such as `Settings.rows`, names its option."""
    try:
        yield
    except ConfigError as problem:
        said = str(problem)
        for field, option in options.items():
            said = said.replace(field, option)
        raise ConfigError(said) from problem


def _key(description: type) -> str:
    return f"{description.__module__}.{description.__qualname__}"


def _option(description: type, field: "dataclasses.Field[Any]", hint: Any) -> Any:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        context.meta.setdefault(_key(description), {})[parameter.name] = value

    more: dict[str, Any] = {"type": _kind(hint)}
    if hint is bool:
        more = {"is_flag": True}
    elif typing.get_origin(hint) is tuple:
        more = {"type": typing.get_args(hint)[0], "multiple": True}
    return click.option(
        f"--{field.name.replace('_', '-')}",
        field.name,
        default=field.default,
        show_default=hint is not bool and field.default not in (None, (), ""),
        help=field.metadata["help"],
        expose_value=False,
        callback=keep,
        **more,
    )


def _kind(hint: Any) -> Any:
    """The Click type of a field: a plain type, a choice of literals, or either of them or None."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):  # the latter of a Literal
        hint = next(member for member in typing.get_args(hint) if member is not types.NoneType)
    if typing.get_origin(hint) is Literal:
        return click.Choice(typing.get_args(hint))
    return Finite() if hint is float else hint
