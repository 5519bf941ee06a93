"""A model that a server runs, in the place of one that is loaded here."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from practicum.cli.loading import Speaker
from practicum.cli.options import explained
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.serving.endpoint import Endpoint

KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Which server, and where its key stands."""

    endpoint: str | None = explained(
        None, "Ask a server up to /v1 instead, for its only model or --model NAME."
    )
    api_key_from: str = explained(KEY, "The environment variable that holds the server's key.")

    def ask(self, speaker: Speaker) -> "Endpoint | None":
        """The server's model; None where none is named. Raises ConfigError, and as `Endpoint`."""
        if self.endpoint is None:
            return None
        from practicum.serving.endpoint import Endpoint

        key = os.environ.get(self.api_key_from)
        if key is None and self.api_key_from != KEY:
            raise ConfigError(f"--api-key-from is {self.api_key_from}, which is not set")
        source = click.get_current_context().get_parameter_source("model")
        named = None if source is ParameterSource.DEFAULT else speaker.model
        return Endpoint.at(self.endpoint, model=named, key=key)
