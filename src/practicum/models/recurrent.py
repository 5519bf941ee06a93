"""Recurrent translators: RNNsearch and RNNencdec (Bahdanau et al. 2014, §3 and App. A).

Two gated units read the source, one from either end; a third writes the target:

    h_j = [→h_j; ←h_j],   s_0 = tanh(W_s ←h_1)
    c_i = Σ_j α_ij h_j,   α_i = align(score(s_{i−1}, h))        with a search
    c_i = →h_T                                                  without: one vector for a sentence
    s_i = unit(E y_{i−1}, s_{i−1}, c_i)
    p(y_i) ∝ exp(W_o t_i),   t_i = maxout(U_o s_{i−1} + V_o E y_{i−1} + C_o c_i)

The published readout takes the state before y_{i−1} was read; `readout_state` "current" takes s_i.
Without a search this is the encoder–decoder of Cho et al. 2014, whose decoder sees c at every step;
theirs reads the source forwards alone and starts from c, ours starts from ←h_1 either way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.nn.embedding import empty_embedding
from practicum.nn.gated_unit import CudnnGatedUnit, GatedUnit
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.maxout import Maxout
from practicum.nn.reader import Reader, Remembered


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """Reads `source_vocab` words and writes `target_vocab` words, sentences of any length."""

    source_vocab: int
    target_vocab: int
    embedding: int  # m, width of a word's vector on either side
    unit: GatedUnit | CudnnGatedUnit  # n units in each direction of the encoder, n in the decoder
    search: Reader | None  # None: the source is one vector
    readout: Maxout
    initial: tuple[Rule, ...]
    readout_state: Literal["previous", "current"] = "previous"
    bias: bool = True  # on s_0 and the scores; unit and readout have flags of their own

    def __post_init__(self) -> None:
        if min(self.source_vocab, self.target_vocab, self.embedding) < 1:
            raise ConfigError(
                f"vocabularies of {self.source_vocab} and {self.target_vocab}, an embedding of "
                f"{self.embedding}; all must be at least 1"
            )

    def build(self) -> "RecurrentModel":
        return RecurrentModel(self)


class Written(NamedTuple):
    """What the decoder did at each target word."""

    before: Float[Tensor, "b t n"]  # s_{i−1}
    after: Float[Tensor, "b t n"]  # s_i
    contexts: Float[Tensor, "b t c"]  # c_i
    weights: Float[Tensor, "b t s"] | None  # α_i; None without a search


class RecurrentState:
    """Answers under way: the decoder's state, and what it sees of each source."""

    def __init__(
        self, hidden: Float[Tensor, "b n"], source: Remembered | Float[Tensor, "b c"]
    ) -> None:
        self.hidden, self.source = hidden, source
        self.place = 0  # how many words were written

    def select(self, rows: Sequence[int]) -> None:
        """Keep, reorder or repeat rows, their sources too."""
        chosen = torch.tensor(rows, dtype=torch.long, device=self.hidden.device)
        self.hidden = self.hidden[chosen]
        match self.source:
            case Remembered(kept=kept, values=values, mask=mask):
                mask = mask[chosen] if len(mask) > 1 else mask
                self.source = Remembered(kept=kept[chosen], values=values[chosen], mask=mask)
            case vector:
                self.source = vector[chosen]


class RecurrentModel(nn.Module):
    """The network a `Recurrent` describes; a `SequenceToSequence`."""

    def __init__(self, description: Recurrent) -> None:
        super().__init__()
        self.description = description
        unit, words = description.unit, description.embedding
        width = unit.width
        context = width if description.search is None else 2 * width
        self.source_embedding = empty_embedding(description.source_vocab, words)
        self.target_embedding = empty_embedding(description.target_vocab, words)
        self.forwards = unit.build(words)
        self.backwards = unit.build(words)
        self.first = LinearLayer(width, {"state": width}, bias=description.bias)
        self.search = (
            None if description.search is None else description.search.build(width, 2 * width)
        )
        self.decoder = unit.build(words, context)
        self.readout = description.readout.build(width + words + context)
        self.head = LinearLayer(
            description.readout.units, {"word": description.target_vocab}, bias=description.bias
        )

    def start(
        self, source: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None, capacity: int
    ) -> RecurrentState:
        """Read the sources; the state of answers that have no word yet, of any `capacity`."""
        words = self.source_embedding(source)
        ahead = self.forwards(self.forwards.project(words), real=real)
        back = self.backwards(self.backwards.project(words), real=real, backwards=True)
        hidden = torch.tanh(self.first(back[:, 0]))
        if self.search is None:  # a row keeps its state where it is padded
            return RecurrentState(hidden, ahead[:, -1])
        annotations = torch.cat([ahead, back], dim=-1)
        mask = None if real is None else real[:, None]
        return RecurrentState(hidden, self.search.remember(annotations, mask=mask))

    def step(self, state: RecurrentState, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Scores of the next word of each answer, `last` being its latest one."""
        words = self.target_embedding(last)[:, None]
        return self._scores(words, self.write(words, state))[:, 0]

    def forward(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        words = self.target_embedding(target)
        return self._scores(words, self.write(words, self.start(source, real, target.shape[1])))

    def alignments(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t s"]:
        """How strongly each source word was looked at to say the word after each target word.

        So `target` is what the decoder reads, the begin token first, as in `forward`.

        Raises ModelError for a model without a search.
        """
        words = self.target_embedding(target)
        weights = self.write(words, self.start(source, real, target.shape[1])).weights
        if weights is None:
            raise ModelError(
                "a model without a search sees its source as one vector and aligns nothing; "
                "train one with Recurrent.search"
            )
        return weights

    def write(self, words: Float[Tensor, "b t m"], state: RecurrentState) -> Written:
        """Let the decoder read the words; `state` moves on."""
        if isinstance(state.source, Remembered):
            return self._searching(words, state, state.source)
        contexts, first = state.source[:, None], state.hidden[:, None]
        states = self.decoder(self.decoder.project(words, contexts), state.hidden)
        state.hidden, state.place = states[:, -1], state.place + words.shape[1]
        contexts = contexts.expand(-1, words.shape[1], -1)
        return Written(torch.cat([first, states[:, :-1]], dim=1), states, contexts, None)

    def _searching(
        self, words: Float[Tensor, "b t m"], state: RecurrentState, source: Remembered
    ) -> Written:
        assert self.search is not None, "a memory to search and nothing to search it with"
        hidden, states, contexts, weights = state.hidden, [state.hidden], [], []
        for projected in self.decoder.project(words).unbind(1):
            read = self.search.step(hidden[:, None], source, first=state.place)
            contexts.append(read.vectors[:, 0])
            weights.append(read.aligned.weights[:, 0])
            hidden = self.decoder.step(projected, hidden, contexts[-1])
            states.append(hidden)
            state.place += 1
        state.hidden, states = hidden, torch.stack(states, dim=1)
        return Written(
            states[:, :-1], states[:, 1:], torch.stack(contexts, 1), torch.stack(weights, 1)
        )

    def _scores(self, words: Float[Tensor, "b t m"], written: Written) -> Float[Tensor, "b t v"]:
        previous = self.description.readout_state == "previous"
        states = written.before if previous else written.after
        return self.head(self.readout(torch.cat([states, words, written.contexts], dim=-1)))
