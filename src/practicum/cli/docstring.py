"""`practicum docstring`: a model reads functions and says what they do (Chen et al. 2021, §5)."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.loading import Speaker
from practicum.cli.memory import refuse_too_large
from practicum.cli.options import chosen, explained, naming, options_of
from practicum.cli.render import console, json_option, print_json, showing_progress
from practicum.errors import ConfigError, DataError, ModelError
from practicum.events import Note, emit

if TYPE_CHECKING:
    from practicum.data.code_files import CodeFile
    from practicum.data.described_functions import DescribedFunction
    from practicum.decoding.language_model import LanguageModel
    from practicum.decoding.sampling import Sampling
    from practicum.evaluation.docstrings import Described, Form
    from practicum.training.budget import Budget

MARK = "docstring.json"  # beside a model that was taught here, so that it is asked in that form
Said = tuple["DescribedFunction", "Described"]


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Which functions, and how their docstrings are drawn."""

    all: bool = explained(False, "Also functions that have a docstring.")
    first: int | None = explained(None, "Only so many functions, from the first.")
    write: bool = explained(False, "Put the docstrings into the files; nothing else changes there.")
    form: Literal["auto", "reversed", "repeated", "chat"] = explained(
        "auto",
        "How a model is asked: the docstring after the body, as --learn-from teaches it; the "
        "function a second time, up to its docstring; or a question to a chat model. auto is "
        "reversed for a model that --out wrote, else repeated.",
    )
    samples: int = explained(1, "Docstrings drawn of each function; the likeliest is kept.")
    temperature: float = explained(0.2, "0 always takes the likeliest token.")
    max_tokens: int = explained(128, "At most so many tokens a docstring.")
    seed: int = explained(0, "The same seed gives the same docstrings.")

    def __post_init__(self) -> None:
        for name in ("first", "samples"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; expected at least 1")
        if self.samples > 1 and self.temperature == 0:
            raise ConfigError("--samples at --temperature 0 are all the same; give one of the two")

    def sampling(self) -> "Sampling":
        """As the library takes it, with the paper's nucleus."""
        from practicum.decoding.sampling import Sampling

        return Sampling(
            temperature=self.temperature, top_p=0.95, max_tokens=self.max_tokens, seed=self.seed
        )


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """What a copy of the model learns before it is asked."""

    learn_from: str | None = explained(
        None,
        "First teach a copy of the model the documented functions of this file, folder or "
        "installed package, or python: the standard library.",
    )
    out: str | None = explained(None, "Teaching: the folder to save the taught model in.")
    steps: int = explained(200, "Teaching: updates.")
    batch: int = explained(8, "Teaching: functions per update.")
    rate: float = explained(1e-4, "Teaching: peak learning rate.")
    longest: int = explained(512, "Teaching: leave out functions of more tokens.")

    def budget(self) -> "Budget":
        """As the loop takes it. Raises ConfigError where a value is out of range."""
        from practicum.training.budget import Budget

        options = {f"Budget.{name}": f"--{name}" for name in ("steps", "batch", "rate")}
        with naming(options):
            return Budget(steps=self.steps, batch=self.batch, rate=self.rate)

    def check(self) -> None:
        """Raises ConfigError for what does not go together, or a folder that is in use."""
        self.budget()
        if self.out is None:
            return
        if self.learn_from is None:
            raise ConfigError("--out saves a taught model; give --learn-from, too")
        folder = Path(self.out).expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder} holds something already; give another --out")
        above = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise ConfigError(f"{folder} cannot be made in {above}; give another --out")


@click.command()
@click.argument("code", nargs=-1, required=True)
@options_of(Writing)
@options_of(Teaching)
@options_of(Speaker)
@json_option
def command(code: tuple[str, ...], as_json: bool) -> None:
    """Write docstrings for the functions in CODE, Python files or folders.

    The model reads each function that has no docstring, signature and body, and says what it does.
    Tests and hidden folders below a folder are left out. No code is run.
    """
    writing, teaching = chosen(Writing), chosen(Teaching)
    sampling = writing.sampling()
    teaching.check()
    with showing_progress():
        asked = _asked(code, writing)
        model, form = _model(chosen(Speaker), teaching, seed=writing.seed)
        form = form if writing.form == "auto" else writing.form
        rows, failed = [], list[DataError]()
        for file, said in _said(asked, model, form, sampling, writing.samples):
            written = writing.write and _written(file, said, failed)
            rows += [_row(file, one, written=written) for one in said]
            if not as_json:
                _show(file, said)
    if as_json:
        print_json(rows)
    if failed:
        raise failed[0]
    if not rows:
        raise DataError("no function could be read; take a model with a longer context")


