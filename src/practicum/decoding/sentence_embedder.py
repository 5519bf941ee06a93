"""Texts in, vectors out: texts that mean alike have vectors that point alike.

    embedder = SentenceEmbedder.of(load_sentence_encoder("minilm"))
    vectors = embedder.embed(["a cat sleeps", "a kitten naps"])        [n, width], float32
    alike = vectors @ vectors.T                                        cosines, where normalised

Texts of similar length are read together, so little is padded; in which company a text is read
changes its vector by rounding alone.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from practicum.decoding.model import Reach, batches, reading, rectangle
from practicum.errors import ModelError
from practicum.kernels.pooling import pooled
from practicum.models.sentence_folder import Pooling, SentenceEncoder
from practicum.models.text_encoder import TextEncoderModel
from practicum.tokenizers.tokenizer import Tokenizer

AT_ONCE = Reach(rows=32, tokens=8192)


class SentenceEmbedder:
    """Makes vectors of texts of up to `longest` tokens, the two at their ends included."""

    def __init__(
        self,
        model: TextEncoderModel,
        tokenizer: Tokenizer,
        pooling: Pooling,
        *,
        longest: int,
        reach: Reach = AT_ONCE,
    ) -> None:
        self.model, self.tokenizer, self.pooling = model, tokenizer, pooling
        self.longest, self.reach = longest, reach

    @classmethod
    def of(cls, encoder: SentenceEncoder, *, reach: Reach = AT_ONCE) -> "SentenceEmbedder":
        """The one of a loaded encoder."""
        return cls(
            encoder.model,
            encoder.tokenizer,
            encoder.pooling,
            longest=encoder.longest,
            reach=reach,
        )

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.model.description.stack.width

    def row(self, text: str | Sequence[int], *, cut: bool = False) -> list[int]:
        """What is read of a text, or of its ids: they, between the tokens that stand at both ends.

        Of a longer text than `longest` the beginning, if it may be `cut`. Raises ModelError for one
        that may not.
        """
        ids = self.tokenizer.encode(text) if isinstance(text, str) else list(text)
        begin, end = self.tokenizer.begin, self.tokenizer.end
        before, after = ([] if one is None else [one] for one in (begin, end))
        room = self.longest - len(before) - len(after)
        if len(ids) > room and not cut:
            raise ModelError(
                f"a text of {len(ids)} tokens does not fit this embedder, which reads {room}; "
                "shorten it or cut it into parts"
            )
        return [*before, *ids[:room], *after]

    def embed(self, texts: Sequence[str], *, cut: bool = False) -> Float[Tensor, "n d"]:
        """A vector of each text, in their order, on the CPU.

        A text that is too long is an error; with `cut` its beginning is read, as
        `sentence-transformers` does. Raises ModelError, TokenizerError.
        """
        return self.embed_rows([self.row(text, cut=cut) for text in texts])

    def embed_rows(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """The same of what `row` gives."""
        vectors = torch.empty(len(rows), self.width)
        with reading(self.model):
            for batch in batches(range(len(rows)), lambda row: len(rows[row]), self.reach):
                vectors[batch] = self._read([rows[row] for row in batch])
        return vectors

    def _read(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b d"]:
        """The vectors of rows that are read together."""
        device = self.model.embedding.weight.device
        ids = rectangle(rows, device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        real = torch.arange(ids.shape[1], device=device) < lengths[:, None]
        even = min(map(len, rows)) == ids.shape[1]
        vectors = pooled(self.model.hidden(ids, None if even else real), real, self.pooling.how)
        return (F.normalize(vectors, dim=1) if self.pooling.normalised else vectors).cpu()
