"""`practicum sizes`: what a family's published shapes come to, counted without allocating them."""

from importlib import import_module
from pkgutil import iter_modules

import click

from practicum.cli.render import json_option, print_table
from practicum.errors import UnknownName


@click.command()
@click.argument("family", required=False)
@json_option
def command(family: str | None, as_json: bool) -> None:
    """Parameters of every published size of FAMILY (default: all), counted and as published."""
    known = families()
    if family is not None and family not in known:
        raise UnknownName("family", family, known)
    rows = [row for name in ([family] if family else known) for row in _rows(name)]
    print_table(rows, as_json=as_json)


def families() -> list[str]:
    """The families that there is a file for."""
    import practicum.models.families as room

    return sorted(module.name for module in iter_modules(room.__path__))


def _rows(family: str) -> list[dict[str, str | int | bool]]:
    from practicum.models.build import parameters_of

    sizes = import_module(f"practicum.models.families.{family}").SIZES
    rows = []
    for name, (description, published) in sizes.items():
        counted = parameters_of(description)
        rows.append(
            {
                "family": family,
                "size": name,
                "layers": description.stack.depth,
                "width": description.stack.width,
                "vocabulary": description.vocab,
                "context": description.context,
                "counted": counted,
                "published": published,
                "equal": counted == published,
            }
        )
    return rows
