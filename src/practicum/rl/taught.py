"""What the learners with networks have in common: the one loop over a source that acts."""

from typing import Any

from practicum.models.agents import AgentModel
from practicum.objectives.objective import Objective
from practicum.rl.agent import Agent
from practicum.rl.vector import Vector
from practicum.training.budget import Budget
from practicum.training.loop import Source, Watch, fit
from practicum.training.optimiser import AdamW

SILENT = Watch()
ADAM = AdamW(betas=(0.9, 0.999), decay=0.0)


def taught(
    model: AgentModel,
    source: Source,
    objective: Objective[Any],
    budget: Budget,
    *,
    vector: Vector,
    seed: int,
    watch: Watch,
) -> Agent:
    """`model` as an agent, after `fit`; the worlds of `vector` are let go whatever happens."""
    try:
        fit(model, source, objective, budget, seed=seed, watch=watch)
    finally:
        vector.close()
    return Agent(model)
