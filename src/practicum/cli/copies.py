"""One model in one process, or copies of it in several: `--replicas`."""

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from practicum.cli.engine import Room
from practicum.cli.loading import Speaker, device_called
from practicum.cli.options import explained
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.serving.served import Served
    from practicum.serving.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Copies:
    """How often the model is there."""

    replicas: int = explained(
        1, "Processes, each with a copy of the model and its own --rows and --memory."
    )

    def __post_init__(self) -> None:
        if self.replicas < 1:
            raise ConfigError(f"--replicas {self.replicas}; expected 1 or more")

    def check(self) -> None:
        """Raises ConfigError where several are wanted and nothing here can keep them."""
        if self.replicas > 1:
            from practicum.serving.replicas import check_ray

            check_ray()

    def served(self, name: str, speaker: Speaker, room: Room, waiting: int) -> "Served":
        """The model, as clients see it. Raises what loading it raises."""
        from practicum.serving.served import Served

        make = partial(working, speaker, room, waiting)
        if self.replicas == 1:
            return Served.of(name, make())

        from practicum.serving.replicas import replicas

        cards = cards_of_each(device_called(speaker.device), self.replicas)
        spread, fingerprint = replicas(make, self.replicas, cards=cards)
        return Served(name=name, worker=spread, fingerprint=fingerprint)


def working(speaker: Speaker, room: Room, waiting: int) -> "Worker":
    """An engine with a model of its own, in this process."""
    return room.worker(speaker.read(), waiting)


def cards_of_each(device: str, replicas: int) -> float:
    """How many GPUs a replica reserves: one, or a part of one where there are too few for all.

    0 on the processor, and where one card is named: there they share it.
    """
    import torch

    if device != "cuda":
        return 0.0
    return 1 / math.ceil(replicas / max(1, torch.cuda.device_count()))
