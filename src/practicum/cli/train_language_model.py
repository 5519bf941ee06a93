"""`practicum train` of a language model: text, windows of it, and bits per byte at the end."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.cli.train_options import Curves, Learning, Place, Shape, Words
from practicum.errors import ConfigError
from practicum.events import listening

if TYPE_CHECKING:
    from practicum.data.documents import Corpus
    from practicum.models.decoder import Decoder
    from practicum.tokenizers.tokenizer import Tokenizer
    from practicum.training.budget import Budget

WATCHED = 64  # held-out windows looked at while training; all of the text is scored at the end


def train_language_model(
    corpus: str, words: Words, place: Place, shape: Shape, learning: Learning
) -> dict[str, Any]:
    """Train on what `corpus` names; what came out as a row."""
    from practicum.data.files import read_in_two_sides

    budget = learning.budget(batch=16, save_every=200)
    device = place.device_for(_description(shape, words.vocab))
    text = read_in_two_sides(corpus)
    folder = place.folder()
    with listening(Curves(folder / "metrics.jsonl", fresh=not place.resume)):
        texts = [document.text for document in text.train]
        specials = ("<|endoftext|>",)
        tokenizer = words.kept(texts, folder, resumed=place.resume, specials=specials)
        run = Run(text, tokenizer, _description(shape, tokenizer.size), folder)
        return run.train(budget, seed=learning.seed, device=device, resume=place.resume)


def _description(shape: Shape, vocab: int) -> "Decoder":
    """The network over `vocab` tokens."""
    from practicum.models.families.gpt2 import gpt2
    from practicum.models.families.llama import llama

    family = {None: gpt2, "gpt2": gpt2, "llama": llama}.get(shape.family)
    if family is None:
        raise ConfigError(
            f"{shape.family} is a family of translators; give --task translation, or gpt2 or llama"
        )
    return family(
        width=shape.width, depth=shape.depth, heads=shape.heads, vocab=vocab, context=shape.context
    )


class Run:
    """One training run: its text, its tokenizer, its network and its folder."""

    def __init__(
        self, corpus: "Corpus", tokenizer: "Tokenizer", description: "Decoder", folder: Path
    ) -> None:
        self.corpus, self.tokenizer = corpus, tokenizer
        self.description, self.folder = description, folder

    def train(self, budget: "Budget", *, seed: int, device: str, resume: bool) -> dict[str, Any]:
        """Train, save, measure; what came out as a row."""
        from practicum.data.loader import Loader
        from practicum.data.packing import Windows
        from practicum.data.shards import encode_documents
        from practicum.decoding.language_model import LanguageModel
        from practicum.evaluation.bits import bits_per_byte
        from practicum.models.build import build
        from practicum.models.save import save
        from practicum.objectives.next_token import NextToken
        from practicum.training.held_out import held_out_loss
        from practicum.training.loop import Watch, fit

        windows, held_out = (
            Windows(encode_documents(documents, self.tokenizer), self.description.context)
            for documents in (self.corpus.train, self.corpus.held_out)
        )
        watched = held_out[:WATCHED]
        model = build(self.description, seed=seed, device=device)
        watch = Watch(
            evaluate=held_out_loss(NextToken(), watched, batch=budget.batch),
            folder=self.folder / "checkpoints",
            resume=resume,
            name=f"training {self.folder.name}",
        )
        loader = Loader(windows, budget.batch, seed=seed)
        trained = fit(model, loader, NextToken(), budget, seed=seed, watch=watch)
        save(model, self.folder, tokenizer=self.tokenizer)
        scorer = LanguageModel(model, self.tokenizer)
        return {
            "model": str(self.folder),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "steps": trained.steps,
            "tokens": trained.tokens,
            "loss": trained.loss,
            "held_out_loss": trained.held_out,
            "held_out_bits_per_byte": bits_per_byte(scorer, self.corpus.held_out),
            "seconds": trained.seconds,
        }
