"""Rows that are joined go on as they would have alone."""

import pytest
import torch

from practicum.errors import ModelError
from practicum.nn.attention import Attention
from practicum.nn.joining import join
from practicum.nn.positions import Rope
from practicum.nn.selective import Selective
from practicum.seeding import stream

MIXERS = {
    "attention": Attention(heads=2, positions=Rope()),
    "window": Attention(heads=2, window=5, first=1),
    "selective": Selective(state=4),
}


@pytest.mark.parametrize("name", MIXERS)
def test_joined_rows_go_on_as_alone(name):
    layer = MIXERS[name].build(8)
    generator = stream(0, "weights")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) / 3 - 0.1)
    texts = [torch.randn(1, n, 8, generator=stream(n, "x")) for n in (60, 3)]
    more = torch.randn(2, 4, 8, generator=stream(1, "x"))
    with torch.inference_mode():
        states = [layer.new_state(1, 100) for _ in texts]
        for text, state in zip(texts, states, strict=True):
            layer(text, state)
        alone = [layer.new_state(1, 100) for _ in texts]
        wanted = []
        for text, state, rest in zip(texts, alone, more, strict=True):
            layer(text, state)
            wanted.append(torch.cat([layer(rest[None, i : i + 1], state) for i in range(4)], 1))
        join(states[0], states[1])
        assert states[0].lengths == [60, 3]
        found = torch.cat([layer(more[:, i : i + 1], states[0]) for i in range(4)], 1)
        torch.testing.assert_close(found, torch.cat(wanted))
        states[0].select([1])
        assert states[0].lengths == [7]


def test_what_does_not_fit_is_refused():
    first = Attention(heads=2).build(8)
    with pytest.raises(ModelError, match="one capacity"):
        join(first.new_state(1, 10), first.new_state(1, 20))
    with pytest.raises(ModelError, match="not of one mixer"):
        join(first.new_state(1, 10), Selective().build(8).new_state(1, 10))
