"""Which meaning of a word its vector holds, layer by layer: the sense of its nearest neighbour.

The vectors of one word in several sentences are centred, since what they have in common would push
all cosines towards 1; the score is the share of them whose nearest neighbour means the same.
"""

import re
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.data.senses import Ambiguous
from practicum.interpret.edits import PatternEdit
from practicum.interpret.kept import Keep
from practicum.interpret.trace import trace
from practicum.models.decoder import DecoderModel
from practicum.tokenizers.tokenizer import Tokenizer


def word_states(
    model: DecoderModel,
    tokenizer: Tokenizer,
    words: Sequence[Ambiguous],
    edits: Sequence[PatternEdit] = (),
) -> list[Float[Tensor, "l n d"]]:
    """For each word the stream at the end of its sentences: into every block, out of the last."""
    keep = Keep(what=("input", "output"), positions=(-1,))
    states = []
    for word in words:
        columns = []
        for sentence in word.sentences:
            seen = trace(model, torch.tensor([tokenizer.encode(sentence)]), keep, edits=edits)
            top = seen.at("output", seen.layers[-1])
            columns.append(torch.cat([seen.over_layers("input")[:, 0, 0], top[:, 0]]))
        states.append(torch.stack(columns, dim=1))
    return states


def neighbour_scores(
    states: Sequence[Float[Tensor, "l n d"]], words: Sequence[Ambiguous]
) -> Float[Tensor, "w l"]:
    """`same_sense` of every word in every layer."""
    pairs = zip(states, words, strict=True)
    return torch.tensor([[same_sense(v, word.meant) for v in layers] for layers, word in pairs])


def same_sense(vectors: Float[Tensor, "n d"], senses: Sequence[int]) -> float:
    """The share of the vectors whose nearest neighbour, by the cosine, has the same sense.

    Vectors that are all alike have no nearest one: 0.5.
    """
    if spread(vectors) == 0:
        return 0.5
    centred = vectors.double() - vectors.double().mean(0)
    unit = centred / centred.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    cosines = (unit @ unit.T).fill_diagonal_(-torch.inf)
    sense = torch.tensor(list(senses))
    return float((sense[cosines.argmax(-1)] == sense).double().mean())


def spread(vectors: Float[Tensor, "n d"]) -> float:
    """The largest distance, in any one number, between two of the vectors."""
    return float((vectors.amax(0) - vectors.amin(0)).max())


def by_chance(
    vectors: Float[Tensor, "n d"],
    senses: Sequence[int],
    *,
    generator: torch.Generator,
    draws: int = 200,
) -> float:
    """The mean score with the senses dealt out anew, `draws` times."""
    sense = torch.tensor(list(senses))
    orders = [torch.randperm(len(sense), generator=generator) for _ in range(draws)]
    return sum(same_sense(vectors, sense[order].tolist()) for order in orders) / draws


def word_vectors(sentences: Sequence[str]) -> Float[Tensor, "n v"]:
    """Counts of words times log of how rare they are among the sentences (Spärck Jones 1972).

    What one knows of a sentence without any network.
    """
    bags = [re.findall(r"\w+", sentence.lower()) for sentence in sentences]
    vocabulary = sorted({word for bag in bags for word in bag})
    counts = torch.tensor([[float(bag.count(word)) for word in vocabulary] for bag in bags])
    return counts * (len(bags) / (counts > 0).sum(0)).log()
