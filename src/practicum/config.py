"""Frozen descriptions: to JSON and back, changed by dotted path, named by a fingerprint.

A description is a `@dataclass(frozen=True, kw_only=True)` whose fields are numbers, strings,
booleans, None, literals, tuples, string-keyed dicts, or further descriptions. In JSON a description
is an object whose `kind` is its class name; a union is read by the kind of its members, so nothing
is registered anywhere.
"""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from practicum.errors import ConfigError

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Plain JSON data of a description, or of anything a field may hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(f"a {type(value).__name__} cannot stand in a description: {value!r}")


def from_json(expected: Any, data: Any, where: str = "") -> Any:
    """The value of type `expected` (a description, a union of them, or a field's type) in `data`.

    Raises ConfigError with the dotted place, what stands there and what was expected.
    """
    return _read(expected, data, where)


def fingerprint(*values: Any) -> str:
    """Twelve hexadecimal digits that name these descriptions, equal exactly when they are."""
    text = json.dumps([to_json(value) for value in values], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def override(description: T, path: str, text: str) -> T:
    """`description` with the field at the dotted `path` set to `text`, read as the field's type.

    A tuple's items are reached by index (`block.0.mixer.heads`). `text` is JSON where it parses as
    JSON and a plain string otherwise, so `adapt.steps=800`, `name=prose` and `rates=[1e-3,2e-3]`
    all work.

    Raises ConfigError: unknown field (with the known ones), or a value of another type.
    """
    head, _, rest = path.partition(".")
    if isinstance(description, tuple):
        return _override_item(description, head, rest, path, text)
    if not dataclasses.is_dataclass(description):
        raise ConfigError(f"'{path}' goes below a plain value ({description!r})")
    names = [f.name for f in dataclasses.fields(description)]
    owner = type(description).__name__
    if head not in names:
        raise ConfigError(f"{owner} has no '{head}'; it has {', '.join(names)}")
    current = getattr(description, head)
    hint = typing.get_type_hints(type(description))[head]
    changed = override(current, rest, text) if rest else _parse(hint, text, f"{owner}.{head}")
    return dataclasses.replace(typing.cast(Any, description), **{head: changed})


def _override_item(items: tuple, head: str, rest: str, path: str, text: str) -> Any:
    if not head.isdecimal() or int(head) >= len(items):
        raise ConfigError(f"'{path}': expected an index from 0 to {len(items) - 1}, got '{head}'")
    index = int(head)
    item = items[index]
    changed = override(item, rest, text) if rest else _parse(type(item), text, head)
    return (*items[:index], changed, *items[index + 1 :])


def _parse(hint: Any, text: str, where: str) -> Any:
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        data = text
    try:
        return _read(hint, data, where)
    except ConfigError:
        if isinstance(data, str):
            raise
        try:
            return _read(hint, text, where)  # a string field may look like a number: name=007
        except ConfigError:
            pass
        raise


def _read(hint: Any, data: Any, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return data
    if origin in (Union, types.UnionType):
        return _read_union(get_args(hint), data, where)
    if origin is Literal:
        if data in get_args(hint):
            return data
        raise _mismatch(where, data, "one of " + ", ".join(map(str, get_args(hint))))
    if origin is tuple:
        return _read_tuple(get_args(hint), data, where)
    if origin in (dict, Mapping) or hint is dict:
        if not isinstance(data, dict):
            raise _mismatch(where, data, "an object")
        value_hint = get_args(hint)[1] if get_args(hint) else Any
        return {k: _read(value_hint, v, f"{where}.{k}") for k, v in data.items()}
    if dataclasses.is_dataclass(hint):
        return _read_description(typing.cast(type, hint), data, where)
    return _read_plain(hint, data, where)


def _read_plain(hint: Any, data: Any, where: str) -> Any:
    if hint in (None, type(None)) and data is None:
        return None
    if hint is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if hint is int and isinstance(data, float) and data.is_integer():
        return int(data)  # 1e6 is how people write a million
    if hint in (int, str, bool) and type(data) is hint:
        return data
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    raise _mismatch(where, data, names.get(hint, getattr(hint, "__name__", str(hint))))


def _read_tuple(hints: tuple, data: Any, where: str) -> tuple:
    if not isinstance(data, list | tuple):
        raise _mismatch(where, data, "a list")
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_read(hints[0], item, f"{where}.{i}") for i, item in enumerate(data))
    if len(hints) != len(data):
        raise _mismatch(where, data, f"{len(hints)} items")
    return tuple(
        _read(hint, item, f"{where}.{i}")
        for i, (hint, item) in enumerate(zip(hints, data, strict=True))
    )


def _read_union(members: tuple, data: Any, where: str) -> Any:
    if isinstance(data, dict) and "kind" in data:
        described = [m for m in members if dataclasses.is_dataclass(m)]
        for member in described:
            if getattr(member, "__name__", "") == data["kind"]:
                return _read(member, data, where)
        kinds = ", ".join(getattr(m, "__name__", str(m)) for m in described)
        raise _mismatch(where, data["kind"], f"one of {kinds}")
    problems = []
    for member in sorted(members, key=lambda m: m is str):  # text last: it accepts the most
        try:
            return _read(member, data, where)
        except ConfigError as problem:
            problems.append(str(problem).rpartition("expected ")[2])
    raise _mismatch(where, data, " or ".join(problems))


def _read_description(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise _mismatch(where, data, f"a {cls.__name__}")
    given = {key: value for key, value in data.items() if key != "kind"}
    if data.get("kind", cls.__name__) != cls.__name__:
        raise _mismatch(where, data["kind"], cls.__name__)
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    for name in given:
        if name not in names:
            raise ConfigError(f"{cls.__name__} has no '{name}'; it has {', '.join(names)}")
    required = [
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in given]
    if missing:
        raise ConfigError(f"{cls.__name__} needs {', '.join(missing)}")
    place = f"{where}." if where else ""
    return cls(**{name: _read(hints[name], value, place + name) for name, value in given.items()})


def _mismatch(where: str, data: Any, expected: str) -> ConfigError:
    shown = repr(data)
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    return ConfigError(f"{where or 'value'} is {shown}; expected {expected}")
