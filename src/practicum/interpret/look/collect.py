"""Reading a text once with a language model, and collecting what a look shows of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from practicum.decoding.beam import Beam
from practicum.decoding.language_model import LanguageModel, Prompt
from practicum.decoding.sampling import Sampling
from practicum.errors import ModelError
from practicum.interpret.beam_tree import BeamTree, Node, tree_of_continuation
from practicum.interpret.heads import entropy
from practicum.interpret.kept import Keep, Trace
from practicum.interpret.lens import lens
from practicum.interpret.look.contents import (
    Ask,
    Branch,
    Candidate,
    Contents,
    LensTable,
    Neighbour,
    Patterns,
    Step,
    Stream,
    TallyTable,
    Token,
    Weights,
    check_size,
)
from practicum.interpret.neighbours import nearest
from practicum.interpret.tally import Row, by_place, tally
from practicum.interpret.temperature import next_tokens
from practicum.interpret.trace import trace
from practicum.models.decoder import DecoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.nn.attention import Attention
from practicum.nn.stack import Stack
from practicum.tokenizers.chat import ChatTemplate
from practicum.tokenizers.tokenizer import Tokenizer

PARTS = ("input", "attention", "cross", "mlp", "output")
NEEDS = {
    "attention": ("weights", "cross_weights"),
    "stream": PARTS,
    "lens": ("output", "final"),
    "next": ("logits",),
}
DEEPEST = 60  # levels of a tree that are shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Spoken:
    """How ids are shown: ids that stand for no token are shown as such and never ranked."""

    tokenizer: Tokenizer

    def __call__(self, id: int) -> Token:
        if id >= self.tokenizer.size:
            return Token(id=id, text=f"⟨{id}⟩")
        return Token(id=id, text=self.tokenizer.piece(id).decode("utf-8", errors="replace"))

    def all(self, ids: Iterable[int]) -> list[Token]:
        """Each id as a token."""
        return [self(number) for number in ids]


def look(
    name: str,
    model: DecoderModel,
    tokenizer: Tokenizer,
    text: Prompt,
    ask: Ask,
    *,
    chat_template: ChatTemplate | None = None,
) -> Contents:
    """What happens while `model` reads `text`, or a chat, and what it would say next.

    Raises ModelError for an empty text or one beyond the context, and for layers or positions that
    do not exist; ConfigError where the patterns asked for would be too large.
    """
    speaker = LanguageModel(model, tokenizer, chat_template)
    ids = speaker.encode_prompt(text) if text else []
    said = Spoken(tokenizer=tokenizer)
    description = model.description
    if not ids:
        raise ModelError("the text is empty; give at least one character")
    keep = kept_for(ask, description.stack, len(ids), len(ids))
    device = model.embedding.weight.device
    seen = trace(model, torch.tensor([ids], device=device), keep)
    patterns = [patterns_of(seen, "attention", "weights", "text", "text")]
    asked = set(ask.what)
    tree = None
    if "beam" in asked and len(ids) < description.context and tokenizer.end is not None:
        room = min(ask.steps, description.context - len(ids))
        beam = Beam(width=ask.beam, alpha=0.0)
        tree = tree_of_continuation(model, ids, end=tokenizer.end, beam=beam, longest=room)
    return Contents(
        model=name,
        facts=facts(model, len(ids)),
        texts={"text": said.all(ids)},
        reading="text",
        temperature=ask.temperature,
        patterns=patterns if "attention" in asked else [],
        stream=stream_of(seen) if "stream" in asked else None,
        lens=lens_of(model, seen, said, ask) if "lens" in asked else None,
        next=next_of(seen, said, ask) if "next" in asked else None,
        neighbours=(
            neighbours_of(model.embedding.weight, ids, said, ask) if "neighbours" in asked else None
        ),
        steps=steps_of(speaker, text, said, ask) if "steps" in asked else None,
        beam=branch(tree.root, said) if tree else None,
        answers=answers_of(tree, tokenizer) if tree else None,
        tally=tally_of(model) if "tally" in asked else None,
    )


def kept_for(ask: Ask, stack: Stack, rows: int, columns: int) -> Keep:
    """What a trace has to keep for this question, after a look at how much that is."""
    keep = Keep(
        what=tuple(dict.fromkeys(name for part in ask.what for name in NEEDS.get(part, ()))),
        layers=ask.layers,
        positions=ask.positions,
    )
    layers = keep.chosen_layers(stack.depth)
    if "attention" in ask.what:
        mixers = [stack.blocks[layer].mixer for layer in layers]
        heads = max((one.heads for one in mixers if isinstance(one, Attention)), default=0)
        check_size(len(layers), heads, len(keep.chosen_positions(rows)), columns)
    return keep


def patterns_of(seen: Trace, name: str, value: str, queries: str, keys: str) -> Patterns:
    """The kept weights called `value`, of a batch of one; none where they were not kept."""
    kept = [seen.at(value, layer)[0] for layer in seen.layers if seen.has(value, layer)]
    if not kept:
        return Patterns(
            name=name,
            queries=queries,
            keys=keys,
            layers=(),
            positions=(),
            weights=np.zeros((0, 0, 0, 0), dtype=np.float32),
            entropy=np.zeros((0, 0), dtype=np.float32),
        )
    weights = torch.stack(kept)
    return Patterns(
        name=name,
        queries=queries,
        keys=keys,
        layers=tuple(layer for layer in seen.layers if seen.has(value, layer)),
        positions=seen.positions,
        weights=_array(weights),
        entropy=_array(entropy(weights).mean(-1)),
    )


def stream_of(seen: Trace) -> Stream:
    """The norms of everything that was added, and of the sums."""
    return Stream(
        layers=seen.layers,
        positions=seen.positions,
        norms={
            part: _array(
                torch.stack([seen.at(part, layer)[0].norm(dim=-1) for layer in seen.layers])
            )
            for part in PARTS
            if all(seen.has(part, layer) for layer in seen.layers)
        },
    )


def lens_of(
    model: DecoderModel | EncoderDecoderModel, seen: Trace, said: Spoken, ask: Ask
) -> LensTable:
    """The logit lens, with its tokens as text."""
    found = lens(model, seen, top=min(ask.top, 5), known=range(said.tokenizer.size))
    return LensTable(
        layers=found.layers,
        positions=seen.positions,
        tokens=[[said.all(row) for row in layer] for layer in found.ids.tolist()],
        probabilities=_array(found.probabilities),
        kl=_array(found.kl),
        agrees=found.agrees.cpu().numpy(),
    )


def next_of(seen: Trace, said: Spoken, ask: Ask) -> dict[int, list[Candidate]]:
    """The likeliest next tokens of every kept position."""
    logits = seen.logits[0, :, : said.tokenizer.size].float()
    table = next_tokens(logits, top=ask.top, temperature=ask.temperature)
    columns = zip(
        seen.positions,
        table.ids.tolist(),
        table.probabilities.tolist(),
        table.logits.tolist(),
        strict=True,
    )
    return {
        position: [
            Candidate(token=said(number), probability=p, logit=x)
            for number, p, x in zip(ids, ps, xs, strict=True)
        ]
        for position, ids, ps, xs in columns
    }


def neighbours_of(
    table: Tensor, ids: Sequence[int], said: Spoken, ask: Ask
) -> dict[int, list[Neighbour]]:
    """For every token of the text those with the nearest vectors, itself excluded."""
    every = sorted(set(ids))
    known = table.detach()[: said.tokenizer.size]
    found = nearest(known, table.detach()[every], ask.top + 1)
    return {
        number: [
            Neighbour(token=said(near.id), cosine=near.cosine) for near in row if near.id != number
        ][: ask.top]
        for number, row in zip(every, found, strict=True)
    }


def steps_of(speaker: LanguageModel, text: Prompt, said: Spoken, ask: Ask) -> list[Step]:
    """The text gone on with, token by token, beside what else was likely."""
    sampling = Sampling(
        temperature=ask.temperature, max_tokens=ask.steps, logprobs=ask.top, seed=ask.seed
    )
    done = next(speaker.generate([text], sampling))
    return [
        Step(
            chosen=said(number),
            probability=float(np.exp(logprob)),
            candidates=[
                Candidate(token=said(one), probability=float(np.exp(value)), logit=value)
                for one, value in top
            ],
        )
        for number, logprob, top in zip(
            done.ids, done.logprobs or (), done.top_logprobs or (), strict=True
        )
    ]


def branch(node: Node, said: Spoken, levels: int = DEEPEST) -> Branch:
    """The beam's tree, with its tokens as text, down to so many levels."""
    below = node.children if levels else []
    return Branch(
        token=None if node.id is None else said(node.id),
        logprob=node.logprob,
        fate=node.fate,
        best=node.best,
        children=[branch(child, said, levels - 1) for child in below],
    )


