"""More tokens for a trained language model: one new row in the embedding, and one in the output.

    E ← [E; mean of E's rows]        W ← [W; mean of W's rows]     (W is E where the two are tied)

All scores of the old tokens stay what they were, bit for bit. The mean keeps the new token from
being likely before anything is learned: its score is the mean of the old ones, and so its share of
the probability at most 1/v (Hewitt 2021); rows drawn at random may take nearly all of it.

The model is changed in place. An optimiser made before holds the old matrices: make it afterwards.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ModelError, TokenizerError
from practicum.models.decoder import DecoderModel
from practicum.nn.embedding import empty_embedding
from practicum.nn.linear import LinearLayer
from practicum.tokenizers.bpe import BPE


def add_token(model: DecoderModel, tokenizer: BPE, text: str) -> BPE:
    """The tokenizer with the special token `text`, for which `model` gets a row if it lacks one.

    Models often have more rows than their tokenizer has ids; then the next of these is the token's.

    Raises TokenizerError where the text is empty or already a special token.
    """
    if not text or text in tokenizer.specials:
        raise TokenizerError(f"{text!r} cannot be added: it is empty, or a special token already")
    number = tokenizer.size
    more = tokenizer.changed(
        pieces=[*tokenizer.vocabulary(), text.encode()],
        specials={**tokenizer.specials, text: number},
    )
    add_rows(model, max(0, more.size - model.description.vocab))
    return more


def add_rows(model: DecoderModel, count: int) -> None:
    """Give `model` `count` more tokens, all of them alike until they are trained."""
    if count < 0:
        raise ModelError(f"{count} rows cannot be added; see drop_rows")
    vectors, scores = model.embedding.weight, model.output_weight
    _set(model, _grown(vectors, count), _grown(scores, count))


def drop_rows(model: DecoderModel, count: int) -> None:
    """Take the last `count` tokens from `model`, which undoes `add_rows` bit for bit."""
    left = model.description.vocab - count
    if count < 0 or left < 1:
        raise ModelError(f"{count} of {model.description.vocab} tokens cannot be dropped")
    vectors, scores = model.embedding.weight, model.output_weight
    _set(model, vectors.detach()[:left].clone(), scores.detach()[:left].clone())


def _grown(rows: Float[Tensor, "v d"], count: int) -> Float[Tensor, "w d"]:
    rows = rows.detach()
    mean = rows.double().mean(0, keepdim=True).to(rows.dtype)
    return torch.cat([rows, mean.expand(count, -1)])


def _set(model: DecoderModel, vectors: Float[Tensor, "w d"], scores: Float[Tensor, "w d"]) -> None:
    size, width = vectors.shape
    learns = model.embedding.weight.requires_grad
    with torch.device("meta"):
        embedding = empty_embedding(size, width)
        head = None if model.head is None else LinearLayer(width, {"token": size}, bias=False)
    embedding.weight = nn.Parameter(vectors, requires_grad=learns)
    if head is not None:
        head.weight = nn.Parameter(scores, requires_grad=model.output_weight.requires_grad)
    model.embedding, model.head = embedding.train(model.training), head
    model.description = replace(model.description, vocab=size)
