import pytest
import torch

from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.families.transformer import transformer
from practicum.models.translators import TrainedTranslator
from practicum.seeding import stream
from practicum.tokenizers.bpe_training import train_bpe

PROSE = "It was the best of times, it was the worst of times, it was the age of wisdom </script>. "


def roughened(model):
    """Weights that are large enough for patterns to differ from head to head."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=stream(2, name))
    return model


@pytest.fixture(scope="session")
def tokenizer():
    return train_bpe([PROSE * 3], vocab=290)


@pytest.fixture(scope="session")
def model(tokenizer):
    """Four layers of four heads; its vocabulary is padded beyond the tokenizer's."""
    described = llama(
        width=32,
        depth=4,
        heads=4,
        kv_heads=2,
        hidden=48,
        vocab=tokenizer.size + 6,
        context=64,
    )
    return roughened(build(described, seed=1))


@pytest.fixture(scope="session")
def translator(tokenizer):
    model = build(transformer(width=32, depth=2, heads=4, vocab=tokenizer.size, context=80), seed=1)
    return TrainedTranslator(
        name="tiny", model=roughened(model), source=tokenizer, target=tokenizer
    )
