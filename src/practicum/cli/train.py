"""`practicum train`: a language model from one's own text, saved so that other verbs load it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.loading import device_called, tokenizer_called
from practicum.cli.memory import refuse_too_large
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_table, showing_progress
from practicum.errors import ConfigError
from practicum.events import Event, Metric, listening

if TYPE_CHECKING:
    from practicum.data.documents import Corpus
    from practicum.models.decoder import Decoder
    from practicum.tokenizers.tokenizer import Tokenizer
    from practicum.training.budget import Budget

WATCHED = 64  # held-out windows looked at while training; all of the text is scored at the end


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The network that is asked for."""

    family: Literal["gpt2", "llama"] = explained("gpt2", "The architecture.")
    width: int = explained(256, "Numbers that stand for one token inside the network.")
    depth: int = explained(4, "Blocks.")
    heads: int = explained(4, "Attention heads of a block.")
    context: int = explained(256, "Tokens it can read at once.")

    def description(self, vocab: int) -> "Decoder":
        """The network over `vocab` tokens."""
        from practicum.models.families.gpt2 import gpt2
        from practicum.models.families.llama import llama

        family = {"gpt2": gpt2, "llama": llama}[self.family]
        return family(
            width=self.width, depth=self.depth, heads=self.heads, vocab=vocab, context=self.context
        )


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How long, how fast, and how often to look."""

    steps: int = explained(1000, "Updates.")
    batch: int = explained(16, "Windows of text per update.")
    rate: float = explained(1e-3, "Peak learning rate.")
    precision: Literal["float32", "bfloat16"] = explained("float32", "Of the computation.")
    compile: bool = explained(False, "Through torch.compile.")
    evaluate_every: int = explained(100, "Updates between two looks at held-out text.")
    save_every: int = explained(200, "Updates between two checkpoints.")
    seed: int = explained(0, "Of the initial weights and the order of the text.")

    def budget(self) -> "Budget":
        """As the loop takes it. Raises ConfigError where a value is out of range."""
        from practicum.training.budget import Budget

        return Budget(
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            precision=self.precision,
            compile=self.compile,
            evaluate_every=self.evaluate_every,
            save_every=self.save_every,
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the model goes, what is done with what is there already, and what trains it."""

    out: str = explained("", "Folder of the model.")
    resume: bool = explained(False, "Go on from the last checkpoint in --out.")
    force: bool = explained(False, "Replace what --out holds.")
    device: str | None = explained(None, "cpu, cuda or cuda:1. [default: a GPU if there is one]")

    def folder(self) -> Path:
        """The folder, made; refused where it holds a model that is neither resumed nor replaced."""
        if not self.out:
            raise ConfigError("where should the model go? give --out FOLDER")
        folder = Path(self.out)
        if not (self.resume or self.force) and (folder / "checkpoints").exists():
            raise ConfigError(f"{folder} holds a run already; give --resume, --force or another")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@click.command()
@click.argument("corpus")
@click.option("--vocab", default=4096, show_default=True, help="Tokens of the BPE that it learns.")
@click.option("--tokenizer", help="Use this one (see practicum tokenize) instead of learning one.")
@options_of(Place)
@options_of(Shape)
@options_of(Learning)
@json_option
def command(corpus: str, vocab: int, tokenizer: str | None, as_json: bool) -> None:
    """Train a language model on CORPUS: a corpus by name, a file, a folder, or hf:name.

    One in twenty documents is held out. The folder then holds a model that generate, chat and
    evaluate load, and metrics.jsonl with its curves.
    """
    from practicum.data.files import read_in_two_sides
    from practicum.models.build import parameters_of

    place, shape, learning = chosen(Place), chosen(Shape), chosen(Learning)
    budget, device = learning.budget(), device_called(place.device)
    count = parameters_of(shape.description(vocab))  # an impossible shape is refused before work
    if device == "cpu":
        refuse_too_large(count)
    with showing_progress():
        text = read_in_two_sides(corpus)
        folder = place.folder()
        with listening(Curves(folder / "metrics.jsonl", fresh=not place.resume)):
            words = _tokenizer(text, tokenizer, vocab, folder, resumed=place.resume)
            run = Run(text, words, shape.description(words.size), folder)
            row = run.train(budget, seed=learning.seed, device=device, resume=place.resume)
    print_table([row], as_json=as_json)
    click.echo(f'try: practicum generate --model {folder} "…"', err=True)


class Curves:
    """Appends each point of a curve to a file of JSON lines; after a resume the later counts."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        if fresh:
            path.unlink(missing_ok=True)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Metric):
            point = {"step": event.step, "name": event.name, "value": event.value}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(point) + "\n")


def _tokenizer(
    corpus: "Corpus", reference: str | None, vocab: int, folder: Path, *, resumed: bool
) -> "Tokenizer":
    """The one asked for, the one of the run to be resumed, or one learned from the text."""
    from practicum.tokenizers.bpe_training import train_bpe
    from practicum.tokenizers.json_file import save_tokenizer

    kept = folder / "tokenizer.json"
    if reference is not None:
        return tokenizer_called(reference)
    if resumed and kept.exists():
        return tokenizer_called(str(kept))
    tokenizer = train_bpe([document.text for document in corpus.train], vocab)
    save_tokenizer(tokenizer, kept)
    return tokenizer


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
