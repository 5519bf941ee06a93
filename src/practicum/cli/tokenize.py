"""`practicum tokenize`: byte-pair encodings of one's own text, and what tokenizers make of text."""

import sys
from pathlib import Path

import click

from practicum.cli.loading import tokenizer_called
from practicum.cli.render import json_option, print_json, print_table, showing_progress


@click.group()
def command() -> None:
    """Train a tokenizer; encode, decode and compare text.

    A TOKENIZER is `bytes`, a tokenizer.json, a model's folder, a .gguf file or an asset.
    """


@command.command()
@click.argument("corpus")
@click.option("--vocab", type=int, required=True, help="Tokens, bytes and special ones included.")
@click.option("--out", type=click.Path(path_type=Path), default="tokenizer.json", show_default=True)
@click.option(
    "--pattern",
    "pattern_name",
    type=click.Choice(["gpt2", "gpt4", "qwen2", "smol"]),
    default="gpt2",
    show_default=True,
    help="How text is cut into the pieces that merges never cross.",
)
def train(corpus: str, vocab: int, out: Path, pattern_name: str) -> None:
    """Learn a byte-level BPE from CORPUS (a name, file, folder or hf:name) and save it."""
    from practicum.data.files import read_corpus
    from practicum.tokenizers.bpe_training import train_bpe
    from practicum.tokenizers.json_file import save_tokenizer
    from practicum.tokenizers.patterns import KNOWN

    pattern = next(pattern for pattern in KNOWN if pattern.name == pattern_name)
    with showing_progress():
        texts = [document.text for document in read_corpus(corpus).documents]
        tokenizer = train_bpe(texts, vocab, pattern=pattern)
    save_tokenizer(tokenizer, out)
    click.echo(f"{out}: {tokenizer.size:,} tokens")


@command.command()
@click.argument("tokenizer")
@click.argument("text", required=False)
@click.option("--specials", is_flag=True, help="Texts of special tokens become these tokens.")
@json_option
def encode(tokenizer: str, text: str | None, specials: bool, as_json: bool) -> None:
    """Print the ids of TEXT (default: standard input)."""
    chosen = tokenizer_called(tokenizer)
    given = sys.stdin.read() if text is None else text
    ids, offsets = chosen.encode_with_offsets(given, specials=specials)
    if not as_json:
        return click.echo(" ".join(map(str, ids)))
    pieces = [chosen.piece(number).decode(errors="replace") for number in ids]
    rows = zip(ids, pieces, offsets, strict=True)
    return print_json([{"id": i, "piece": piece, "bytes": list(span)} for i, piece, span in rows])


@command.command()
@click.argument("tokenizer")
@click.argument("ids", nargs=-1)
def decode(tokenizer: str, ids: tuple[str, ...]) -> None:
    """Print the text of IDS (default: standard input)."""
    chosen = tokenizer_called(tokenizer)
    given = " ".join(ids or (sys.stdin.read(),)).replace(",", " ").split()
    for number in given:
        if not number.isdecimal():
            raise click.BadParameter(f"'{number}' is not an id; give whole numbers")
    click.echo(chosen.decode([int(number) for number in given]))


@command.command()
@click.argument("corpus")
@click.argument("tokenizers", nargs=-1, required=True, metavar="TOKENIZER...")
@json_option
def compare(corpus: str, tokenizers: tuple[str, ...], as_json: bool) -> None:
    """How many tokens each TOKENIZER makes of CORPUS, and how many bytes one token covers."""
    from practicum.data.files import read_corpus

    chosen = {name: tokenizer_called(name) for name in tokenizers}
    with showing_progress():
        texts = [document.text for document in read_corpus(corpus).documents]
    size = sum(len(text.encode()) for text in texts)
    rows = []
    for name, tokenizer in chosen.items():
        tokens = sum(len(tokenizer.encode(text)) for text in texts)
        rows.append(
            {
                "tokenizer": name,
                "vocabulary": tokenizer.size,
                "tokens": tokens,
                "bytes_per_token": round(size / max(1, tokens), 3),
            }
        )
    print_table(rows, as_json=as_json)
