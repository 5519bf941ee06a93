"""A translator that can only repeat: a word is as likely as the places of the source that hold it.

    p(y_i = v) = Σ over places j with x_j = v of α_ij

with the weights α of a recurrent translator's search: a pointer (Vinyals et al. 2015) where places
that hold the same word are one answer (Gulcehre et al. 2016, §3). Sources and targets are ids of
one vocabulary, and a source has to hold whatever its target does, the end included.
"""

from collections.abc import Sequence

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.models.recurrent import RecurrentModel, RecurrentState

SMALLEST = 1e-9  # added before the logarithm: what a word has that is nowhere in the source


class PointingState:
    """Answers under way, and the words of their sources."""

    def __init__(self, inner: RecurrentState, source: Int[Tensor, "b s"]) -> None:
        self.inner, self.source = inner, source

    def select(self, rows: Sequence[int]) -> None:
        """Keep, reorder or repeat rows, their sources too."""
        self.inner.select(rows)
        self.source = self.source[list(rows)]


class PointingTranslator(nn.Module):
    """`translator` without its readout, which is not used; a `SequenceToSequence`."""

    def __init__(self, translator: RecurrentModel) -> None:
        super().__init__()
        if translator.search is None:
            raise ConfigError("a translator without a search cannot point; give it a Reader")
        self.translator = translator
        self.description = translator.description

    def start(
        self, source: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None, capacity: int
    ) -> PointingState:
        """Read the sources; the state of answers that have no word yet."""
        return PointingState(self.translator.start(source, real, capacity), source)

    def step(self, state: PointingState, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """log p of the next word of each answer, `last` being its latest one."""
        words = self.translator.target_embedding(last)[:, None]
        weights = self.translator.write(words, state.inner).weights
        assert weights is not None, "it has a search"
        return self._words(weights, state.source)[:, 0]

    def forward(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        """log p of the word after each target word."""
        return self._words(self.translator.alignments(source, target, real), source)

    def _words(
        self, weights: Float[Tensor, "b t s"], source: Int[Tensor, "b s"]
    ) -> Float[Tensor, "b t v"]:
        rows, steps, _ = weights.shape
        shares = weights.new_zeros(rows, steps, self.description.target_vocab)
        places = source[:, None].expand(-1, steps, -1)
        return (shares.scatter_add(2, places, weights) + SMALLEST).log()
