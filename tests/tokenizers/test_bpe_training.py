"""Training: the definition, Hugging Face's merges, and what is said when it cannot be done."""

import json
import random
import sysconfig
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, patient
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from practicum.errors import TokenizerError
from practicum.events import Progress, listening
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.patterns import GPT2, GPT4, KNOWN, SMOL, SplitPattern


def hugging_face(texts: list[str], vocab: int, pattern: SplitPattern) -> list[tuple[str, str]]:
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    split = pre_tokenizers.Split(Regex(pattern.unicode), "isolated")
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    steps = {GPT2: [gpt2], SMOL: [digits, gpt2]}.get(pattern, [split, plain])
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.Sequence(steps)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    return [tuple(merge) for merge in json.loads(theirs.to_str())["model"]["merges"]]


def ours(texts: list[str], vocab: int, pattern: SplitPattern = GPT2) -> list[tuple[str, str]]:
    merges = train_bpe(texts, vocab, pattern=pattern).merges
    return [(printable(left), printable(right)) for left, right in merges]


@pytest.mark.parametrize("pattern", KNOWN, ids=lambda pattern: pattern.name)
def test_the_merges_on_source_code_are_hugging_faces(pattern: SplitPattern) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    files = ["argparse.py", "datetime.py", "json/decoder.py", "unittest/mock.py"]
    texts = [(library / file).read_text(encoding="utf-8") for file in files] + [TEXT]
    assert ours(texts, 5000, pattern) == hugging_face(texts, 5000, pattern)


def test_the_merges_on_few_letters_are_hugging_faces() -> None:
    draw = random.Random(0)
    for _ in range(50):
        texts = ["".join(draw.choices("aab ", k=draw.randrange(5, 300))) for _ in range(3)]
        merges = hugging_face(texts, 5000, GPT2)  # it stops where no pair is left
        assert ours(texts, 257 + len(merges)) == merges


@patient
@given(text=st.text("ab cd", min_size=20, max_size=120))
def test_each_merge_is_the_most_frequent_pair(text: str) -> None:
    counts = Counter(GPT2.split(text))
    words = {piece: list(piece) for piece in counts}
    for left, right in all_merges(text):
        pairs: Counter[tuple[str, str]] = Counter()
        for piece, tokens in words.items():
            for pair in pairwise(tokens):
                pairs[pair] += counts[piece]
        assert pairs[left, right] == max(pairs.values())
        for tokens in words.values():
            for at in range(len(tokens) - 1):
                if tokens[at : at + 2] == [left, right]:
                    tokens[at : at + 2] = [left + right]
    assert all(len(tokens) == 1 for tokens in words.values())


def all_merges(text: str) -> list[tuple[str, str]]:
    """As many as `text` supports, which the error says."""
    try:
        merges = train_bpe([text], 10_000).merges
    except TokenizerError as problem:
        supported = int(str(problem).split()[3])
        merges = train_bpe([text], 257 + supported).merges
    return [(left.decode(), right.decode()) for left, right in merges]


def test_ids_are_bytes_then_merges_then_specials() -> None:
    trained = train_bpe([TEXT], 300, pattern=GPT4, specials=("<a>", "<b>"))
    assert trained.size == 300
    assert trained.vocabulary()[:3] == [b"!", b'"', b"#"]  # GPT-2's order
    assert dict(trained.specials) == {"<a>": 298, "<b>": 299}
    assert trained.end == 298
    assert trained.begin is None


def test_training_twice_gives_the_same() -> None:
    assert train_bpe([TEXT], 330).description() == train_bpe(iter([TEXT]), 330).description()


@pytest.mark.parametrize("vocab", [-1, 0, 256, 2_000_000])
def test_an_impossible_vocabulary_is_refused(vocab: int) -> None:
    with pytest.raises(TokenizerError, match=f"a vocabulary of {vocab} .* ask for 257 to"):
        train_bpe([TEXT], vocab)


def test_too_little_text_says_how_many_merges_it_supports() -> None:
    with pytest.raises(TokenizerError, match="support 2 merges, a vocabulary of 259; 43 merges"):
        train_bpe(["abc"], 300)
    assert train_bpe(["abc"], 259).size == 259


def test_one_string_is_not_taken_for_a_list_of_texts() -> None:
    with pytest.raises(TokenizerError, match="texts is one string"):
        train_bpe(TEXT, 300)


def test_a_special_named_twice_is_refused() -> None:
    with pytest.raises(TokenizerError, match="named twice"):
        train_bpe([TEXT], 300, specials=("<a>", "<a>"))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(TokenizerError, match=r"lone surrogate U\+DFFF"):
        train_bpe([TEXT, "x\udfff"], 300)


def test_progress_is_told() -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        train_bpe([TEXT * 2500, TEXT * 2500], 300)
    tasks = [event.task for event in heard]
    assert tasks[0] == "count pieces"
    assert heard[-1].task == "learn merges"
    assert heard[-1].done == heard[-1].total == 43
