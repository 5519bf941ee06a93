"""Learning to look at one place: the choice has no slope, so REINFORCE stands in for it.

    ∂ log p(y|s̃) + λ_r (log p(y|s̃) − b) ∂ log π(s̃) + λ_e ∂ H[π],    s̃ drawn from π
    b ← 0.9 b + 0.1 log p(y|s̃)                            (Xu et al. 2015, §4.1)

Without the baseline b every choice is made less likely, the worse ones a little more, and what is
learned drowns in that. For each example the draw is, with probability 0.5, replaced by its
expectation; there the gradient is the ordinary one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.data.retrieval import Lookup
from practicum.errors import ConfigError
from practicum.kernels.alignment import entropy, read
from practicum.models.retriever import RetrieverModel
from practicum.objectives.objective import Loss
from practicum.objectives.retrieval import Lookups, lookups


class Chooser(nn.Module):
    """A retriever whose reader chooses, and the reward it is used to: b, kept with the weights."""

    def __init__(self, model: RetrieverModel) -> None:
        super().__init__()
        self.model = model
        device = next(model.parameters()).device
        self.usual = nn.Parameter(torch.zeros((), device=device), requires_grad=False)

    def forward(
        self, keys: Int[Tensor, "b s"], values: Int[Tensor, "b s"], asked: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t v"]:
        return self.model(keys, values, asked)


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """REINFORCE with Xu's three remedies; each can be left out."""

    memory: float | None = 0.9  # share of the old baseline in the new one; None: no baseline
    reward: float = 1.0  # λ_r
    entropy: float = 0.01  # λ_e, nats of reward per nat of entropy
    expected: float = 0.5  # share of the examples read by expectation

    def __post_init__(self) -> None:
        if self.memory is not None and not 0.0 <= self.memory < 1.0:
            raise ConfigError(f"Choosing.memory is {self.memory}; expected 0 ≤ memory < 1, or None")
        if not 0.0 <= self.expected <= 1.0:
            raise ConfigError(f"Choosing.expected is {self.expected}; expected a share, 0 to 1")

    def prepare(self, examples: Sequence[Lookup], generator: torch.Generator) -> Lookups:
        return lookups(examples, generator)

    def loss(self, model: Chooser, batch: Lookups) -> Loss:
        """The surrogate whose gradient is the above; `parts` has the nats without λ terms.

        While training, the baseline moves on.
        """
        inner, generator = model.model, batch.generator
        looked = inner.look(batch.keys, batch.values, batch.asked, generator=generator)
        soft = torch.rand(batch.count, generator=generator, device=batch.keys.device)
        soft = soft < self.expected
        memory = inner.memory(batch.keys, batch.values)
        mixed = read(looked.aligned.policy, memory)
        vectors = torch.where(soft[:, None, None], mixed, looked.vectors)
        logits = inner.answer(vectors, batch.asked)[:, 0]
        nats = F.cross_entropy(logits, batch.answers, reduction="none")
        reward = -nats.detach()
        usual = 0.0 if self.memory is None else model.usual
        advantage = (reward - usual).masked_fill(soft, 0.0)
        chosen = self.reward * advantage * looked.aligned.log_chosen()[:, 0]
        spread = self.entropy * entropy(looked.aligned.policy)[:, 0]
        if self.memory is not None and model.training and not bool(soft.all()):
            with torch.no_grad():
                model.usual.lerp_(reward[~soft].mean(), 1.0 - self.memory)
        parts = {"nats": nats.detach().sum()}
        return Loss((nats - chosen - spread).sum(), batch.count, parts)
