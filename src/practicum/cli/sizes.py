"""`practicum sizes`: what a family's published shapes come to, counted without allocating them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
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
@click.option(
    "--context",
    "contexts",
    type=click.IntRange(1, 1 << 30),
    multiple=True,
    help="Tokens of a text, for cache and operations; may be given again.  [default: its own]",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="bfloat16",
    show_default=True,
    help="Of weights and cache.",
)
@json_option
def command(family: str | None, contexts: tuple[int, ...], dtype: str, as_json: bool) -> None:
    """Every published size of FAMILY (default: all): what it is made of, and what it costs.

    Parameters are counted and compared with the published number. GFLOP are per token: of training
    on texts of that context, and of decoding the token after it.
    """
    known = families()
    if family is not None and family not in known:
        raise UnknownName("family", family, known)
    rows = [
        row
        for name in known
        if family in (None, name)
        for size, (description, published) in known[name].items()
        for row in _rows(f"{name} {size}", description, published, contexts or (None,), dtype)
    ]
    print_table(rows if as_json else [_readable(row) for row in rows], as_json=as_json)


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
    name: str,
    description: "Described[Any]",
    published: int,
    contexts: Sequence[int | None],
    dtype: str,
) -> Iterator[dict[str, Any]]:
    import torch

    from practicum.models.size_sheet import size_sheet

    family, _, size = name.partition(" ")
    for context in contexts:
        sheet = size_sheet(description, context=context, dtype=getattr(torch, dtype))
        yield {
            "family": family,
            "size": size,
            **asdict(sheet),
            "published": published,
            "equal": sheet.parameters == published,
        }


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """The same for the width of a terminal."""
    parts = row["parts"]
    rest = row["parameters"] - sum(parts.get(name, 0) for name in ("embedding", "mixer", "ffn"))
    return {
        "family": row["family"],
        "size": row["size"],
        "parameters": row["parameters"],
        "published": "equal" if row["equal"] else f"{row['published']:,}",
        "active": row["active"] if row["active"] != row["parameters"] else None,
        "embedding": parts.get("embedding"),
        "mixers": parts.get("mixer"),
        "feed-forward": parts.get("ffn"),
        "other": rest,
        "context": row["context"],
        "weights_GB": row["weights_bytes"] / 1e9,
        "cache_GB": _in(1e9, row["cache_bytes"]),
        "training_GFLOP": _in(1e9, row["training_flops"]),
        "decoding_GFLOP": _in(1e9, row["decoding_flops"]),
    }


def _in(unit: float, value: float | None) -> float | None:
    return None if value is None else value / unit
