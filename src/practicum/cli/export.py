"""`practicum export`: a model as the folder that `transformers`, vLLM and others open."""

from typing import Any

import click

from practicum.cli.convert import rewrite, written_options


@click.command()
@written_options
def command(**asked: Any) -> None:
    """Write the model SOURCE to FOLDER as transformers, vLLM, TGI and others read it.

    SOURCE is whatever --model takes: a folder of ours or theirs, a .gguf file (decoded to float32),
    an asset or a hub name. `vllm serve FOLDER` then answers where one machine is not enough.
    """
    rewrite(layout="transformers", **asked)
