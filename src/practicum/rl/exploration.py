"""How often to try something at random while learning: ε-greedy, with ε falling along a line."""

from dataclasses import dataclass

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """ε goes from `start` to `end` over the first `share` of learning, and stays there."""

    start: float = 1.0
    end: float = 0.05
    share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("start", "end", "share"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"Exploration.{name} is {value}; expected between 0 and 1")

    def at(self, done: float) -> float:
        """ε when the share `done` of learning, from 0 to 1, lies behind."""
        if done >= self.share:
            return self.end
        return self.start + (self.end - self.start) * done / self.share
