"""The order of a graph: children first, everything once, at any depth."""

import gc

import pytest

from practicum.autograd.graph import no_cycle_search, topological


class Leaf:
    def __init__(self, *children):
        self.children = children


def test_every_node_comes_once_and_after_its_children():
    a, b = Leaf(), Leaf()
    c = Leaf(a, b, a)
    d = Leaf(c, a)
    root = Leaf(d, c, d)
    order = topological(root)
    assert len(order) == len(set(order)) == 5
    assert order[-1] is root
    places = {node: place for place, node in enumerate(order)}
    assert all(places[child] < places[node] for node in order for child in node.children)


def test_a_leaf_alone_is_its_own_graph():
    leaf = Leaf()
    assert topological(leaf) == [leaf]


def test_the_depth_of_a_graph_is_not_bounded_by_recursion():
    node = Leaf()
    for _ in range(50_000):
        node = Leaf(node)
    assert len(topological(node)) == 50_001


def test_the_search_for_cycles_pauses_within_the_block_and_goes_on_after_an_error():
    def fail():
        with no_cycle_search():
            raise RuntimeError(f"searching: {gc.isenabled()}")

    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="searching: False"):
        fail()
    assert gc.isenabled()
