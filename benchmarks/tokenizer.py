"""Training, encoding and decoding of byte-level BPE against `tokenizers` and `tiktoken`.

Trained are 16,384 merges on about 10 MB of the standard library's source; encoded are 2 MB of it,
and 10 MB without a break, the worst case. The contestants run one thread each and must agree on
every merge and id. `python benchmarks/tokenizer.py` prints medians, ratios and peak memory, which
processes of their own measure, and keeps them in `benchmarks/results/tokenizer.json`.

Two rows are bounds: the naive algorithm (every pair counted anew for every merge, as minbpe does)
is run for a few merges on a slice and extrapolated to all of the text and all merges, as if later
merges cost the same; and the split alone is what no encoder in Python can be faster than.
"""

import json
import os
import pickle
import random
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import Any

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
MERGES = 16_384
ENCODED = 2_000_000  # characters
WORST = 10_000_000  # characters
NAIVE_BYTES, NAIVE_MERGES = 200_000, 10
RUNS = {
    "one letter": lambda: "a" * WORST,
    "two letters in turn": lambda: "ab" * (WORST // 2),
    "random letters": lambda: "".join(random.Random(0).choices(ascii_lowercase, k=WORST)),
    "spaces": lambda: " " * WORST,
    "punctuation": lambda: "!" * WORST,
    "newlines": lambda: "\n" * WORST,
}


def main() -> None:
    """Run, check that all agree, print, keep."""
    texts = sources()
    ours, theirs = train_ours(texts), train_theirs(texts)
    with watching_load() as load:
        training = measure_training(texts)
        coding = measure_coding(ours, theirs, "".join(texts)[:ENCODED])
        worst = measure_worst(ours)
        memory = {name: _peak_memory(name, ours) for name in MEMORY}
    for name, megabytes in memory.items():
        print(f"{name:32} {megabytes:7.0f} MB more at its peak")
    noisy = ": too much to believe the ratios" if load.noisy else ""
    print(f"\nforeign load {100 * (load.foreign or 0):.0f} %{noisy}")
    results = {"foreign_load": load.foreign, **training, **coding, "worst_case": worst}
    path = save("tokenizer", {**results, "peak_megabytes": memory})
    print(f"kept in {path}")


def measure_training(texts: list[str]) -> dict[str, Any]:
    """Seconds for all merges; those of the naive algorithm extrapolated."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    seconds = interleave(
        {"practicum": lambda: train_ours(texts), "tokenizers": lambda: train_theirs(texts)},
        rounds=3,
        warmup=0,
    )
    show(f"\ntraining, {MERGES} merges on {size:.1f} MB", seconds, "tokenizers")
    middle = medians(seconds)
    per_merge = naive_seconds_per_merge("".join(texts)[:NAIVE_BYTES])
    whole = per_merge * MERGES * size * 1e6 / NAIVE_BYTES
    print(f"naive, extrapolated: {whole:,.0f} s, {whole / middle['practicum']:,.0f} times ours")
    return {
        "training": {"megabytes": size, "merges": MERGES, "seconds": seconds},
        "training_ours_of_tokenizers": middle["practicum"] / middle["tokenizers"],
        "training_naive": {
            "measured": f"{NAIVE_MERGES} merges on {NAIVE_BYTES} characters",
            "seconds_per_merge": per_merge,
            "extrapolated_seconds": whole,
            "extrapolated_of_ours": whole / middle["practicum"],
        },
    }


def measure_coding(ours: BPE, theirs: Tokenizer, text: str) -> dict[str, Any]:
    """Seconds for encoding and decoding `text`, and MB/s."""
    openai, fast = _tiktoken(ours), _hugging_face(ours)
    _check(ours, theirs, text)
    ids, encoded = ours.encode(text), len(text.encode()) / 1e6
    encoding = interleave(
        {
            "practicum": lambda: ours.encode(text),
            "practicum, first time": lambda: _forgetful(ours).encode(text),
            "the split alone": lambda: GPT4.split(text),
            "tiktoken": lambda: openai.encode_ordinary(text),
            "tokenizers": lambda: fast.encode(text),
        }
    )
    decoding = interleave(
        {
            "practicum": lambda: ours.decode(ids),
            "tiktoken": lambda: openai.decode(ids),
            "tokenizers": lambda: fast.decode(ids),
        }
    )
    show(f"\nencoding {encoded:.1f} MB", encoding, "tiktoken")
    show(f"\ndecoding {encoded:.1f} MB", decoding, "tiktoken")
    return {
        "encoding": _rates(encoding, encoded),
        "decoding": _rates(decoding, encoded),
        "encoding_ours_of_tiktoken": _ratio(encoding, "tiktoken"),
        "encoding_ours_of_tokenizers": _ratio(encoding, "tokenizers"),
        "decoding_ours_of_tiktoken": _ratio(decoding, "tiktoken"),
        "decoding_ours_of_tokenizers": _ratio(decoding, "tokenizers"),
    }


def measure_worst(ours: BPE) -> dict[str, Any]:
    """Seconds for 10 MB that are one piece, once each; tiktoken is asked about letters only."""
    openai, seconds = _tiktoken(ours), {}
    print(f"\n{WORST / 1e6:.0f} MB without a break")
    for name, run in RUNS.items():
        text = run()
        first, ids = _timed(lambda text=text: _forgetful(ours).encode(text))
        seconds[name] = {"practicum": first}
        if "letter" in name:
            seconds[name]["tiktoken"], expected = _timed(
                lambda text=text: openai.encode_ordinary(text)
            )
            if ids != expected:
                raise SystemExit(f"the ids of {name} differ from those of tiktoken")
        elif ours.decode(ids) != text:
            raise SystemExit(f"the text of {name} does not come back")
        print(name, {who: round(taken, 2) for who, taken in seconds[name].items()})
    return {"megabytes": WORST / 1e6, "seconds": seconds}


def _timed(call: Callable[[], list[int]]) -> tuple[float, list[int]]:
    start = time.perf_counter()
    ids = call()
    return time.perf_counter() - start, ids


def _rates(seconds: dict[str, list[float]], megabytes: float) -> dict[str, Any]:
    rates = {name: megabytes / taken for name, taken in medians(seconds).items()}
    for name, rate in rates.items():
        print(f"{name:22} {rate:6.1f} MB/s")
    return {"megabytes": megabytes, "seconds": seconds, "mb_per_s": rates}


def _ratio(seconds: dict[str, list[float]], other: str) -> float:
    middle = medians(seconds)
    return middle["practicum"] / middle[other]


def naive_seconds_per_merge(text: str) -> float:
    """What a merge costs that counts every pair of every piece anew, at the beginning."""
    pieces = [list(piece.encode()) for piece in GPT4.split(text)]
    start = time.perf_counter()
    for new in range(256, 256 + NAIVE_MERGES):
        counts: dict[tuple[int, int], int] = {}
        for piece in pieces:
            for pair in pairwise(piece):
                counts[pair] = counts.get(pair, 0) + 1
        best = max(counts, key=counts.__getitem__)
        pieces = [_merged(piece, best, new) for piece in pieces]
    return (time.perf_counter() - start) / NAIVE_MERGES


def _merged(piece: list[int], pair: tuple[int, int], new: int) -> list[int]:
    merged: list[int] = []
    at = 0
    while at < len(piece):
        found = at + 1 < len(piece) and (piece[at], piece[at + 1]) == pair
        merged.append(new if found else piece[at])
        at += 2 if found else 1
    return merged


# Peak memory: this file runs itself, once for each of these.

MEMORY: dict[str, Callable[[BPE], Callable[[], object]]] = {
    "training, practicum": lambda _: _with(train_ours, sources()),
    "training, tokenizers": lambda _: _with(train_theirs, sources()),
    "encoding, practicum": lambda ours: _with(ours.encode, _sample()),
    "encoding, tiktoken": lambda ours: _with(_tiktoken(ours).encode_ordinary, _sample()),
    "one letter, practicum": lambda ours: _with(ours.encode, "a" * WORST),
    "one letter, tiktoken": lambda ours: _with(_tiktoken(ours).encode_ordinary, "a" * WORST),
}


def _sample() -> str:
    return "".join(sources())[:ENCODED]


def _with(call: Callable[[Any], object], given: Any) -> Callable[[], object]:
    return lambda: call(given)


def _peak_memory(name: str, ours: BPE) -> float:
    """By how many MB a process that holds the tokenizer and the text grows when it does this."""
    told = subprocess.run(
        [sys.executable, __file__, "--memory", name],
        input=pickle.dumps(ours),
        capture_output=True,
        check=True,
    )
    return float(told.stdout)


def tell_memory(name: str) -> None:
    """Print it, for the tokenizer in the standard input (Linux: the peak is set back before)."""
    call = MEMORY[name](pickle.loads(sys.stdin.buffer.read()))
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    call()
    print((_status("VmHWM") - before) / 1024)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def train_ours(texts: list[str]) -> BPE:
    """The tokenizer that is measured."""
    return train_bpe(texts, 256 + MERGES, pattern=GPT4, specials=())


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


def train_theirs(texts: list[str]) -> Tokenizer:
    """The same by `tokenizers`."""
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
    if sys.argv[1:2] == ["--memory"]:
        tell_memory(sys.argv[2])
    else:
        main()
