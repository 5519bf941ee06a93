"""One small tokenizer of every kind, for the tests that hold for all of them."""

from hypothesis import HealthCheck, settings

from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_merging import MINBPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import BYTE_ORDER, printable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.gguf_vocabulary import tokenizer_from_gguf
from practicum.tokenizers.patterns import CL100K, GPT4, QWEN2, SMOL, WHOLE, SplitPattern

# A busy machine is not a failed test.
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

TEXT = (
    "It's the year 2024, and they'll say that we're done: 'I'D RATHER NOT', said she…  \n\n"
    "def encode(self, text):\n    return [1, 22, 333, 4444]\t# façade, naïve, 東京\r\n"
    "the theatre of the other brother's mother; the weather, the feather, the leather\n"
) * 3

WORDS = SplitPattern(name="words", unicode=r"\w+")  # leaves gaps between its matches


def gguf_metadata(pre: str = "smollm") -> dict[str, object]:
    """A GGUF's metadata: bytes, five merges, two control tokens in front."""
    merges = ["t h", "th e", "Ġ the", "a n", "an d"]
    tokens = ["<|im_start|>", "<|im_end|>"]
    tokens += [printable(bytes([byte])) for byte in BYTE_ORDER]
    tokens += [merge.replace(" ", "") for merge in merges]
    return {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3] + [1] * (len(tokens) - 2),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.add_bos_token": False,
    }


def whole_first() -> BPE:
    """A vocabulary with a token that no merges make, taken whole all the same (Llama 3)."""
    trained = train_bpe([TEXT], 300, pattern=GPT4, specials=())
    pieces = [*trained.vocabulary(), b" feather", b"<s>", b"</s>"]
    return BPE(
        pieces,
        trained.merges,
        pattern=GPT4,
        specials={"<s>": 301, "</s>": 302},
        end=302,
        begin=301,
        whole_first=True,
    )


TOKENIZERS = {
    "bytes": ByteTokenizer(),
    "bytes with three specials": ByteTokenizer(("<end>", "<end>>", "[é]")),
    "gpt2": train_bpe([TEXT], 340),
    "gpt4": train_bpe([TEXT], 340, pattern=GPT4, specials=("<|endoftext|>", "<|fim|>")),
    "qwen2": train_bpe([TEXT], 300, pattern=QWEN2),
    "smol": train_bpe([TEXT], 340, pattern=SMOL, specials=()),
    "cl100k": train_bpe([TEXT], 300, pattern=CL100K),
    "not split": train_bpe([TEXT], 300, pattern=WHOLE, convention=MINBPE),
    "gaps in the pattern": train_bpe([TEXT], 300, pattern=WORDS),
    "no merges": train_bpe([], 257),
    "whole first": whole_first(),
    "gguf": tokenizer_from_gguf(gguf_metadata()),
}
