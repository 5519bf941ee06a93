"""What `practicum train` is asked for whatever it trains, and the file of its curves."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from practicum.cli.loading import device_called, tokenizer_called
from practicum.cli.memory import refuse_too_large
from practicum.cli.options import explained
from practicum.errors import ConfigError
from practicum.events import Event, Metric

if TYPE_CHECKING:
    from torch import nn

    from practicum.models.build import Described
    from practicum.tokenizers.tokenizer import Tokenizer
    from practicum.training.budget import Budget


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The network that is asked for."""

    family: Literal["gpt2", "llama", "transformer", "recurrent"] | None = explained(
        None, "The architecture.  [default: gpt2, or for translation transformer]"
    )
    width: int = explained(256, "Numbers that stand for one token inside the network.")
    depth: int = explained(4, "Blocks, on either side of a translator (not of a recurrent one).")
    heads: int = explained(4, "Attention heads of a block.")
    context: int = explained(256, "Tokens it can read at once (a recurrent one: any number).")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What text is cut into."""

    vocab: int = explained(4096, "Tokens of the BPE that it learns.")
    tokenizer: str | None = explained(
        None, "Use this one (see practicum tokenize) instead of learning one."
    )

    def kept(
        self, texts: Iterable[str], folder: Path, *, resumed: bool, specials: tuple[str, ...]
    ) -> "Tokenizer":
        """The one asked for, that of the run to be resumed, or one learned from `texts`.

        It is written to `folder` before anything is trained on it. The first of `specials` ends a
        text; where there are two, a text begins with the second.
        """
        from practicum.tokenizers.bpe_training import train_bpe
        from practicum.tokenizers.json_file import save_tokenizer

        place = folder / "tokenizer.json"
        if self.tokenizer is None and resumed and place.exists():
            return tokenizer_called(str(place))
        if self.tokenizer is not None:
            tokenizer = tokenizer_called(self.tokenizer)
        else:
            tokenizer = train_bpe(texts, self.vocab, specials=specials)
            if len(specials) > 1:
                tokenizer = tokenizer.changed(begin=tokenizer.special(specials[1]))
        save_tokenizer(tokenizer, place)
        return tokenizer


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How long, how fast, and how often to look."""

    steps: int = explained(1000, "Updates.")
    batch: int | None = explained(
        None, "Windows of text per update, or tokens of either language.  [default: 16, or 2048]"
    )
    rate: float = explained(1e-3, "Peak learning rate.")
    precision: Literal["float32", "bfloat16"] = explained("float32", "Of the computation.")
    compile: bool = explained(False, "Through torch.compile.")
    evaluate_every: int = explained(100, "Updates between two looks at held-out text.")
    save_every: int | None = explained(
        None, "Updates between two checkpoints.  [default: 200, or a fiftieth of all]"
    )
    seed: int = explained(0, "Of the initial weights and the order of the text.")

    def __post_init__(self) -> None:
        for name in ("evaluate_every", "save_every"):
            if getattr(self, name) == 0:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} is 0; expected at least 1")

    def budget(self, *, batch: int, save_every: int, **recipe: Any) -> "Budget":
        """As the loop takes it, with what a task asks for where nothing else was.

        Raises ConfigError where a value is out of range.
        """
        from practicum.training.budget import Budget

        return Budget(
            steps=self.steps,
            batch=batch if self.batch is None else self.batch,
            rate=self.rate,
            precision=self.precision,
            compile=self.compile,
            evaluate_every=self.evaluate_every,
            save_every=save_every if self.save_every is None else self.save_every,
            **recipe,
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the model goes, what is done with what is there already, and what trains it."""

    out: str = explained("", "Folder of the model.")
    resume: bool = explained(False, "Go on from the last checkpoint in --out.")
    force: bool = explained(False, "Replace what --out holds.")
    device: str | None = explained(None, "cpu, cuda or cuda:1. [default: a GPU if there is one]")

    def device_for(self, description: "Described[nn.Module]") -> str:
        """What trains this network, whose shape is refused before work where it is impossible.

        Raises ModelError where it is too large for the memory of this machine.
        """
        from practicum.models.build import parameters_of

        device, count = device_called(self.device), parameters_of(description)
        if device == "cpu":
            refuse_too_large(count)
        return device

    def folder(self) -> Path:
        """The folder, made; refused where it holds a model that is neither resumed nor replaced."""
        if not self.out:
            raise ConfigError("where should the model go? give --out FOLDER")
        folder = Path(self.out)
        if not (self.resume or self.force) and (folder / "checkpoints").exists():
            raise ConfigError(f"{folder} holds a run already; give --resume, --force or another")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
