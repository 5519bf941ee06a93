"""Networks of agents: what a policy prefers, what a state is worth, what each action is worth.

`Policy` makes scores of a distribution over actions and, where it has a baseline, the value V(s);
`ActionValues` makes Q(s, a). Observations are (b, *shape); bytes (pixels) are divided by 255. While
acting, a few rows at a time pass through `reader`, which for dense networks on a CPU takes NumPy:
a third of the time of torch's calls, or less.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.models.action_heads import Gaussian, Head
from practicum.models.perceptron import PerceptronModel
from practicum.models.trunks import ConvolutionsModel, Dense, Trunk
from practicum.nn.initial import Constant, Orthogonal, Rule, Uniform
from practicum.nn.linear import LinearLayer

Reader = Callable[[np.ndarray], np.ndarray]
AnyTrunkModel = PerceptronModel | ConvolutionsModel


@dataclass(frozen=True, kw_only=True)
class Policy:
    """π(a | s), and with a `baseline` V(s) beside it, from a trunk of its own unless `shared`."""

    shape: tuple[int, ...]  # of one observation
    head: Head
    trunk: Trunk = Dense()
    baseline: bool = True
    shared: bool = False

    def __post_init__(self) -> None:
        self.trunk.inputs(self.shape)  # which refuses observations that it cannot read

    @property
    def initial(self) -> tuple[Rule, ...]:
        """Orthogonal with gain √2, 0.01 for the scores (every action nearly as likely), 1 for V."""
        return (
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="head.weight", start=Orthogonal(gain=0.01)),
            Rule(names="value.weight", start=Orthogonal(gain=1.0)),
            Rule(names="log_std", start=Constant(value=getattr(self.head, "log_std", 0.0))),
            Rule(names="*", start=Orthogonal(gain=math.sqrt(2))),
        )

    def build(self) -> "PolicyModel":
        return PolicyModel(self)


@dataclass(frozen=True, kw_only=True)
class ActionValues:
    """Q(s, a) for each of `choices` actions.

    `dueling` (Wang et al. 2016, eq. 9): Q = V(s) + A(s, a) − mean over a′ of A(s, a′).
    """

    shape: tuple[int, ...]  # of one observation
    choices: int
    trunk: Trunk = Dense(hidden=(128, 128), activation="relu")
    dueling: bool = False

    def __post_init__(self) -> None:
        self.trunk.inputs(self.shape)  # which refuses observations that it cannot read

    @property
    def initial(self) -> tuple[Rule, ...]:
        """U(±1/√inputs), biases too, as torch's own layers start."""
        inputs = {f"trunk.{name}": count for name, count in self.trunk.inputs(self.shape).items()}
        inputs["head"] = self.trunk.width
        return tuple(
            Rule(names=f"{name}.*", start=Uniform(bound=count**-0.5))
            for name, count in inputs.items()
        )

    def build(self) -> "ActionValuesModel":
        return ActionValuesModel(self)


