"""What was kept acts as what was learned."""

import json

import numpy as np
import pytest

from practicum.errors import CheckpointError
from practicum.models.action_heads import Categorical, Gaussian
from practicum.models.agents import ActionValues, Policy
from practicum.models.build import build
from practicum.models.trunks import Convolutions, Dense
from practicum.rl.agent import Agent
from practicum.rl.agent_folder import load_agent, save_agent
from practicum.rl.environments import Environment
from practicum.rl.tabular import QLearning

CART = Environment(id="CartPole-v1", options=(("max_episode_steps", 9),))
NETWORKS = {
    "policy": Policy(shape=(4,), head=Categorical(choices=2)),
    "no baseline": Policy(shape=(4,), head=Categorical(choices=2), baseline=False),
    "gaussian": Policy(shape=(4,), head=Gaussian(size=2)),
    "values": ActionValues(shape=(4,), choices=2, trunk=Dense(hidden=(8,)), dueling=True),
    "convolutions": ActionValues(shape=(2, 40, 40), choices=3, trunk=Convolutions(hidden=16)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_bit_for_bit(name, tmp_path):
    agent = Agent(build(NETWORKS[name], seed=3))
    save_agent(agent, CART, tmp_path / "agent")
    back, environment = load_agent(tmp_path / "agent")
    assert environment == CART
    seen = np.random.default_rng(0).random((50, *NETWORKS[name].shape), np.float32)
    assert (back.act(seen) == agent.act(seen)).all()
    assert back.model.description == NETWORKS[name]


def test_a_table_comes_back_with_its_ties(tmp_path):
    lake = Environment(id="FrozenLake-v1")
    agent = QLearning(ties="first").learn(lake, episodes=200, seed=0)
    save_agent(agent, lake, tmp_path)
    back, environment = load_agent(tmp_path)
    assert environment == lake
    assert (back.table == agent.table).all()
    assert (back.policy == agent.policy).all()
    assert (back.act(np.eye(16, dtype=np.float32)) == agent.act(np.eye(16, dtype=np.float32))).all()


def test_a_folder_without_an_agent_or_a_damaged_one_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="holds no agent"):
        load_agent(tmp_path)
    save_agent(Agent(build(NETWORKS["policy"])), CART, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError):
        load_agent(tmp_path)
    save_agent(Agent(build(NETWORKS["policy"])), CART, tmp_path)
    description = json.loads((tmp_path / "description.json").read_text())
    description["network"]["trunk"]["hidden"] = [32]
    (tmp_path / "description.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="has no weights"):
        load_agent(tmp_path)
    (tmp_path / "description.json").write_text('{"environment": 3}')
    with pytest.raises(CheckpointError, match="describes no agent"):
        load_agent(tmp_path)
