"""Speculation with a real model: our look-up, our plain loop and `transformers`, interleaved.

SmolLM2-135M in float32, greedy, one text: a passage of reference prose is read and written once
more, which is what rewriting and quoting come to. All four write with the same weights
after the same ids; what part of the tokens is the same is told, as are the tokens of a read.

    python benchmarks/speculative.py [--rounds 3] [--tokens 10]
"""

import argparse

import torch

from decode import Ids, Writer, agreement, in_transformers, ours, transformers_generate
from measure import interleave, limits, medians, save, show, watching_load
from practicum.data.corpora import corpus
from practicum.decoding.generate import Completion, Request
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.decoding.speculative import Speculation, Tally, write_speculatively
from practicum.models.load import Pretrained, load
from practicum.tokenizers.tokenizer import Tokenizer

PASSAGE, BEGUN, WRITTEN = 500, 40, 96  # characters read, characters begun anew, tokens written
AGAIN = "\n\nThe same text once more:\n\n"


def prompts_of(tokenizer: Tokenizer) -> Ids:
    """A passage that is begun a second time."""
    text = corpus("topics").documents[3].text[:PASSAGE]
    return [tokenizer.encode(text + AGAIN + text[:BEGUN])]


def one_by_one(writer: Writer) -> Writer:
    return lambda prompts, count: [writer([ids], count)[0] for ids in prompts]


def looked_up(pretrained: Pretrained, tokens: int, tally: Tally) -> Writer:
    tokenizer = pretrained.tokenizer
    assert tokenizer is not None, "smollm2 brings its tokenizer"
    speculation = Speculation(draft=PromptLookup(), tokens=tokens)

    def written(prompts: Ids, count: int) -> Ids:
        sampling = Sampling(temperature=0.0, max_tokens=count)
        requests = [
            Request(index=i, ids=tuple(ids), sampling=sampling) for i, ids in enumerate(prompts)
        ]
        pieces = write_speculatively(
            pretrained.model, tokenizer, requests, ends=(), speculation=speculation, tally=tally
        )
        return [list(piece.ids) for piece in pieces if isinstance(piece, Completion)]

    return written


def transformers_writers(pretrained: Pretrained, tokens: int) -> dict[str, Writer]:
    model = in_transformers(pretrained)
    looking = transformers_generate(model, prompt_lookup_num_tokens=tokens)
    return {
        "transformers": one_by_one(transformers_generate(model)),
        "transformers, look-up": one_by_one(looking),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=10, help="of a draft")
    asked = parser.parse_args()
    pretrained = load("smollm2", dtype=torch.float32)
    assert pretrained.tokenizer is not None, "smollm2 brings its tokenizer"
    pretrained.model.prepack()
    tally = Tally()
    writers = {
        "practicum": one_by_one(ours(pretrained)),
        "practicum, look-up": looked_up(pretrained, asked.tokens, tally),
        **transformers_writers(pretrained, asked.tokens),
    }
    prompts = prompts_of(pretrained.tokenizer)
    texts = {who: writer(prompts, WRITTEN) for who, writer in writers.items()}
    same = {who: agreement(texts["practicum"], text) for who, text in texts.items()}
    with watching_load() as watched:
        seconds = interleave(
            {who: lambda w=writer: w(prompts, WRITTEN) for who, writer in writers.items()},
            rounds=asked.rounds,
            warmup=0,
        )
    show(f"{len(prompts[0])} tokens read, {WRITTEN} written", seconds, "practicum")
    middle = medians(seconds)
    ours_now = middle["practicum, look-up"]
    ratios = {who: taken / ours_now for who, taken in middle.items()}
    noisy = " (noisy)" if watched.noisy else ""
    print(f"look-up is faster by {ratios}; {tally.per_read:.2f} tokens a read; same tokens {same}")
    print(f"foreign load {watched.foreign:.0%}{noisy}")
    result = {
        "written": WRITTEN * len(prompts),
        "draft": asked.tokens,
        "seconds": middle,
        "tokens_per_second": {who: WRITTEN * len(prompts) / middle[who] for who in middle},
        "look_up_is_faster_by": ratios,
        "same_tokens": same,
        "tokens_per_read": tally.per_read,
        "foreign": watched.foreign,
        "limits": limits(),
    }
    save("speculative", result)


if __name__ == "__main__":
    main()
