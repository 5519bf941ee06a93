"""A model is laid out for products once: for who asks it at once, or by the engine."""

import pytest

from practicum.cli.loading import Speaker
from practicum.models import load
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.load import Pretrained
from practicum.nn.linear import LinearLayer
from practicum.tokenizers.bytes import ByteTokenizer


@pytest.mark.parametrize(("way", "laid_out"), [(Speaker.load, True), (Speaker.read, False)])
def test_an_engine_is_given_the_model_as_it_is_stored(
    way, laid_out: bool, monkeypatch: pytest.MonkeyPatch
):
    model = build(llama(width=16, depth=1, heads=2, hidden=32, vocab=257, context=8), seed=0)
    found = Pretrained(
        name="m", model=model, tokenizer=ByteTokenizer(), chat_template=None, source="m"
    )
    monkeypatch.setattr(load, "load", lambda *_, **__: found)
    way(Speaker(model="m", device="cpu"))
    layers = [layer for layer in model.stack.modules() if isinstance(layer, LinearLayer)]
    assert [layer.packed is not None for layer in layers] == [laid_out] * len(layers)
    assert layers