class AgentModel(nn.Module, ABC):
    """A network whose scores decide what to do."""

    trunk: AnyTrunkModel
    head: LinearLayer

    def scores(self, x: Num[Tensor, "b ..."]) -> Float[Tensor, "b a"]:
        """What decides, for each observation."""
        return self.combined(self.head(self.trunk(self.prepared(x))))

    def prepared(self, x: Num[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Observations as the trunk wants them."""
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        return x.flatten(1) if isinstance(self.trunk, PerceptronModel) else x

    @abstractmethod
    def combined(self, outputs: Float[Tensor, "b o"]) -> Float[Tensor, "b a"]:
        """From the outputs of the head to scores."""

    @abstractmethod
    def mode(self, scores: np.ndarray) -> np.ndarray:
        """The actions without chance, one for each row of scores."""

    @abstractmethod
    def sample(self, scores: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Actions drawn from the distribution the scores stand for."""

    def reader(self) -> Reader:
        """A function from observations to scores, fast for few rows.

        It reads the weights as they are when it is called, as long as training changes them in
        place. The last digits may differ from those of `scores`.
        """
        trunk = self.trunk
        if not isinstance(trunk, PerceptronModel) or self.head.weight.device.type != "cpu":
            return self._read
        act = np.tanh if trunk.description.output == "tanh" else _relu
        hidden = [_matrices(layer) for layer in trunk.layers]
        weight, bias = _matrices(self.head)

        def read(x: np.ndarray) -> np.ndarray:
            x = x.reshape(len(x), -1)
            if x.dtype == np.uint8:
                x = x.astype(np.float32) / 255
            for w, b in hidden:
                x = x @ w
                x += b
                act(x, out=x)
            return self._combined(x @ weight + bias)

        return read

    def _read(self, x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.scores(torch.from_numpy(x).to(self.head.weight.device)).cpu().numpy()

    def _combined(self, outputs: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.combined(torch.from_numpy(outputs)).numpy()


def _matrices(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Wᵀ and b of a layer, as views of its memory."""
    assert isinstance(layer, LinearLayer)
    assert layer.bias is not None
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


def _relu(z: np.ndarray, *, out: np.ndarray) -> None:
    np.maximum(z, 0, out=out)


@final
class PolicyModel(AgentModel):
    """The network a `Policy` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: Policy) -> None:
        super().__init__()
        self.description = description
        trunk, shape = description.trunk, description.shape
        self.trunk = trunk.build(shape)
        self.head = LinearLayer(trunk.width, {"score": description.head.outputs}, bias=True)
        gaussian = isinstance(description.head, Gaussian)
        self.log_std = nn.Parameter(torch.empty(description.head.outputs)) if gaussian else None
        self.value_trunk, self.value = None, None
        if description.baseline:
            self.value_trunk = None if description.shared else trunk.build(shape)
            self.value = LinearLayer(trunk.width, {"value": 1}, bias=True)

    def values(self, x: Num[Tensor, "b ..."]) -> Float[Tensor, " b"]:
        """V(s) of each observation. Raises ConfigError without a baseline."""
        if self.value is None:
            raise ConfigError("this policy has no baseline; describe it with baseline=True")
        return self.value((self.value_trunk or self.trunk)(self.prepared(x)))[:, 0]

    def combined(self, outputs: Float[Tensor, "b o"]) -> Float[Tensor, "b a"]:
        if self.log_std is None:
            return outputs
        return torch.cat([outputs, self.log_std.expand_as(outputs)], 1)

    def mode(self, scores: np.ndarray) -> np.ndarray:
        return self.description.head.mode(scores)

    def sample(self, scores: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        head = self.description.head
        return head.sample(scores, head.noise(generator, (len(scores),)))


@final
class ActionValuesModel(AgentModel):
    """The network `ActionValues` describe; `models.build.build` makes one with weights."""

    def __init__(self, description: ActionValues) -> None:
        super().__init__()
        self.description = description
        self.trunk = description.trunk.build(description.shape)
        streams = {"value": 1} if description.dueling else {}
        parts = {**streams, "advantage": description.choices}
        self.head = LinearLayer(description.trunk.width, parts, bias=True)

    def forward(self, x: Num[Tensor, "b ..."]) -> Float[Tensor, "b a"]:
        """Q(s, a) of each action."""
        return self.scores(x)

    def combined(self, outputs: Float[Tensor, "b o"]) -> Float[Tensor, "b a"]:
        if not self.description.dueling:
            return outputs
        value, advantage = outputs[:, :1], outputs[:, 1:]
        return value + advantage - advantage.mean(1, keepdim=True)

    def mode(self, scores: np.ndarray) -> np.ndarray:
        return scores.argmax(1)

    def sample(self, scores: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """As `mode`: values are no distribution."""
        return self.mode(scores)
