"""The options that say how text is drawn, shared by the verbs that draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from practicum.cli.options import explained

if TYPE_CHECKING:
    from practicum.decoding.sampling import Sampling


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """`decoding.sampling.Sampling` as options, readable without torch.

    Small models ramble at temperature 1, so the defaults here are lower than the library's.
    """

    temperature: float = explained(0.7, "0 always takes the likeliest token.")
    top_k: int | None = explained(None, "Only the K likeliest tokens.")
    top_p: float | None = explained(0.9, "Only the likeliest tokens that together reach P.")
    min_p: float | None = explained(None, "Only tokens with this share of the likeliest's mass.")
    repetition_penalty: float = explained(1.0, "Above 1: what was seen becomes less likely.")
    frequency_penalty: float = explained(0.0, "Above 0: less likely each time it was said.")
    presence_penalty: float = explained(0.0, "Above 0: what was said at all is less likely.")
    max_tokens: int = explained(256, "At most so many new tokens.")
    stop: tuple[str, ...] = explained((), "End before this text (may be given several times).")
    seed: int = explained(0, "The same seed gives the same text.")

    def sampling(self) -> "Sampling":
        """As the library takes it. Raises ConfigError where a value is out of range."""
        from practicum.decoding.sampling import Sampling

        return Sampling(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            max_tokens=self.max_tokens,
            stop=self.stop,
            seed=self.seed,
        )
