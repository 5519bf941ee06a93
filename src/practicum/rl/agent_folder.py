"""An agent on disk: what it acts in, and its network's description and weights, or its table.

`description.json` holds all of it but the weights, which lie beside it as `model.safetensors`.
A folder changes all at once. Optimisers and replays are not kept: to learn on, keep checkpoints.
"""

import json
from pathlib import Path

import numpy as np
from torch import nn

from practicum.config import from_json, to_json
from practicum.errors import CheckpointError, ConfigError
from practicum.models.agents import ActionValues, Policy
from practicum.models.build import build
from practicum.models.safetensors_folder import open_weights, read_json, write_weights
from practicum.models.staging import staged
from practicum.rl.agent import Agent
from practicum.rl.environments import Environment, observations_of
from practicum.rl.tabular import TableAgent

NAME = "description.json"
ONE_FILE = 2**40  # bytes: an agent's weights are never split
Saved = Agent | TableAgent


def save_agent(agent: Saved, environment: Environment, folder: Path) -> None:
    """Write `agent`, which acts in `environment`, to `folder`.

    Raises CheckpointError where it cannot be written, ConfigError for a table over bins.
    """
    where = {"environment": to_json(environment)}
    with staged(folder) as aside:
        match agent:
            case Agent(model=model):
                tensors = {name: weight.detach() for name, weight in model.named_parameters()}
                write_weights(tensors, aside, max_shard_bytes=ONE_FILE)
                data = {**where, "network": to_json(model.description)}
            case TableAgent(table=table, ties=ties):
                data = {**where, "table": table.tolist(), "ties": ties}
        (aside / NAME).write_text(json.dumps(data, indent=1), encoding="utf-8")


def load_agent(folder: Path) -> tuple[Saved, Environment]:
    """The agent that `save_agent` wrote to `folder`, and what it acts in.

    Raises CheckpointError where it is missing, damaged, or of another environment than it says.
    """
    if not (folder / NAME).is_file():
        raise CheckpointError(f"{folder} holds no agent; expected {NAME} in it")
    data = read_json(folder / NAME)
    try:
        environment = from_json(Environment, data["environment"])
        if "network" in data:
            description = from_json(Policy | ActionValues, data["network"])
            model = build(description)
            _fill(model, folder)
            return Agent(model), environment
        env = environment.make()
        table, numbers = np.array(data["table"], np.float64), observations_of(env)
        env.close()
        return TableAgent(table, numbers, data["ties"]), environment
    except (KeyError, ValueError, ConfigError) as problem:
        raise CheckpointError(f"{folder / NAME} describes no agent: {problem}") from problem


def _fill(model: nn.Module, folder: Path) -> None:
    weights = open_weights(folder)
    for name, parameter in model.named_parameters():
        if weights.shapes.get(name) != tuple(parameter.shape):
            raise CheckpointError(f"{folder} has no weights {name} of {tuple(parameter.shape)}")
        parameter.data.copy_(weights.read(name))
