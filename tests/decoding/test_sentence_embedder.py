"""Vectors of texts: those of the peer's states, whatever they are read with."""

import pytest
import torch
from sentence_folders import CONTEXT, WIDTH, plain_folder

from practicum.data.fetch import locate
from practicum.decoding.model import Reach
from practicum.decoding.sentence_embedder import SentenceEmbedder
from practicum.errors import ModelError
from practicum.models.sentence_folder import (
    Pooling,
    SentenceEncoder,
    load_sentence_encoder,
)

TEXTS = ["a cat", "dogs!", "the quick brown fox.", "", "a cat", "zebra zebra zebra zebra"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    return load_sentence_encoder(str(plain_folder(tmp_path_factory.mktemp("small"))))


def of(loaded: SentenceEncoder, pooling: Pooling, reach: Reach | None = None) -> SentenceEmbedder:
    return SentenceEmbedder(
        loaded.model,
        loaded.tokenizer,
        pooling,
        longest=loaded.longest,
        reach=reach or Reach(rows=32, tokens=8192),
    )


@pytest.mark.parametrize("how", ["mean", "max", "cls"])
@pytest.mark.parametrize("normalised", [True, False])
def test_a_vector_does_not_depend_on_what_is_read_beside_it(loaded, how, normalised):
    pooling = Pooling(how=how, normalised=normalised)
    together = of(loaded, pooling).embed(TEXTS)
    for reach in (Reach(rows=1), Reach(rows=3), Reach(tokens=30)):
        torch.testing.assert_close(of(loaded, pooling, reach).embed(TEXTS), together)
    assert together.shape == (len(TEXTS), WIDTH)
    torch.testing.assert_close(together[0], together[4])
    assert not torch.allclose(together[0], together[1], atol=1e-3)
    lengths = together.norm(dim=1)
    assert torch.allclose(lengths, torch.ones(len(TEXTS))) == normalised


def test_no_texts_have_no_vectors(loaded):
    assert SentenceEmbedder.of(loaded).embed([]).shape == (0, WIDTH)


def test_a_text_that_is_too_long_is_refused_or_cut(loaded):
    embedder = SentenceEmbedder.of(loaded)
    fits, long = "x " * (CONTEXT - 2), "x " * (CONTEXT - 1) + "y"
    with pytest.raises(ModelError, match="40 tokens does not fit this embedder, which reads 38"):
        embedder.embed([long])
    torch.testing.assert_close(embedder.embed([long], cut=True), embedder.embed([fits]))
    assert len(embedder.row(long, cut=True)) == CONTEXT


def test_a_model_that_is_trained_is_read_without_dropout_and_left_as_it_was(loaded):
    embedder = SentenceEmbedder.of(loaded)
    before = embedder.embed(TEXTS)
    embedder.model.train()
    try:
        torch.testing.assert_close(embedder.embed(TEXTS), before)
        assert embedder.model.training
    finally:
        embedder.model.eval()


@pytest.fixture(scope="module")
def minilm() -> SentenceEmbedder:
    if locate("minilm") is None:
        pytest.skip("minilm is not on this machine: practicum data add minilm")
    return SentenceEmbedder.of(load_sentence_encoder("minilm"))


PAIRS = [
    ("A cat is sleeping on the sofa.", "The kitten naps on the couch."),
    ("How do I reset my password?", "I forgot my login credentials."),
    ("The stock market fell sharply today.", "Shares dropped on Wall Street."),
    ("He plays the violin in an orchestra.", "She is a professional musician."),
    ("Add two numbers in Python.", "def plus(a, b): return a + b"),
    ("It rained all day in London.", "The weather in England was wet."),
]


def test_texts_that_mean_alike_are_nearer_than_others(minilm):
    left, right = (minilm.embed(texts) for texts in zip(*PAIRS, strict=True))
    alike = left @ right.T
    own = alike.diagonal()
    others = alike.masked_fill(torch.eye(len(PAIRS), dtype=torch.bool), -1.0).amax(1)
    assert (own > others + 0.1).all(), (own, others)


def test_vectors_are_the_mean_of_the_peers_states(minilm):
    transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
    tokenizers = pytest.importorskip("tokenizers", reason="parity is with `tokenizers`")
    folder = locate("minilm")
    tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.enable_truncation(512)
    tokenizer.enable_padding()
    model = transformers.BertModel.from_pretrained(folder).eval()
    texts = [text for pair in PAIRS for text in pair] + ["naïve café 東京", "x", "long " * 50]
    encoded = tokenizer.encode_batch(texts)
    ids = torch.tensor([one.ids for one in encoded])
    mask = torch.tensor([one.attention_mask for one in encoded])
    with torch.no_grad():
        states = model(ids, attention_mask=mask).last_hidden_state
    means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    expected = torch.nn.functional.normalize(means, dim=1)
    torch.testing.assert_close(minilm.embed(texts), expected, atol=1e-5, rtol=0)
