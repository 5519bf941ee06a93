"""`practicum export`: a model as the folder that `transformers`, vLLM and others open."""

from pathlib import Path

import click

from practicum.cli.convert import rewrite, written_options


@click.command()
@written_options
def command(source: str, folder: Path, dtype: str | None, shard_gb: float, as_json: bool) -> None:
    """Write the model SOURCE to FOLDER as transformers, vLLM, TGI and others read it.

    SOURCE is whatever --model takes: a folder of ours or theirs, a .gguf file (decoded to float32),
    an asset or a hub name. `vllm serve FOLDER` then answers where one machine is not enough.
    """
    rewrite(source, folder, "transformers", dtype, shard_gb, as_json)
