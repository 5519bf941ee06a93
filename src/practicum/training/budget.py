"""How long, how fast and how carefully to learn: everything about a run that is not the model."""

from dataclasses import dataclass

from practicum.errors import ConfigError
from practicum.training.optimiser import AdamW, Gentle, Optimiser
from practicum.training.precision import Precision
from practicum.training.schedules import Cosine, Schedule


@dataclass(frozen=True, kw_only=True)
class Budget:
    """`steps` updates, each from `accumulate` batches of `batch` examples."""

    steps: int
    batch: int
    rate: float  # the peak learning rate
    schedule: Schedule = Cosine()
    warmup: float = 0.05  # share of the steps, rounded to whole steps
    accumulate: int = 1
    optimiser: Optimiser = AdamW()
    gentle: Gentle | None = None  # parameters that learn more slowly than the others
    clip: float | None = 1.0  # largest norm of the whole gradient; None: not clipped
    precision: Precision = "float32"
    compile: bool = False
    evaluate_every: int | None = None  # steps
    save_every: int | None = None  # steps; None: only at the end and when interrupted

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Budget.{name} is {getattr(self, name)}; expected at least 1")
        for name in ("evaluate_every", "save_every"):
            every = getattr(self, name)
            if every is not None and every < 1:
                raise ConfigError(f"Budget.{name} is {every}; expected at least 1, or None")
        if self.rate < 0:
            raise ConfigError(f"Budget.rate is {self.rate}; expected at least 0")
        if not 0 <= self.warmup <= 1:
            raise ConfigError(f"Budget.warmup is {self.warmup}; expected a share from 0 to 1")

    @property
    def warmup_steps(self) -> int:
        return round(self.warmup * self.steps)
