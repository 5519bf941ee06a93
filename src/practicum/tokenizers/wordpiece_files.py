"""WordPiece as files: a `tokenizer.json` of BERT's kind, or BERT's own `vocab.txt`.

vocab.txt has a token a line and says nothing else; what `tokenizer_config.json` beside it says of
small letters, accents and Chinese characters counts, and where it is missing BERT's usual ones do.
Anything in a tokenizer.json that would prepare or cut text in another way is refused by its name.
That it may ask for texts to be cut off or padded is left to whoever makes batches.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.json_reading import check_added, steps_of, unsupported
from practicum.tokenizers.whole_file import replace_file
from practicum.tokenizers.wordpiece import BEGIN, CONTINUING, END, Plain, WordPiece

JSON, VOCABULARY, CONFIGURATION = "tokenizer.json", "vocab.txt", "tokenizer_config.json"


def load_wordpiece(path: str | Path) -> WordPiece:
    """The tokenizer in a tokenizer.json, in a vocab.txt, or in a folder that holds one of them.

    Raises TokenizerError where there is none, it is damaged, or of another kind.
    """
    file = Path(path)
    if file.is_dir():
        named = [file / JSON, file / VOCABULARY]
        found = next((place for place in named if place.is_file()), None)
        if found is None:
            raise TokenizerError(f"{file} holds no tokenizer; expected {JSON} or {VOCABULARY}")
        file = found
    try:
        if file.suffix == ".txt":
            return _from_lines(file)
        return read_wordpiece(_object(file))
    except TokenizerError as problem:
        raise TokenizerError(f"{file}: {problem}") from problem
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        raise TokenizerError(f"{file} is not a {JSON}: {problem}") from problem


def is_wordpiece(data: Mapping[str, Any]) -> bool:
    """Whether a parsed tokenizer.json is of this kind."""
    model = data.get("model")
    return isinstance(model, Mapping) and model.get("type") == "WordPiece"


def read_wordpiece(data: Mapping[str, Any]) -> WordPiece:
    """The tokenizer of a parsed tokenizer.json.

    Raises TokenizerError for what is not read here, and lets through the KeyError or TypeError of
    data that is no tokenizer at all.
    """
    if not is_wordpiece(data):
        raise TokenizerError(f"the model is {_kind(data.get('model'))}; expected WordPiece")
    model = data["model"]
    if model.get("continuing_subword_prefix", CONTINUING) != CONTINUING:
        raise TokenizerError(
            f"pieces go on with {model['continuing_subword_prefix']!r}; expected {CONTINUING!r}"
        )
    cutters = steps_of(data.get("pre_tokenizer"), "pretokenizers")
    if [step["type"] for step in cutters] != ["BertPreTokenizer"]:
        raise unsupported("pre-tokenizer", cutters)
    _check_template(steps_of(data.get("post_processor"), "processors"))
    tokens, specials = _tokens(model["vocab"], data.get("added_tokens") or [])
    return WordPiece(
        tokens,
        plain=_plain(steps_of(data.get("normalizer"), "normalizers")),
        specials=specials,
        unknown=model["unk_token"],
        longest_word=model.get("max_input_chars_per_word", 100),
        tidy=_tidies(steps_of(data.get("decoder"), "decoders")),
    )


def save_wordpiece(tokenizer: WordPiece, folder: str | Path) -> None:
    """Write tokenizer.json and vocab.txt into the folder, each replaced at once."""
    folder, pieces = Path(folder), [piece.decode() for piece in tokenizer.vocabulary()]
    data = json.dumps(wordpiece_data(tokenizer), ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise TokenizerError(f"cannot write {folder}: {problem.strerror}") from problem
    replace_file(folder / VOCABULARY, "".join(f"{piece}\n" for piece in pieces).encode())
    replace_file(folder / JSON, data.encode())


def wordpiece_data(tokenizer: WordPiece) -> dict[str, Any]:
    """What stands in a tokenizer.json of this tokenizer."""
    plain = tokenizer.plain
    pieces = [piece.decode() for piece in tokenizer.vocabulary()]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": text, **flags, "special": True}
            for text, number in sorted(tokenizer.specials.items(), key=lambda item: item[1])
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": plain.han_apart,
            "strip_accents": plain.strip_accents,
            "lowercase": plain.lower,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _template(tokenizer),
        "decoder": {"type": "WordPiece", "prefix": CONTINUING, "cleanup": tokenizer.tidy},
        "model": {
            "type": "WordPiece",
            "unk_token": pieces[tokenizer.unknown],
            "continuing_subword_prefix": CONTINUING,
            "max_input_chars_per_word": tokenizer.longest_word,
            "vocab": {piece: number for number, piece in enumerate(pieces)},
        },
    }


def _template(tokenizer: WordPiece) -> dict[str, Any] | None:
    """That a text stands between [CLS] and [SEP]."""
    if tokenizer.begin is None or tokenizer.end is None:
        return None
    around = {"sep": [END, tokenizer.end], "cls": [BEGIN, tokenizer.begin]}
    return {"type": "BertProcessing", **around}


def _from_lines(file: Path) -> WordPiece:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except OSError as problem:
        raise TokenizerError(f"cannot read it: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise TokenizerError("it is not UTF-8") from problem
    tokens = [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    beside = file.with_name(CONFIGURATION)
    said = _object(beside) if beside.is_file() else {}
    plain = Plain(
        lower=bool(said.get("do_lower_case", True)),
        strip_accents=said.get("strip_accents"),
        han_apart=bool(said.get("tokenize_chinese_chars", True)),
    )
    return WordPiece(tokens, plain=plain)


def _object(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except OSError as problem:
        raise TokenizerError(f"cannot read {file}: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise TokenizerError(f"{file} is truncated or not JSON") from problem
    if not isinstance(data, dict):
        raise TokenizerError(f"{file} holds a {type(data).__name__}, expected an object")
    return data


def _kind(model: Any) -> str:
    return str(model.get("type", "unnamed")) if isinstance(model, Mapping) else repr(model)


def _plain(steps: list[dict[str, Any]]) -> Plain:
    match steps:
        case [{"type": "BertNormalizer", "clean_text": True, **how}]:
            return Plain(
                lower=how["lowercase"],
                strip_accents=how.get("strip_accents"),
                han_apart=how["handle_chinese_chars"],
            )
    raise unsupported("normalizer", steps)


def _tidies(steps: list[dict[str, Any]]) -> bool:
    match steps:
        case []:
            return True
        case [{"type": "WordPiece", "prefix": "##", "cleanup": bool(tidies)}]:
            return tidies
    raise unsupported("decoder", steps)


def _tokens(
    vocabulary: Mapping[str, int], added_tokens: list[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """All tokens by id, and the special ones."""
    check_added(added_tokens)
    plain = next((token for token in added_tokens if not token.get("special", True)), None)
    if plain is not None:
        raise TokenizerError(
            f"the added token {plain['content']!r} is a token in every text, which is not read here"
        )
    specials = {token["content"]: token["id"] for token in added_tokens}
    by_id = {number: token for token, number in {**vocabulary, **specials}.items()}
    missing = next((number for number in range(len(by_id)) if number not in by_id), None)
    if missing is not None or len(by_id) < len({**vocabulary, **specials}):
        raise TokenizerError(f"the ids of {len(by_id)} tokens are not 0 to {len(by_id) - 1}")
    return [by_id[number] for number in range(len(by_id))], list(specials)


def _check_template(steps: list[dict[str, Any]]) -> None:
    """Raise TokenizerError where a text is not put between [CLS] and [SEP]."""
    match steps:
        case [] | [{"type": "BertProcessing", "cls": ["[CLS]", _], "sep": ["[SEP]", _]}]:
            return
        case [{"type": "TemplateProcessing", "single": [first, {"Sequence": _}, last]}]:
            around = [one.get("SpecialToken", {}).get("id") for one in (first, last)]
            if around == [BEGIN, END]:
                return
    raise unsupported("post-processor", steps)
