"""What the objects in a `tokenizer.json` amount to. What is not understood is refused by name."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import unprintable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.patterns import GPT2, SMOL, SplitPattern, pattern_of
from practicum.tokenizers.unicode_forms import FORMS, Form, in_turn

_USUAL_ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>")  # where no configuration names one

_REFUSED = ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")


def read_tokenizer(
    data: Mapping[str, Any], configuration: Mapping[str, Any]
) -> BPE | ByteTokenizer | WithAddedTokens:
    """The tokenizer of the parsed file, with the parsed `tokenizer_config.json` (or nothing).

    Raises TokenizerError for what is not read here, and lets through the KeyError or TypeError of
    data that is no tokenizer at all.
    """
    added_tokens = data.get("added_tokens") or []
    check_added(added_tokens)
    form = _form(steps_of(data.get("normalizer"), "normalizers"))
    tokens = added(added_tokens)
    tokenizer = _tokenizer(data, configuration, tokens)
    if form is None and all(token.special for token in tokens):
        return tokenizer
    return WithAddedTokens(tokenizer, tokens, form=form)


def _tokenizer(
    data: Mapping[str, Any], configuration: Mapping[str, Any], tokens: list[AddedToken]
) -> BPE | ByteTokenizer:
    """The tokenizer of what stands between `tokens`, to which they are special.

    A plain one that merges make stays a token of the model, too: others are made of it.
    """
    model = data["model"]
    check_bpe(model, _REFUSED)
    decoders = steps_of(data.get("decoder"), "decoders")
    if any(step["type"] != "ByteLevel" for step in decoders):
        raise unsupported("decoder", decoders)
    ids = {token.text: token.id for token in tokens}
    merges = [_merge(merge) for merge in model["merges"]]
    made = {left + right for left, right in merges}.union(bytes([byte]) for byte in range(128))
    specials = {
        token.text: token.id
        for token in tokens
        if token.special or token.text.encode() not in made or not _ordinary(token, model["vocab"])
    }
    pieces = _pieces(model["vocab"], specials)
    pattern = _pattern(steps_of(data.get("pre_tokenizer"), "pretokenizers"))
    if pattern is None:
        tokenizer = ByteTokenizer(tuple(specials))
        if merges or tokenizer.vocabulary() != pieces:
            raise TokenizerError("merges without a split pattern; only plain bytes go without one")
        return tokenizer
    return BPE(
        pieces,
        merges,
        pattern=pattern,
        specials=specials,
        end=end_of(configuration, ids),
        begin=begin_of(steps_of(data.get("post_processor"), "processors"), configuration, ids),
        whole_first=bool(model.get("ignore_merges")),
    )


def check_bpe(model: Any, refused: Sequence[str]) -> None:
    """Raise TokenizerError where `model` is no BPE model, or has one of the features `refused`."""
    if not isinstance(model, dict):
        raise TokenizerError(f"model is {model!r}, expected an object")
    kind = model.get("type") or ("BPE" if "merges" in model else "unnamed")  # GPT-2's has no type
    if kind != "BPE":
        raise TokenizerError(f"a {kind} model; only byte-level BPE is read")
    for feature in refused:
        if model.get(feature):
            raise TokenizerError(f"a BPE model with {feature}; only plain byte-level BPE is read")
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocabulary, dict) or not all(type(n) is int for n in vocabulary.values()):
        raise TokenizerError("model.vocab is not an object of tokens and their ids")
    if not isinstance(merges, list) or not all(isinstance(m, str | list) for m in merges):
        raise TokenizerError("model.merges is not a list of pairs")


def check_added(tokens: Any, flags: Sequence[str] = ("lstrip", "rstrip", "single_word")) -> None:
    """Raises TokenizerError where `tokens` are no added tokens, or one has one of the `flags`."""
    if not isinstance(tokens, list) or not all(
        isinstance(token["content"], str) and type(token["id"]) is int for token in tokens
    ):
        raise TokenizerError("added_tokens is not a list of tokens with their ids")
    for token in tokens:
        for flag in flags:
            if token.get(flag):
                raise TokenizerError(
                    f"added token {token['content']!r} has {flag}, which is not read here"
                )
        if not all(isinstance(token.get(flag, False), bool) for flag in ("special", "normalized")):
            raise TokenizerError(
                f"added token {token['content']!r} is special {token.get('special')!r} and "
                f"normalized {token.get('normalized')!r}; expected true or false"
            )


def added(tokens: list[dict[str, Any]]) -> list[AddedToken]:
    """The added tokens by id. One that does not say whether it is special is."""
    found = {token["content"]: token for token in sorted(tokens, key=lambda token: token["id"])}
    return [
        AddedToken(
            text=text,
            id=token["id"],
            special=token.get("special", True),
            normalized=token.get("normalized", not token.get("special", True)),
        )
        for text, token in found.items()
    ]


def _form(steps: list[dict[str, Any]]) -> Form | None:
    """The normal form that the normalizers amount to."""
    forms: list[Form] = [form for step in steps for form in FORMS if step == {"type": form}]
    if len(forms) < len(steps):
        raise unsupported("normalizer", steps)
    return in_turn(forms)


def steps_of(step: Any, name: str) -> list[dict[str, Any]]:
    """The steps of a stage: none, one, or those of a (nested) Sequence."""
    if step is None:
        return []
    if step["type"] == "Sequence":
        return [inner for member in step[name] for inner in steps_of(member, name)]
    return [step]


def unsupported(stage: str, steps: list[dict[str, Any]]) -> TokenizerError:
    """What is said of a stage that is not read."""
    there = " + ".join(_named(step) for step in steps) or "nothing"
    return TokenizerError(f"the {stage} is {there}, which is not read here")


def _named(step: dict[str, Any]) -> str:
    settings = {k: v for k, v in step.items() if k in ("pattern", "behavior", "add_prefix_space")}
    return step["type"] + (f" {json.dumps(settings, ensure_ascii=False)}" if settings else "")


def _ordinary(token: AddedToken, vocabulary: Mapping[str, int]) -> bool:
    """Whether the vocabulary has the token, written in bytes as in characters."""
    as_it_is = token.text.isascii() and token.text.isprintable() and " " not in token.text
    return as_it_is and vocabulary.get(token.text) == token.id


def _pieces(vocabulary: Mapping[str, int], added: Mapping[str, int]) -> list[bytes]:
    by_id = {number: unprintable(text) for text, number in vocabulary.items() if text not in added}
    ordinary = len(vocabulary) - sum(text in added for text in vocabulary)
    by_id |= {number: text.encode() for text, number in added.items()}
    if len(by_id) != ordinary + len(added):
        raise TokenizerError("two tokens have the same id")
    missing = next((number for number in range(len(by_id)) if number not in by_id), None)
    if missing is not None:
        raise TokenizerError(f"no token has id {missing}, though there are {len(by_id)} tokens")
    return [by_id[number] for number in range(len(by_id))]


def _merge(merge: str | list[str]) -> tuple[bytes, bytes]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return unprintable(left), unprintable(right)


def _pattern(steps: list[dict[str, Any]]) -> SplitPattern | None:
    """The split pattern that the pre-tokenizers amount to; None where they do not split."""
    match steps:
        case [{"type": "ByteLevel", "add_prefix_space": False, **rest}]:
            return GPT2 if rest.get("use_regex", True) else None
        case [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, **rest},
        ] if rest.get("use_regex", True):
            return SMOL
        case [
            {"type": "Split", "pattern": {"Regex": expression}, **how},
            {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        ]:
            pattern = pattern_of(expression)
            match how.get("behavior"), how.get("invert", False):
                case ("Isolated", False):
                    return pattern
                case ("Removed", True) if pattern.ascii:  # one of ours, whose matches have no gaps
                    return pattern
    raise unsupported("pre-tokenizer", steps)


def begin_of(
    steps: list[dict[str, Any]], configuration: Mapping[str, Any], specials: Mapping[str, int]
) -> int | None:
    """The token put before every text, by the post-processor or the configuration."""
    templates = [step for step in steps if step["type"] != "ByteLevel"]  # that one trims offsets
    if not templates:
        return (
            role_of(configuration, "bos", specials) if configuration.get("add_bos_token") else None
        )
    match [(step["type"], step.get("single")) for step in templates]:
        case [("TemplateProcessing", [{"Sequence": _}])]:
            return None
        case [("TemplateProcessing", [{"SpecialToken": {"id": str(text)}}, {"Sequence": _}])]:
            return specials[text]
    raise unsupported("post-processor", templates)


def end_of(configuration: Mapping[str, Any], specials: Mapping[str, int]) -> int | None:
    """The token that ends a text: the one that the configuration names, or a usual one."""
    named = role_of(configuration, "eos", specials)
    usual = next((specials[text] for text in _USUAL_ENDS if text in specials), None)
    return usual if named is None else named


def role_of(configuration: Mapping[str, Any], role: str, specials: Mapping[str, int]) -> int | None:
    """The id of the token that the configuration gives a role: "eos", for one."""
    token = configuration.get(f"{role}_token")
    return specials.get(token["content"] if isinstance(token, dict) else token or "")
