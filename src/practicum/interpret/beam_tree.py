"""The tree that a beam search grows: every extension it ranked, and what became of it.

A node is a token after the tokens above it. It was kept (and may have children), finished an
answer, or was dropped because others were likelier. A path is marked where it is the best answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.beam import Beam, Branch, Hypothesis, beam_search
from practicum.decoding.model import device_of, prefill, reading, step
from practicum.models.decoder import DecoderModel
from practicum.models.sequence_to_sequence import SequenceToSequence
from practicum.nn.state import State


@dataclass(kw_only=True, eq=False)
class Node:
    """A token in its place; the root stands for the empty answer."""

    id: int | None
    logprob: float = 0.0  # log P of all tokens down to here
    fate: Literal["kept", "finished", "dropped"] = "kept"
    best: bool = False
    children: list["Node"] = field(default_factory=list)

    def __iter__(self) -> Iterator["Node"]:
        """This node and all below it, the likelier branches first."""
        waiting: list[Node] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, kw_only=True, eq=False)
class BeamTree:
    """What was searched for one source, and the answers, the best first."""

    root: Node
    answers: tuple[Hypothesis, ...]
    beam: Beam


def tree(branches: Sequence[Branch], answers: Sequence[Hypothesis], beam: Beam) -> BeamTree:
    """The tree of what a search told of one source."""
    root = Node(id=None)
    nodes: dict[tuple[int, ...], Node] = {(): root}
    for branch in branches:
        node = Node(id=branch.id, logprob=branch.logprob, fate=branch.fate)
        nodes[branch.prefix].children.append(node)
        nodes[*branch.prefix, branch.id] = node
    best = answers[0].ids if answers else ()
    for length in range(len(best) + 1):
        nodes[best[:length]].best = True
    return BeamTree(root=root, answers=tuple(answers), beam=beam)


def tree_of_translation(
    model: SequenceToSequence,
    source: Sequence[int],
    *,
    begin: int,
    end: int,
    beam: Beam,
    longest: int,
    device: torch.device | str = "cpu",
) -> BeamTree:
    """The search for the translation of one source."""

    def scores(state: Any, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        return model.step(state, last).float().log_softmax(-1)

    told: list[Branch] = []
    with torch.inference_mode():
        state = model.start(torch.tensor([list(source)], device=device), None, longest)
        first = torch.tensor([begin], device=device)
        found = beam_search(
            scores, state, first, end=end, longest=[longest], beam=beam, watch=told.append
        )
    return tree(told, found[0], beam)


def tree_of_continuation(
    model: DecoderModel, prompt: Sequence[int], *, end: int, beam: Beam, longest: int
) -> BeamTree:
    """The search for the likeliest `longest` tokens after a prompt."""

    def scores(state: State, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        return step(model, last, state).float().log_softmax(-1)

    told: list[Branch] = []
    with reading(model):
        # the last token of the prompt is read by the first step
        head, last = list(prompt[:-1]), torch.tensor([prompt[-1]], device=device_of(model))
        if head:
            _, state = prefill(model, [head], len(prompt) + longest)
        else:
            state = model.new_state(1, len(prompt) + longest)
        found = beam_search(
            scores, state, last, end=end, longest=[longest], beam=beam, watch=told.append
        )
    return tree(told, found[0], beam)
