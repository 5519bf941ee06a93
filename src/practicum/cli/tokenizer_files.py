"""Tokenizers in files of every kind, known by their names' endings.

tokenizer.json     Hugging Face's; also a folder that holds one
mine.model         minbpe's or SentencePiece's: the first line tells
mine.tiktoken      OpenAI's ranks; they do not say how text is cut, but mine.tiktoken:gpt2 does
encoder.json and vocab.bpe, or vocab.json and merges.txt: a folder with GPT-2's pair
vocab.txt          BERT's WordPiece
mine.gguf          the tokenizer of the model in it
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from practicum.errors import TokenizerError, UnknownName

if TYPE_CHECKING:
    from practicum.tokenizers.bpe import BPE
    from practicum.tokenizers.patterns import SplitPattern
    from practicum.tokenizers.tokenizer import Tokenizer

PATTERNS = ("gpt2", "gpt4", "cl100k", "qwen2", "smol", "none")
RANKS = (".tiktoken", ".tiktoken.gz")
READ = (".json", ".model", *RANKS, ".txt", ".gguf")
WRITTEN = (".json", ".model", ".tiktoken")
PAIRS = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))


def pattern_called(name: str) -> "SplitPattern":
    """The split pattern of one of the names in `PATTERNS`."""
    from practicum.tokenizers.patterns import CL100K, KNOWN, WHOLE

    known = {pattern.name: pattern for pattern in (*KNOWN, CL100K)} | {"none": WHOLE}
    if name not in known:
        raise UnknownName("split pattern", name, known)
    return known[name]


def read_tokenizer(reference: str) -> "Tokenizer | None":
    """The tokenizer in a file or folder; None where there is none of that name."""
    from practicum.models.gguf import read_gguf
    from practicum.tokenizers.gguf_vocabulary import tokenizer_from_gguf
    from practicum.tokenizers.wordpiece_files import load_wordpiece

    name, _, pattern = reference.rpartition(":")
    if name.endswith(RANKS):
        return _from_ranks(Path(name), pattern)
    place = Path(reference)
    if place.is_dir():
        return _from_folder(place)
    if not place.exists():
        return None
    if reference.endswith(RANKS):
        return _from_ranks(place, "")
    if place.suffix == ".gguf":
        return tokenizer_from_gguf(read_gguf(place).metadata)
    if place.suffix == ".model":
        return _from_model(place)
    if place.suffix == ".txt":
        return load_wordpiece(place)
    if place.suffix != ".json":
        raise TokenizerError(f"{place} is no tokenizer: it ends in none of {', '.join(READ)}")
    return _from_json(place)


def check_writable(place: Path, specials: tuple[str, ...]) -> None:
    """Raise TokenizerError where `place` names no kind of file, or one that cannot hold these."""
    if place.suffix not in (*WRITTEN, ""):
        raise TokenizerError(
            f"'{place}' ends in none of {', '.join(WRITTEN)}; the ending says the kind of file"
        )
    if place.suffix == ".tiktoken" and specials:
        raise TokenizerError(
            f"{place} would hold ranks alone; add --specials none, or write a .json or .model"
        )


def write_tokenizer(tokenizer: "BPE", place: Path) -> None:
    """Write the file that the ending of `place` says, or a tokenizer.json into the folder."""
    from practicum.tokenizers.json_file import save_tokenizer
    from practicum.tokenizers.minbpe_files import save_minbpe
    from practicum.tokenizers.tiktoken_ranks import write_ranks

    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".model":
        save_minbpe(tokenizer, place.with_suffix(""))
    elif place.suffix == ".tiktoken":
        write_ranks(tokenizer, place)
    else:
        save_tokenizer(tokenizer, place)


def _from_ranks(file: Path, pattern: str) -> "Tokenizer":
    from practicum.tokenizers import tiktoken_ranks as openai
    from practicum.tokenizers.patterns import CL100K, GPT2

    ranks = openai.read_ranks(file)
    if pattern:
        return openai.tokenizer_from_ranks(ranks, pattern=pattern_called(pattern), specials={})
    known = {
        50_256: (GPT2, openai.GPT2_SPECIALS),
        100_256: (CL100K, openai.CL100K_SPECIALS),
    }
    if len(ranks) not in known:
        raise TokenizerError(
            f"{file} does not say how text is cut; name the pattern, such as {file}:gpt2 "
            f"(of {', '.join(PATTERNS)})"
        )
    cut, specials = known[len(ranks)]
    return openai.tokenizer_from_ranks(ranks, pattern=cut, specials=specials)


def _from_folder(folder: Path) -> "Tokenizer":
    from practicum.tokenizers.gpt2_files import load_gpt2_files
    from practicum.tokenizers.wordpiece_files import load_wordpiece

    if not (folder / "tokenizer.json").exists():
        for vocabulary, merges in PAIRS:
            if (folder / vocabulary).exists() and (folder / merges).exists():
                return load_gpt2_files(folder / vocabulary, folder / merges)
        if (folder / "tokenizer.model").exists():
            return _from_model(folder / "tokenizer.model")
        if (folder / "vocab.txt").exists():
            return load_wordpiece(folder)
    return _from_json(folder / "tokenizer.json")


def _from_json(file: Path) -> "Tokenizer":
    from practicum.tokenizers.json_file import load_tokenizer
    from practicum.tokenizers.wordpiece_files import is_wordpiece, load_wordpiece

    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return load_tokenizer(file)  # which says what is wrong
    if isinstance(data, dict) and is_wordpiece(data):
        return load_wordpiece(file)
    return load_tokenizer(file)


def _from_model(file: Path) -> "Tokenizer":
    from practicum.tokenizers.minbpe_files import load_minbpe
    from practicum.tokenizers.sentencepiece_file import load_sentencepiece

    with file.open("rb") as beginning:
        of_minbpe = beginning.read(6) == b"minbpe"
    return load_minbpe(file) if of_minbpe else load_sentencepiece(file)