def answers_of(tree: BeamTree, tokenizer: Tokenizer) -> list[str]:
    """What the beam found, as text, the best first."""
    return [
        tokenizer.decode([i for i in answer.ids if i != tokenizer.end and i < tokenizer.size])
        for answer in tree.answers
    ]


def tally_of(model: nn.Module) -> TallyTable:
    """The tally by category and by place."""
    found = tally(model)

    def row(one: Row) -> Weights:
        return Weights(name=one.name, weights=one.weights, times=one.matrices)

    return TallyTable(
        categories=[row(one) for one in found.rows],
        rest=[row(one) for one in found.rest],
        places=[Weights(name=p.name, weights=p.each, times=p.times) for p in by_place(model)],
        shared=found.shared,
        parameters=found.parameters,
    )


def facts(model: DecoderModel, tokens: int) -> list[tuple[str, str]]:
    """The shape of a language model, and what its cache of `tokens` costs."""
    description = model.description
    each = model.new_state(1, 1).nbytes
    return [
        *stack_facts(description.stack),
        ("vocabulary", f"{description.vocab:,}"),
        ("context", f"{description.context:,}"),
        ("output matrix", "the embedding" if description.tied else "its own"),
        ("parameters", f"{sum(p.numel() for p in model.parameters()):,}"),
        ("cache", f"{each:,} bytes a token, {each * tokens:,} for this text"),
        ("cache of the whole context", f"{each * description.context / 2**20:,.0f} MB"),
    ]


def stack_facts(stack: Stack, side: str = "") -> list[tuple[str, str]]:
    """The shape of a stack; `side` names it where there are two."""
    block = stack.blocks[0]
    mixer, ffn = block.attention, block.ffn
    heads = type(mixer).__name__
    if isinstance(mixer, Attention):
        heads = f"{mixer.heads} of {mixer.width_per_head(stack.width)}"
        if mixer.kv_heads not in (None, mixer.heads):
            heads += f", {mixer.kv_heads} for keys and values"
    prefix = f"{side} " if side else ""
    found = [
        (f"{prefix}layers", str(stack.depth)),
        (f"{prefix}width", f"{stack.width:,}"),
        (f"{prefix}heads", heads),
        (f"{prefix}norm", f"{type(block.norm).__name__}, {block.norms} each part"),
    ]
    if ffn is not None:
        gate = ", gated" if ffn.gated else ""
        found.append((f"{prefix}feed-forward", f"{ffn.hidden:,} ({ffn.activation}{gate})"))
    return found


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