def _asked(
    code: Sequence[str], writing: Writing
) -> "list[tuple[CodeFile, list[DescribedFunction]]]":
    """Files with the functions that are to be described, everything refused that can be."""
    from practicum.data.code_files import code_files

    files = {file.path.resolve(): file for place in code for file in code_files(place)}
    left, found = writing.first, []
    for file in files.values():
        wanted = [one for one in file.functions if writing.all or one.docstring is None][:left]
        left = None if left is None else left - len(wanted)
        if wanted:
            found.append((file, wanted))
    if not found:
        what = "function" if writing.all else "function without a docstring"
        raise DataError(f"no {what} in {', '.join(code)} on lines of its own; nothing to write")
    if writing.write:
        for file, _ in found:
            file.check_writable()
    return found


def _model(speaker: Speaker, teaching: Teaching, *, seed: int) -> "tuple[LanguageModel, Form]":
    """The model, taught if so asked, and the form that it understands."""
    from practicum.models.decoder import DecoderModel

    if teaching.learn_from is not None:
        from practicum.data.code_files import documented_functions

        lessons = documented_functions(teaching.learn_from)
        model, form = _taught(speaker.read(), lessons, teaching, seed=seed), "reversed"
    else:
        model, form = speaker.read(), _form_of(Path(speaker.model).expanduser())
    if not isinstance(model.model, DecoderModel):
        raise ModelError(f"{speaker.model} is no decoder that can write; take another model")
    model.model.prepack()
    return model, form


def _form_of(folder: Path) -> "Form":
    return "reversed" if (folder / MARK).is_file() else "repeated"


def _taught(
    model: "LanguageModel", functions: "list[DescribedFunction]", teaching: Teaching, *, seed: int
) -> "LanguageModel":
    """A copy that has learned to write docstrings after bodies, saved where that was asked."""
    from practicum.decoding.language_model import LanguageModel
    from practicum.models.decoder import DecoderModel
    from practicum.models.save import save
    from practicum.training.further import taught

    if not isinstance(model.model, DecoderModel):
        raise ModelError(f"only decoders can be taught, and this is a {type(model.model).__name__}")
    refuse_too_large(sum(each.numel() for each in model.model.parameters()))
    pairs = [function.words_from_code for function in functions]
    longest = min(teaching.longest, model.context)
    short = [pair for pair in pairs if len(model.tokenizer.encode("".join(pair))) < longest]
    if not short:
        raise DataError(f"no function has at most {longest} tokens; give more --longest")
    emit(Note(text=f"learning {len(short):,} of {len(pairs):,} documented functions"))
    learned = taught(model.model, model.tokenizer, short, teaching.budget(), seed=seed)
    if teaching.out is not None:
        folder = Path(teaching.out).expanduser()
        save(learned, folder, tokenizer=model.tokenizer, chat_template=model.chat_template)
        (folder / MARK).write_text(json.dumps({"form": "reversed"}) + "\n")
    return LanguageModel(learned, model.tokenizer, model.chat_template)


def _said(
    asked: "list[tuple[CodeFile, list[DescribedFunction]]]",
    model: "LanguageModel",
    form: "Form",
    sampling: "Sampling",
    samples: int,
) -> "Iterator[tuple[CodeFile, list[Said]]]":
    """File by file, what the model says of the functions that it can read."""
    from practicum.evaluation import docstrings
    from practicum.serving.engine import Engine

    engine = Engine(model)  # reads a function once for all samples
    for file, functions in asked:
        lengths = [len(model.encode_prompt(docstrings.asked(f, form))) for f in functions]
        short = [f for f, n in zip(functions, lengths, strict=True) if n < model.context]
        for function, length in zip(functions, lengths, strict=True):
            if length >= model.context:
                where = f"{file.path}:{function.line} {function.name}"
                many = f"{length:,} tokens, and the model reads {model.context:,}"
                emit(Note(text=f"left out: {where} ({many})"))
        said = docstrings.described(engine, short, form, sampling, samples=samples)
        yield file, list(zip(short, said, strict=True))


def _written(file: "CodeFile", said: "list[Said]", failed: list[DataError]) -> bool:
    """Whether the file has its docstrings now; what hinders that joins `failed`."""
    whole = {function: one.words for function, one in said if one.words and one.finished}
    try:
        if whole:
            file.write(whole)
    except DataError as problem:
        failed.append(problem)
        return False
    return True


def _row(file: "CodeFile", said: Said, *, written: bool) -> dict[str, Any]:
    function, one = said
    return {
        "file": str(file.path),
        "line": function.line,
        "name": function.name,
        "docstring": one.words,
        "finished": one.finished,
        "mean_log_probability": one.mean_log_probability,
        "written": written and one.finished and bool(one.words),
    }


def _show(file: "CodeFile", said: "list[Said]") -> None:
    from rich.text import Text

    screen = console()
    for function, one in said:
        place = Text(f"{file.path}:{function.line} ", style="dim")
        cut = "" if one.finished else "  (cut: give more --max-tokens)"
        screen.print(place + Text(function.name, style="bold") + Text(cut, style="yellow"))
        screen.print(Text(indent(one.words or "(nothing was said)", "    ") + "\n"))
