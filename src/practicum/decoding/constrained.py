"""Writing under a constraint: what may not come gets no mass before anything else is asked.

The mask comes before the filters of `Sampling`, so that top-k and top-p choose among what may come.
Log-probabilities stay those of the model, mask or no mask.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from practicum.decoding.chooser import Chooser, reported
from practicum.decoding.constraint import Constraint
from practicum.decoding.generate import Chunk, Completion, Request, Writing, check_fits
from practicum.decoding.language_model import LanguageModel, Prompt
from practicum.decoding.model import CausalModel, device_of, prefill, step
from practicum.decoding.sampling import Sampling
from practicum.tokenizers.tokenizer import Tokenizer


def masked(logits: Float[Tensor, "b v"], allowed: Bool[Tensor, "b v"]) -> Float[Tensor, "b v"]:
    """The logits with −∞ where a token may not come."""
    return logits.masked_fill(~allowed.to(logits.device), -torch.inf)


def constrained(
    language_model: LanguageModel, prompt: Prompt, sampling: Sampling, constraint: Constraint
) -> Completion:
    """What follows `prompt` within `constraint`.

    It is whole, not only the beginning of something allowed, where `finish` is "end".

    Raises ConfigError where the constraint is none or no token could end the text, and ModelError
    as `generate` does.
    """
    request = Request(index=0, ids=tuple(language_model.encode_prompt(prompt)), sampling=sampling)
    pieces = write_constrained(
        language_model.model,
        language_model.tokenizer,
        request,
        constraint,
        ends=language_model.ends,
    )
    return next(piece for piece in pieces if isinstance(piece, Completion))


def write_constrained(
    model: CausalModel,
    tokenizer: Tokenizer,
    request: Request,
    constraint: Constraint,
    *,
    ends: Collection[int],
) -> Iterator[Chunk | Completion]:
    """Chunks as they come, and the completion. Raises as `constrained` does."""
    check_fits(len(request.ids), model.description.context)
    matcher = constraint.matcher(tokenizer, frozenset(ends))
    writing = Writing(request, tokenizer, ends, model.description.context)
    silent = replace(request.sampling, logprobs=None)
    chooser = Chooser([silent], [request.ids], tokenizer.size, device_of(model))
    logits, state = prefill(model, [request.ids], len(request.ids) + writing.limit - 1)
    while True:
        logits = logits[:, : tokenizer.size]
        ids, (choice,) = chooser.choose(masked(logits, matcher.mask()[None]))
        text = writing.take(reported(logits, ids, [request.sampling])[0])
        if text:
            yield Chunk(index=request.index, text=text)
        if writing.finish is not None:
            yield writing.completion()
            return
        matcher.take(choice.id)
        logits = step(model, ids, state)
