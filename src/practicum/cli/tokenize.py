"""`practicum tokenize`: byte-pair encodings of one's own text, and what tokenizers make of text."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from practicum.cli.loading import tokenizer_called
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.cli.token_tables import measure, tables
from practicum.cli.token_view import MOST, print_pieces, write_tokens
from practicum.cli.tokenizer_files import PATTERNS, check_writable, pattern_called, write_tokenizer
from practicum.errors import DataError

if TYPE_CHECKING:
    from practicum.tokenizers.tokenizer import Specials, Tokenizer

A_FILE = click.Path(path_type=Path, dir_okay=False)
page_option = click.option("--html", "page", type=A_FILE, help="Write the pieces as a page.")


@click.group()
def command() -> None:
    """Train a tokenizer; encode, decode and compare text.

    A TOKENIZER is `bytes`, a tokenizer.json, .model, .tiktoken or .gguf file, a model's folder, or
    an asset such as smollm2, gpt2-vocabulary or cl100k.
    """


@command.command()
@click.argument("corpus")
@click.option("--vocab", type=int, required=True, help="Tokens, bytes and special ones included.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="tokenizer.json",
    show_default=True,
    help="A .json file or folder, a .model (minbpe) or a .tiktoken (ranks alone).",
)
@click.option(
    "--pattern",
    type=click.Choice(PATTERNS),
    default="gpt2",
    show_default=True,
    help="How text is cut into the pieces that merges never cross; none: not at all.",
)
@click.option(
    "--specials",
    multiple=True,
    default=["<|endoftext|>"],
    show_default=True,
    metavar="TEXT",
    help="A special token; may be repeated, and the first ends a text. none: no special token.",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes that count pieces.")
def train(
    corpus: str, vocab: int, out: Path, pattern: str, specials: tuple[str, ...], workers: int
) -> None:
    """Learn a byte-level BPE from CORPUS (a name, file, folder or hf:name) and save it."""
    from practicum.data.files import read_corpus
    from practicum.tokenizers.bpe_merging import MINBPE, TOKENIZERS
    from practicum.tokenizers.bpe_training import train_bpe

    wanted = () if specials == ("none",) else specials
    check_writable(out, wanted)
    with showing_progress():
        tokenizer = train_bpe(
            (document.text for document in read_corpus(corpus).documents),
            vocab,
            pattern=pattern_called(pattern),
            specials=wanted,
            convention=MINBPE if out.suffix == ".model" else TOKENIZERS,
            workers=workers,
        )
    write_tokenizer(tokenizer, out)
    called = f"; it is called {out}:{pattern}" if out.suffix == ".tiktoken" else ""
    click.echo(f"{out}: {tokenizer.size:,} tokens{called}")


@command.command()
@click.argument("tokenizer")
@click.argument("text", required=False)
@click.option("--file", type=A_FILE, help="A file with the text.")
@click.option(
    "--specials",
    multiple=True,
    default=["none"],
    show_default=True,
    metavar="all|none|refuse|TOKEN",
    help="Whose texts become special tokens; of the others none may then occur. May be repeated.",
)
@click.option("--beside", multiple=True, metavar="TOKENIZER", help="Another one to show, too.")
@click.option("--pieces", is_flag=True, help="Show the pieces of the text in colours, not ids.")
@page_option
@json_option
def encode(
    tokenizer: str,
    text: str | None,
    file: Path | None,
    specials: tuple[str, ...],
    beside: tuple[str, ...],
    pieces: bool,
    page: Path | None,
    as_json: bool,
) -> None:
    """Print the ids of TEXT (default: standard input)."""
    if beside and not (pieces or page):
        raise click.UsageError("--beside needs --pieces or --html")
    given = _given(text, file)
    chosen = {name: tokenizer_called(name) for name in (tokenizer, *beside)}
    allowed = _specials(specials)
    if page:
        _write_page(page, chosen, given, allowed, title="A text in tokens")
    if as_json:
        _print_ids(chosen[tokenizer], given, allowed)
    elif pieces:
        from practicum.interpret.token_picture import cut

        cuts = [cut(name, one, given, specials=allowed) for name, one in chosen.items()]
        print_pieces(cuts)
    elif not page:
        click.echo(" ".join(map(str, chosen[tokenizer].encode(given, specials=allowed))))


@command.command()
@click.argument("tokenizer")
@click.argument("ids", nargs=-1)
def decode(tokenizer: str, ids: tuple[str, ...]) -> None:
    """Print the text of IDS (default: standard input)."""
    chosen = tokenizer_called(tokenizer)
    given = " ".join(ids or (sys.stdin.read(),))
    numbers = given.translate(str.maketrans(",[]", "   ")).split()
    for number in numbers:
        if not number.isdecimal():
            raise click.BadParameter(f"'{number}' is not an id; give whole numbers")
    click.echo(chosen.decode([int(number) for number in numbers]))


@command.command()
@click.argument("corpus")
@click.argument("tokenizers", nargs=-1, required=True, metavar="TOKENIZER...")
@page_option
@json_option
def compare(corpus: str, tokenizers: tuple[str, ...], page: Path | None, as_json: bool) -> None:
    """What each TOKENIZER makes of CORPUS: bytes a token covers, tokens a word takes, by script."""
    from practicum.data.files import read_corpus

    chosen = {name: tokenizer_called(name) for name in tokenizers}
    with showing_progress():
        documents = read_corpus(corpus).documents
        measured = [measure(name, one, documents) for name, one in chosen.items()]
    found = tables(measured)
    if page:
        text = "".join(document.text for document in documents)
        _write_page(page, chosen, text, False, title=f"{corpus} in tokens", found=found)
    if as_json:
        return print_json([one.data() for one in measured])
    for title, rows in found.items():
        if rows:
            print_table(rows, title=title)
            click.echo()
    return None


@command.command()
@click.argument("tokenizer")
@click.option("--model", help="A model with this tokenizer, whose embedding is looked at as well.")
@click.option("--most", type=click.IntRange(1), default=30, show_default=True, help="Rows to show.")
@json_option
def glitches(tokenizer: str, model: str | None, most: int, as_json: bool) -> None:
    """Tokens of TOKENIZER that no text becomes, and those of odd length in a model's embedding."""
    from practicum.evaluation.glitch_tokens import odd_norms, unreachable

    chosen = tokenizer_called(tokenizer)
    rows = [
        _glitch(chosen, one.id, one.why, becomes=" ".join(map(str, one.instead)))
        for one in unreachable(chosen)
    ]
    if model:
        from practicum.models.load import load

        with showing_progress():
            vectors = load(model).model.embedding.weight[: chosen.size]
        rows += [
            _glitch(chosen, one.id, "odd norm", norm=one.norm, deviations=one.deviations)
            for one in odd_norms(vectors, leave_out=chosen.specials.values())
        ]
    if as_json or rows:
        return print_table(rows if as_json else rows[:most], as_json=as_json)
    return click.echo("every token is what its own text becomes")


