"""Networks of neurons: published counts, the lecture's training, and one network in two engines."""

import numpy as np
import pytest
import torch

from practicum.autograd.array_neurons import ArrayMLP
from practicum.autograd.arrays import Array
from practicum.autograd.neurons import MLP, Neuron, NeuronLayer, ValueMLP
from practicum.autograd.scalar import Value
from practicum.errors import ConfigError

LECTURE = MLP(inputs=3, widths=(4, 4, 1), hidden="tanh", last="tanh", bias="uniform")
LIBRARY = MLP(inputs=2, widths=(16, 16, 1))


def both(description, seed=0):
    """The same network of Values and of Arrays."""
    return (
        ValueMLP(description, generator=np.random.default_rng(seed)),
        ArrayMLP(description, generator=np.random.default_rng(seed)),
    )


@pytest.mark.parametrize(("description", "count"), [(LECTURE, 41), (LIBRARY, 337)])
def test_parameters_are_as_many_as_published(description, count):
    values, arrays = both(description)
    assert description.parameters == len(values.parameters()) == count
    assert sum(array.data.size for array in arrays.parameters()) == count


def test_first_weights_lie_between_minus_one_and_one_and_biases_start_as_said():
    library, lecture = both(LIBRARY)[1], both(LECTURE)[1]
    assert all(abs(weights.data).max() <= 1 for weights in library.weights + lecture.biases)
    assert all(not biases.data.any() for biases in library.biases)
    assert all(biases.data.all() for biases in lecture.biases)
    assert min(weights.data.min() for weights in library.weights) < -0.9


@pytest.mark.parametrize("description", [LECTURE, LIBRARY])
def test_one_network_in_two_engines_has_one_output_and_one_gradient(description):
    values, arrays = both(description)
    x = np.random.default_rng(1).normal(size=(5, description.inputs))
    outputs = [values(row)[0] for row in x.tolist()]
    sum(out * out for out in outputs).backward()
    out = arrays(Array(x))
    (out**2).sum().backward()
    np.testing.assert_allclose(out.data[:, 0], [o.data for o in outputs], rtol=1e-12)
    for index, layer in enumerate(values.layers):
        weights = [[w.grad for w in neuron.weights] for neuron in layer.neurons]
        np.testing.assert_allclose(arrays.weights[index].grad.T, weights, rtol=1e-9, atol=1e-12)
        biases = [neuron.bias.grad for neuron in layer.neurons]
        np.testing.assert_allclose(arrays.biases[index].grad, biases, rtol=1e-9, atol=1e-12)


def test_the_lecture_s_four_examples_are_learnt_in_twenty_steps():
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    network = ValueMLP(LECTURE, generator=np.random.default_rng(7))
    losses = []
    for step in range(20):
        loss = sum((network(x)[0] - y) ** 2 for x, y in zip(xs, ys, strict=True))
        network.zero_grad()
        loss.backward()
        for parameter in network.parameters():
            parameter.data -= (0.1 if step < 10 else 0.05) * parameter.grad
        losses.append(loss.data)
    assert losses[-1] < 0.1 < losses[0]
    assert [network(x)[0].data > 0 for x in xs] == [y > 0 for y in ys]


def test_zero_grad_forgets_what_would_add_up():
    for network, x in zip(both(LIBRARY), ([1.0, 2.0], Array([[1.0, 2.0]])), strict=True):
        out = network(x)
        (out[0] if isinstance(out, list) else out.sum()).backward()
        assert any(np.any(parameter.grad) for parameter in network.parameters())
        network.zero_grad()
        assert not any(np.any(parameter.grad) for parameter in network.parameters())


def test_a_network_lies_over_torch_when_given_a_tensor_to_be_like():
    like = torch.ones(1, dtype=torch.float32)
    network = ArrayMLP(LIBRARY, generator=np.random.default_rng(0), like=like)
    out = network(Array(torch.ones(3, 2)))
    assert isinstance(out.data, torch.Tensor)
    assert (out.dtype, out.shape) == (torch.float32, (3, 1))
    expected = both(LIBRARY)[1](Array(np.ones((3, 2)))).data
    np.testing.assert_allclose(out.data, expected, rtol=1e-5)


def test_a_neuron_applies_what_it_is_told():
    x = [Value(1.0), Value(2.0)]
    assert Neuron([1.0, -2.0], 0.5, "identity")(x).data == -2.5
    assert Neuron([1.0, -2.0], 0.5, "relu")(x).data == 0.0
    assert Neuron([1.0, -2.0], 0.5, "tanh")(x).data == pytest.approx(np.tanh(-2.5))
    layer = NeuronLayer([Neuron([1.0, 0.0], 0.0, "identity"), Neuron([0.0, 1.0], 1.0, "relu")])
    assert [value.data for value in layer(x)] == [1.0, 3.0]
    assert [p.label for p in layer.parameters()] == ["w1", "w2", "b"] * 2


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda: MLP(inputs=2, widths=()), "one layer or more; got 2 inputs and widths \\(\\)"),
        (lambda: MLP(inputs=0, widths=(1,)), "got 0 inputs"),
        (lambda: both(LIBRARY)[0]([1.0]), "takes 2 numbers; got 1"),
        (lambda: both(LIBRARY)[1](Array(np.ones((1, 3)))), "do not fit @"),
    ],
)
def test_what_does_not_fit_is_refused(attempt, said):
    with pytest.raises(ConfigError, match=said):
        attempt()
