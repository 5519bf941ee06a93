"""Random text is hard, the same for the same seed, and losses are counted."""

from practicum.evaluation.round_trips import decoded, lost, random_texts
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.patterns import GPT2


def test_texts_depend_on_the_seed_alone():
    assert random_texts(20, seed=3) == random_texts(20, seed=3) != random_texts(20, seed=4)
    assert random_texts(5, seed=3) == random_texts(20, seed=3)[:5]


def test_texts_hold_what_breaks_tokenizers():
    everything = "".join(random_texts(500, seed=0))
    for part in ("\r\n", "😉", "\u0301", "<|endoftext|>", "\0", "한국어"):
        assert part in everything
    assert any(ord(character) > 0xFFFF for character in everything)
    everything.encode()  # no surrogates
    assert "" in random_texts(500, seed=0)


def test_a_lossless_tokenizer_loses_nothing():
    texts = random_texts(200, seed=1)
    for tokenizer in (ByteTokenizer(), train_bpe(texts, 400)):
        assert lost(tokenizer, texts) == 0
        assert decoded(tokenizer, 100, seed=1) == 100


def test_losses_are_counted():
    class Forgetful(ByteTokenizer):
        def _encode_plain(self, text: str) -> list[int]:
            return list(text.strip().encode())

    assert lost(Forgetful(), ["a", " a", "b ", "c d"]) == 2


def test_ids_that_stand_for_nothing_decode():
    assert decoded(BPE([b"a", b"", b"\xe5"], [], pattern=GPT2, specials={}), 50, seed=0) == 50
