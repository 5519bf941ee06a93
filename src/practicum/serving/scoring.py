"""What the tokens of a prompt were worth to the model: log P of each after all before it.

A prompt is read piece by piece, so that answers are written between, and no more than a piece of
it is ever scored over the whole vocabulary at once.
"""

from collections.abc import Iterator, Sequence

from practicum.decoding.chooser import Choice, reported
from practicum.decoding.model import PIECE, CausalModel, device_of, reading, rectangle
from practicum.decoding.sampling import Sampling


def scored(
    model: CausalModel, ids: Sequence[int], top: int, *, vocabulary: int, chunk: int
) -> Iterator[list[Choice]]:
    """The tokens of `ids` but the first, `chunk` at a time, each with the `top` likeliest ones.

    Logarithms are natural; the probabilities are those over the tokenizer's `vocabulary`.
    """
    count = len(ids) - 1  # the last is not read, since nothing comes after it
    if count < 1:
        return
    with reading(model):
        state = model.new_state(1, count)
    size = max(1, PIECE // model.description.vocab)
    sampling = Sampling(logprobs=top)
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        with reading(model):
            part = rectangle([ids[start:stop]], device_of(model))
            state.expect([stop - start])
            hidden = model.hidden(part, state)[0]
            wanted = rectangle([ids[start + 1 : stop + 1]], device_of(model))[0]
            found: list[Choice] = []
            for piece, next_ids in zip(hidden.split(size), wanted.split(size), strict=True):
                logits = model.logits(piece[None])[0, :, :vocabulary]
                found += reported(logits, next_ids, [sampling] * len(piece))
        yield found