# What the verbs share


def _given(text: str | None, file: Path | None) -> str:
    """The text that was given: as an argument, in a file, or on standard input."""
    if text is not None and file is not None:
        raise click.UsageError("give a TEXT or --file, not both")
    if text is not None:  # what was typed may be no text, which Python then keeps in surrogates
        place, data = "the text", text.encode(errors="surrogateescape")
    elif file is not None:
        place, data = str(file), file.read_bytes()
    elif hasattr(sys.stdin, "buffer"):
        place, data = "standard input", sys.stdin.buffer.read()
    else:
        return sys.stdin.read()
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{place} is not UTF-8 (byte {problem.start} is 0x{data[problem.start]:02x}); convert "
            "it, for example: iconv -f LATIN1 -t UTF-8"
        ) from problem


def _specials(given: tuple[str, ...]) -> "Specials":
    words: dict[str, Specials] = {"all": True, "none": False, "refuse": "refuse"}
    if len(given) == 1 and given[0] in words:
        return words[given[0]]
    return given


def _print_ids(tokenizer: "Tokenizer", text: str, specials: "Specials") -> None:
    ids, offsets = tokenizer.encode_with_offsets(text, specials=specials)
    pieces = [tokenizer.piece(number).decode(errors="replace") for number in ids]
    rows = zip(ids, pieces, offsets, strict=True)
    print_json([{"id": i, "piece": piece, "bytes": list(span)} for i, piece, span in rows])


def _write_page(
    page: Path,
    chosen: "Mapping[str, Tokenizer]",
    text: str,
    specials: "Specials",
    *,
    title: str,
    found: Mapping[str, list[dict[str, object]]] | None = None,
) -> None:
    from practicum.data.documents import Document
    from practicum.interpret.token_picture import cut

    document = Document(id="", text=text, source="", licence="")
    if found is None:
        found = tables([measure(name, one, [document], specials) for name, one in chosen.items()])
    cuts = [cut(name, one, text[:MOST], specials=specials) for name, one in chosen.items()]
    write_tokens(page, cuts, found, title=title, cut_short=len(text) > MOST)
    click.echo(f"wrote {page}", err=True)


def _glitch(
    tokenizer: "Tokenizer",
    id: int,
    why: str,
    *,
    becomes: str = "",
    norm: float | None = None,
    deviations: float | None = None,
) -> dict[str, object]:
    from practicum.evaluation.vocabulary_census import text_of

    piece = tokenizer.piece(id)
    text = text_of(piece)
    return {
        "id": id,
        "piece": repr(piece if text is None else text),
        "why": why,
        "becomes": becomes,
        "norm": norm,
        "deviations": deviations,
    }
