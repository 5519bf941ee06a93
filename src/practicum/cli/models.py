"""`practicum models`: what `--model` can name on this machine."""

import click

from practicum.cli.render import json_option, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Models that can be loaded here by name.

    Beside these, --model takes a model's folder, a .gguf file, and any name of the hub.
    """
    from practicum.models.load import loadable

    rows = [
        {
            "name": model.name,
            "kind": model.kind,
            "here": model.path is not None,
            "about": model.about,
            "place": str(model.path) if model.path else f"practicum data add {model.name}",
        }
        for model in loadable()
    ]
    print_table(rows, as_json=as_json)
