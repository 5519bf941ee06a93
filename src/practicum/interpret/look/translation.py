"""Reading a source and writing its translation, and collecting what a look shows of both."""

from collections.abc import Sequence

import torch

from practicum.decoding.beam import Beam
from practicum.decoding.translate import Translator
from practicum.errors import ModelError
from practicum.interpret.beam_tree import BeamTree, tree_of_translation
from practicum.interpret.kept import Keep
from practicum.interpret.look.collect import (
    Spoken,
    answers_of,
    branch,
    kept_for,
    lens_of,
    neighbours_of,
    next_of,
    patterns_of,
    stack_facts,
    stream_of,
    tally_of,
)
from practicum.interpret.look.contents import Ask, Contents
from practicum.interpret.trace import trace_translation
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.models.translators import TrainedTranslator

EXTRA = 50  # words that an answer may have more than its source


def look_at_translation(
    trained: TrainedTranslator,
    text: str,
    target: str | None,
    ask: Ask,
    *,
    device: torch.device | str = "cpu",
) -> Contents:
    """What happens while `text` is read and `target` written; None: the beam's best answer.

    Rows of the alignment are the words that are written, one step ahead of those that are read.

    Raises as `collect.look`, and ModelError for a translator that is no Transformer.
    """
    model = trained.model
    if not isinstance(model, EncoderDecoderModel):
        raise ModelError(
            f"{trained.name} is a recurrent translator; the inside of a Transformer can be shown"
        )
    translator = Translator(
        model=model, source=trained.source, target=trained.target, device=device
    )
    source = translator.source.encode(text)
    context = model.description.context
    if not source:
        raise ModelError("the text is empty; give at least one character")
    if len(source) > context:
        raise ModelError(f"the source has {len(source)} tokens, the model reads {context}")
    tree = _searched(model, translator, source, ask)
    written = list(tree.answers[0].ids) if target is None else translator.target.encode(target)
    if target is not None:
        written.append(translator.end)
    read = [translator.begin, *written[:-1]]
    keep = kept_for(ask, model.description.decoder, len(read), max(len(source), len(read)))
    reading = Keep(what=tuple({"weights"} & set(keep.what)), layers=ask.layers)
    seen = trace_translation(
        model,
        torch.tensor([source], device=device),
        torch.tensor([read], device=device),
        keep,
        reading=reading,
    )
    assert seen.source is not None, "a translation has a source"
    said = Spoken(tokenizer=translator.target)
    heard = Spoken(tokenizer=translator.source)
    asked = set(ask.what)
    patterns = [
        patterns_of(seen, "alignment", "cross_weights", "written", "source"),
        patterns_of(seen.source, "reading", "weights", "source", "source"),
        patterns_of(seen, "writing", "weights", "target", "target"),
    ]
    table = model.source_embedding.weight
    return Contents(
        model=trained.name,
        facts=_facts(model),
        texts={
            "source": heard.all(source),
            "target": said.all(read),
            "written": said.all(written),
        },
        reading="target",
        temperature=ask.temperature,
        patterns=patterns if "attention" in asked else [],
        stream=stream_of(seen) if "stream" in asked else None,
        lens=lens_of(model, seen, said, ask) if "lens" in asked else None,
        next=next_of(seen, said, ask) if "next" in asked else None,
        neighbours=neighbours_of(table, source, heard, ask) if "neighbours" in asked else None,
        beam=branch(tree.root, said) if "beam" in asked else None,
        answers=answers_of(tree, translator.target) if "beam" in asked else None,
        tally=tally_of(model) if "tally" in asked else None,
    )


def _searched(
    model: EncoderDecoderModel, translator: Translator, source: Sequence[int], ask: Ask
) -> BeamTree:
    return tree_of_translation(
        model,
        source,
        begin=translator.begin,
        end=translator.end,
        beam=Beam(width=ask.beam),
        longest=min(len(source) + EXTRA, model.description.context),
        device=translator.device,
    )


def _facts(model: EncoderDecoderModel) -> list[tuple[str, str]]:
    description = model.description
    return [
        *stack_facts(description.encoder, "encoder"),
        *stack_facts(description.decoder, "decoder"),
        ("vocabularies", f"{description.source_vocab:,} and {description.target_vocab:,}"),
        ("context", f"{description.context:,}"),
        ("parameters", f"{sum(p.numel() for p in model.parameters()):,}"),
    ]
