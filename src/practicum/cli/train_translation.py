"""`practicum train --task translation`: pairs of sentences, one BPE for both, BLEU at the end.

As in Vaswani et al. 2017, §5 and §6.1: smoothed labels, batches of similar length by tokens, Adam
with β₂ = 0.98, the rate after the warm-up as 1/√step, and the mean of the last checkpoints.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.cli.train_options import Curves, Learning, Place, Shape, Words
from practicum.cli.train_pairs import Pairs
from practicum.errors import ConfigError
from practicum.events import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from practicum.data.length_buckets import Buckets
    from practicum.data.parallel import SentencePair, TokenPair
    from practicum.decoding.translate import Translator
    from practicum.models.encoder_decoder import EncoderDecoder
    from practicum.models.recurrent import Recurrent
    from practicum.models.translators import TrainedTranslator, TranslatorModel
    from practicum.objectives.translation import Translation
    from practicum.tokenizers.tokenizer import Tokenizer
    from practicum.training.budget import Budget

TOKENS = 2048  # of either language in a batch, padding included
WATCHED = 256  # held-out pairs looked at while training
SCORED = 500  # held-out pairs translated at the end
SPECIALS = ("<|end|>", "<|begin|>")


def train_translation(
    pairs: Pairs, words: Words, place: Place, shape: Shape, learning: Learning
) -> dict[str, Any]:
    """Train on the pairs of sentences; what came out as a row."""
    from practicum.data.parallel import split_pairs
    from practicum.models.build import build

    budget = _budget(learning)
    known = _known(pairs, words)
    asked = known.model.description if known else _description(shape, words.vocab, pairs.dropout)
    device = place.device_for(asked)
    text = split_pairs(pairs.read())
    folder = place.folder()
    with listening(Curves(folder / "metrics.jsonl", fresh=not place.resume)):
        if known is not None:
            description, source, target = asked, known.source, known.target
        else:
            both = [side for pair in text.train for side in pair]
            source = words.kept(both, folder, resumed=place.resume, specials=SPECIALS)
            description, target = _description(shape, source.size, pairs.dropout), source
        context = _limit(description)
        run = Run(
            learn=[tokens for _, tokens in pairs.encoded(text.train, source, target, context)],
            held_out=pairs.encoded(text.held_out, source, target, context),
            source=source,
            target=target,
            folder=folder,
            pairs=pairs,
        )
        start = known.model.to(device) if known else None
        model = start or build(description, seed=learning.seed, device=device)
        return run.train(model, budget, seed=learning.seed, device=device, resume=place.resume)


def _limit(description: "EncoderDecoder | Recurrent") -> int | None:
    """How many tokens it reads at most; None: any number."""
    from practicum.models.recurrent import Recurrent

    if isinstance(description, Recurrent) or description.positions is None:
        return None
    return description.context


def _known(pairs: Pairs, words: Words) -> "TrainedTranslator | None":
    """The model to go on from, in float32, if one is named."""
    if pairs.start is None:
        return None
    if words.tokenizer is not None:
        raise ConfigError(f"{pairs.start} has its own tokenizer; leave out --tokenizer")
    import torch

    from practicum.models.translators import load_translator

    return load_translator(pairs.start, dtype=torch.float32)


def _description(shape: Shape, vocab: int, dropout: float) -> "EncoderDecoder | Recurrent":
    """The network over `vocab` tokens."""
    from practicum.models.families.bahdanau import rnnsearch
    from practicum.models.families.transformer import transformer

    if shape.family == "recurrent":
        return rnnsearch(
            source_vocab=vocab,
            target_vocab=vocab,
            embedding=shape.width,
            width=shape.width,
            units=max(1, shape.width // 2),
        )
    if shape.family not in (None, "transformer"):
        raise ConfigError(
            f"{shape.family} is a family of language models; translators are transformer or "
            "recurrent"
        )
    return transformer(
        width=shape.width,
        depth=shape.depth,
        heads=shape.heads,
        vocab=vocab,
        context=shape.context,
        dropout=dropout,
    )


def _budget(learning: Learning) -> "Budget":
    """The paper's recipe."""
    from practicum.training.noam import ADAM
    from practicum.training.schedules import InverseSqrt

    often = max(1, learning.steps // 50)  # so that the last ones are close to each other
    return learning.budget(
        batch=TOKENS, save_every=often, schedule=InverseSqrt(), warmup=0.1, optimiser=ADAM
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One training run: its pairs, its tokenizer and its folder."""

    learn: "Sequence[TokenPair]"
    held_out: "Sequence[tuple[SentencePair, TokenPair]]"
    source: "Tokenizer"
    target: "Tokenizer"
    folder: Path
    pairs: Pairs

    def train(
        self,
        model: "TranslatorModel",
        budget: "Budget",
        *,
        seed: int,
        device: str,
        resume: bool,
    ) -> dict[str, Any]:
        """Train, average, save, measure; what came out as a row."""
        from practicum.data.length_buckets import BucketLoader, Buckets
        from practicum.decoding.translate import Translator
        from practicum.kernels.label_smoothing import EvenSmoothing
        from practicum.models.translators import save_translator
        from practicum.objectives.translation import Translation
        from practicum.training.averaging import average_checkpoints
        from practicum.training.checkpoint import best_checkpoint, recent_checkpoints
        from practicum.training.loop import Watch, fit

        words = {"source": self.source, "target": self.target}
        place, last = self.folder / "checkpoints", self.pairs.average
        translator = Translator(model=model, device=device, **words)
        buckets = Buckets(rows=None, tokens=budget.batch)
        judge = Translation(begin=translator.begin, end=translator.end)
        watched = self._held_out_loss(judge, buckets)
        watch = Watch(
            evaluate=watched,
            folder=place,
            resume=resume,
            keep=max(1, last),
            name=f"training {self.folder.name}",
        )
        smoothed = Translation(
            begin=judge.begin, end=judge.end, smoothing=EvenSmoothing(share=self.pairs.smoothing)
        )
        loader = BucketLoader(self.learn, buckets, seed=seed)
        trained = fit(model, loader, smoothed, budget, seed=seed, watch=watch)
        averaged = recent_checkpoints(place)[-last:] if last else [best_checkpoint(place)]
        average_checkpoints(model, averaged)
        save_translator(model, self.folder, **words)
        return {
            "model": str(self.folder),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "pairs": len(self.learn),
            "steps": trained.steps,
            "tokens": trained.tokens,
            "loss": trained.loss,
            "held_out_loss_before_averaging": trained.held_out,
            "averaged": len(averaged),
            "held_out_loss": watched(model),
            **self._scores(translator),
            "seconds": trained.seconds,
        }

    def _held_out_loss(
        self, judge: "Translation", buckets: "Buckets"
    ) -> "Callable[[nn.Module], float]":
        import torch

        from practicum.data.length_buckets import in_buckets
        from practicum.training.held_out import loss_over

        batches = in_buckets([tokens for _, tokens in _spread(self.held_out, WATCHED)], buckets)
        return torch.no_grad()(loss_over(judge, lambda: batches))

    def _scores(self, translator: "Translator") -> dict[str, Any]:
        """Of translations of held-out sentences, and of these sentences as they stand."""
        from practicum.cli.translate import answers
        from practicum.decoding.translate import OF_FOUR
        from practicum.evaluation.translation import score_translations

        scored = _spread(self.held_out, SCORED)
        sources = [tokens.source for _, tokens in scored]
        said = [found[0].text for found in answers(translator, sources, OF_FOUR)]
        right = [pair.target for pair, _ in scored]
        score = score_translations(said, right, words=self.pairs.bleu_words)
        copied = score_translations(
            [pair.source for pair, _ in scored], right, words=self.pairs.bleu_words
        )
        return {
            "sentences": len(scored),
            "bleu": score.bleu,
            "chrf": score.chrf,
            "bleu_of_copying": copied.bleu,
            "signature": score.bleu_signature,
        }


def _spread(rows: "Sequence[Any]", count: int) -> "Sequence[Any]":
    """At most `count` of `rows`, evenly from first to last."""
    return rows[:: -(-len(rows) // count)]
