"""Training and encoding of byte-level BPE against `tokenizers` and `tiktoken`, one thread each.

Trained are 4096 merges on about 10 MB of the standard library's source; encoded are 2 MB of it.
`python benchmarks/tokenizer.py` prints medians and ratios, and keeps them in
`benchmarks/results/tokenizer.json`. The contestants must agree on every merge and id.
"""

import json
import os
import sysconfig
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tiktoken
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from measure import interleave, medians, save, show, watching_load
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.patterns import GPT4

BYTES = 10_000_000
MERGES = 4096
ENCODED = 2_000_000  # characters


def main() -> None:
    """Run, check that all agree, print, keep."""
    texts = sources()
    size = sum(len(text.encode()) for text in texts) / 1e6
    text = "".join(texts)[:ENCODED]
    encoded = len(text.encode()) / 1e6
    ours = train_bpe(texts, 256 + MERGES, pattern=GPT4, specials=())
    theirs = _train_theirs(texts)
    _check(ours, theirs, text)
    openai, fast = _tiktoken(ours), _hugging_face(ours)
    with watching_load() as load:
        training = interleave(
            {
                "practicum": lambda: train_bpe(texts, 256 + MERGES, pattern=GPT4, specials=()),
                "tokenizers": lambda: _train_theirs(texts),
            },
            rounds=3,
            warmup=0,
        )
        encoding = interleave(
            {
                "practicum": lambda: ours.encode(text),
                "practicum, first time": lambda: _forgetful(ours).encode(text),
                "tiktoken": lambda: openai.encode_ordinary(text),
                "tokenizers": lambda: fast.encode(text),
            }
        )
    show(f"\ntraining, {MERGES} merges on {size:.1f} MB", training, "tokenizers")
    show(f"\nencoding {encoded:.1f} MB", encoding, "tiktoken")
    train, encode = medians(training), medians(encoding)
    speed = {name: encoded / seconds for name, seconds in encode.items()}
    for name, rate in speed.items():
        print(f"{name:22} {rate:5.1f} MB/s")
    noisy = ": too much to believe the ratios" if load.noisy else ""
    print(f"\nforeign load {100 * (load.foreign or 0):.0f} %{noisy}")
    path = save(
        "tokenizer",
        {
            "foreign_load": load.foreign,
            "training": {"megabytes": size, "merges": MERGES, "seconds": training},
            "training_ours_of_tokenizers": train["practicum"] / train["tokenizers"],
            "encoding": {"megabytes": encoded, "seconds": encoding, "mb_per_s": speed},
            "encoding_ours_of_tiktoken": encode["practicum"] / encode["tiktoken"],
            "encoding_ours_of_tokenizers": encode["practicum"] / encode["tokenizers"],
        },
    )
    print(f"kept in {path}")


def sources() -> list[str]:
    """About `BYTES` of the standard library's Python files, in the order of their paths."""
    root = Path(sysconfig.get_path("stdlib"))
    texts, size = [], 0
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts or size >= BYTES:
            continue
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # a few test files are in other encodings on purpose
            continue
        size += len(texts[-1].encode())
    return texts


def _train_theirs(texts: list[str]) -> Tokenizer:
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = _split()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGES,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    return theirs


def _split() -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(GPT4.unicode), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, byte_level])


def _hugging_face(ours: BPE) -> Tokenizer:
    vocabulary = {printable(piece): id for id, piece in enumerate(ours.vocabulary())}
    merges = [(printable(left), printable(right)) for left, right in ours.merges]
    theirs = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    theirs.pre_tokenizer = _split()
    theirs.decoder = decoders.ByteLevel()
    return theirs


def _tiktoken(ours: BPE) -> tiktoken.Encoding:
    ranks = {piece: id for id, piece in enumerate(ours.vocabulary())}
    return tiktoken.Encoding("ours", pat_str=GPT4.unicode, mergeable_ranks=ranks, special_tokens={})


def _forgetful(tokenizer: BPE) -> BPE:
    """The same tokenizer with no piece remembered (building it is part of the time)."""
    return BPE(tokenizer.vocabulary(), tokenizer.merges, pattern=tokenizer.pattern, specials={})


def _check(ours: BPE, theirs: Tokenizer, text: str) -> None:
    merges = [tuple(merge) for merge in json.loads(theirs.to_str())["model"]["merges"]]
    if merges != [(printable(left), printable(right)) for left, right in ours.merges]:
        raise SystemExit("the merges differ from those of tokenizers")
    if not ours.encode(text) == _tiktoken(ours).encode_ordinary(text):
        raise SystemExit("the ids differ from those of tiktoken")
    if not ours.encode(text) == _hugging_face(ours).encode(text).ids:
        raise SystemExit("the ids differ from those of tokenizers")


if __name__ == "__main__":
    main()
