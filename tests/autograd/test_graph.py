"""The order of a graph: children first, everything once, at any depth."""

from practicum.autograd.graph import topological


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
