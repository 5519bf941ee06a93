"""`practicum sizes`: what a family's published shapes come to, counted without allocating them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.render import json_option, print_table
from practicum.errors import UnknownName

if TYPE_CHECKING:
    from practicum.models.build import Described


@click.command()
@click.argument("family", required=False)
@json_option
def command(family: str | None, as_json: bool) -> None:
    """Parameters of every published size of FAMILY (default: all), counted and as published."""
    known = families()
    if family is not None and family not in known:
        raise UnknownName("family", family, known)
    rows = [row for name in known if family in (None, name) for row in _rows(name, known[name])]
    print_table(rows, as_json=as_json)


def families() -> dict[str, dict[str, tuple["Described[Any]", int]]]:
    """Every family's table of sizes: a family is a file of that room which has one."""
    import practicum.models.families as room

    found = {}
    for file in iter_modules(room.__path__):
        module = import_module(f"{room.__name__}.{file.name}")
        if "SIZES" in vars(module):
            found[file.name] = module.SIZES
    return found


def _rows(
    family: str, sizes: dict[str, tuple["Described[Any]", int]]
) -> list[dict[str, str | int | bool | None]]:
    from practicum.models.build import parameters_of
    from practicum.models.decoder import Decoder

    rows = []
    for name, (description, published) in sizes.items():
        counted = parameters_of(description)
        text = isinstance(description, Decoder)
        rows.append(
            {
                "family": family,
                "size": name,
                "layers": description.stack.depth if text else None,
                "width": description.stack.width if text else None,
                "vocabulary": description.vocab if text else None,
                "context": description.context if text else None,
                "counted": counted,
                "published": published,
                "equal": counted == published,
            }
        )
    return rows
