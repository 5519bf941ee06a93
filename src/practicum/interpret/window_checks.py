"""What must hold of a decoder with a sliding window, whatever its weights.

Reading in chunks with a past that forgets gives what reading at once under the mask of all pairs
gives (Jiang et al. 2023, §2.1, Figs. 2 and 3). k blocks of window W carry something k·(W − 1)
tokens on, and not one further: a block sees the W − 1 tokens before its own.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.model import prefill, reading, step
from practicum.models.decoder import DecoderModel
from practicum.nn.stack import StackLayer
from practicum.nn.state import Whole


def at_once(model: DecoderModel, ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
    """All logits of whole rows, every layer under the mask of all pairs of tokens."""
    one_document = torch.zeros_like(ids)
    return model(ids, segments=one_document)


def chunk_gap(model: DecoderModel, ids: Int[Tensor, "b t"], chunk: int) -> float:
    """The largest difference in any logit to reading `chunk` tokens at a time."""
    with reading(model):
        state = model.new_state(*ids.shape)
        parts = [model(part, state) for part in ids.split(chunk, dim=1)]
        return float((torch.cat(parts, dim=1) - at_once(model, ids)).abs().max())


def greedy_disagreements(
    model: DecoderModel, prompt: Int[Tensor, " t"], *, tokens: int, chunk: int
) -> int:
    """How many of the likeliest next `tokens` differ from those of reading all anew each time.

    The prompt is read `chunk` tokens at a time. Both go on with the tokens of the latter.
    """
    text, different = prompt, 0
    logits, state = prefill(model, [prompt.tolist()], len(prompt) + tokens, chunk=chunk)
    for _ in range(tokens):
        with reading(model):
            wanted = at_once(model, text[None])[0, -1].argmax()
        different += int(logits[0].argmax() != wanted)
        logits = step(model, wanted[None], state)
        text = torch.cat([text, wanted[None]])
    return different


def reach(
    stack: StackLayer, x: Float[Tensor, "1 t d"], place: int, direction: Float[Tensor, " d"]
) -> int:
    """How far before `place` the farthest token lies on which what is made of it depends.

    That is, on which the gradient of its vector along `direction` is not zero.
    """
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(stack(leaf, Whole())[0, place] @ direction, leaf)
    felt = gradient[0].ne(0.0).any(-1).nonzero()
    return place - int(felt.min())
