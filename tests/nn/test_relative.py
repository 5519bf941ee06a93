import pytest
import torch
from transformers.models.t5.modeling_t5 import T5Attention

from practicum.errors import ConfigError
from practicum.nn.relative import Buckets, Sinusoids, SlopesLayer, bucket, slopes


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize(("count", "far"), [(32, 128), (8, 20), (16, 500)])
def test_buckets_are_those_of_t5(both_ways, count, far):
    distances = torch.arange(-2000, 2001)
    theirs = T5Attention._relative_position_bucket(
        -distances, bidirectional=both_ways, num_buckets=count, max_distance=far
    )
    ours = bucket(distances, Buckets(count=count, far=far, both_ways=both_ways))
    assert torch.equal(ours, theirs)


def test_slopes_are_the_published_ones():
    assert slopes(8) == [2.0**-i for i in range(1, 9)]
    assert len(slopes(12)) == 12
    assert slopes(12)[:8] == slopes(8)
    assert slopes(12)[8:] == slopes(16)[0:8:2]


def test_slopes_count_down_with_the_distance():
    far = torch.tensor([[[0, -1], [1, 0]]])
    bias = SlopesLayer(2)(torch.zeros(1, 2, 2, 4), far)
    assert bias[0, 0].tolist() == [[0.0, -(2.0**-4)], [-(2.0**-4), 0.0]]


def test_a_distance_is_seen_through_the_matrix_of_a_head():
    torch.manual_seed(0)
    layer = Sinusoids(base=100.0).build(6, 2, 3, 0.5).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    q = torch.randn(1, 2, 2, 3, dtype=torch.float64)
    far = torch.tensor([[[3, 2, 0], [4, 3, 1]]])
    made = layer(q, far)
    rates = 100.0 ** (-torch.arange(0, 6, 2, dtype=torch.float64) / 6)
    for t in range(2):
        for s in range(3):
            angle = far[0, t, s] * rates
            vector = torch.cat([angle.sin(), angle.cos()])
            asked = q[0, :, t] + layer.bias
            expected = 0.5 * torch.einsum("hk,hkd,d->h", asked, layer.weight, vector)
            torch.testing.assert_close(made[0, :, t, s], expected, atol=1e-6, rtol=1e-6)


def test_buckets_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="buckets"):
        Buckets(count=7)
    with pytest.raises(ConfigError, match="buckets"):
        Buckets(count=32, far=16)
