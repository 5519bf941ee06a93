"""`practicum convert`: a model rewritten as a `transformers` folder, or as one of ours."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click

from practicum.cli.render import json_option, print_json, showing_progress
from practicum.errors import ConfigError

DTYPES = ("float32", "bfloat16", "float16")
DESCRIPTIONS = ("config.json", "description.json")  # one of which every model's folder holds


def written_options(command: Callable[..., None]) -> Callable[..., None]:
    """What can be said of the folder that a model is written to."""
    options = (
        click.argument("source"),
        click.argument("folder", type=click.Path(path_type=Path)),
        click.option(
            "--dtype", type=click.Choice(DTYPES), help="Of the weights.  [default: as stored]"
        ),
        click.option(
            "--shard-gb", default=5.0, show_default=True, help="Larger weights are several files."
        ),
        click.option("--force", is_flag=True, help="Replace the model that FOLDER holds."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@written_options
@click.option(
    "--layout",
    type=click.Choice(["transformers", "practicum"]),
    help="Names and files of that library, or ours.  [default: the one SOURCE is not in]",
)
def command(**asked: Any) -> None:
    """Write the model SOURCE to FOLDER in another layout, one tensor at a time.

    SOURCE is whatever --model takes: a folder, a .gguf file (decoded to float32), an asset or a hub
    name. What the weights hold and the description has no place for is refused by name.
    """
    rewrite(**asked)


def rewrite(
    source: str,
    folder: Path,
    layout: Literal["transformers", "practicum"] | None,
    dtype: str | None,
    shard_gb: float,
    force: bool,
    as_json: bool,
) -> None:
    """Write the model and say so. Raises ConfigError for a place or a size that is none."""
    import torch

    from practicum.models.convert import convert

    if not 0.0 < shard_gb < 1e6:
        raise ConfigError(f"--shard-gb is {shard_gb}; expected more than 0")
    if folder.is_file():
        raise ConfigError(f"{folder} is a file; name a folder to write to")
    if not force and any((folder / name).exists() for name in DESCRIPTIONS):
        raise ConfigError(f"{folder} holds a model already; give --force or another folder")
    with showing_progress():
        done = convert(
            source,
            folder,
            layout=layout,
            dtype=None if dtype is None else getattr(torch, dtype),
            max_shard_bytes=int(shard_gb * 1e9),
        )
    if as_json:
        print_json(asdict(done))
        return
    click.echo(
        f"{done.source} → {done.target}: {done.architecture}, {done.parameters:,} parameters; "
        f"{done.read:,} tensors read, {done.written:,} written ({done.bytes / 1e9:.2f} GB)"
    )
    if done.left:
        names = ", ".join(done.left[:5]) + (" …" if len(done.left) > 5 else "")
        click.echo(f"left, as they hold no weights of their own: {names}")
    if done.lacking:
        click.echo(f"note: no tokenizer was written: {done.lacking}", err=True)
