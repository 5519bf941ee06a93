"""Boxes do not overlap, wires lead right, and what can be drawn without crossings is."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.autograd.layout import layered


def draw_graph(seed, count):
    draw = np.random.default_rng(seed)
    sizes = [(float(w), float(h)) for w, h in draw.integers(10, 90, (count, 2))]
    wires = [
        (int(draw.integers(end)), end)
        for end in range(1, count)
        for _ in range(int(draw.integers(3)))
    ]
    return sizes, wires


def inside(point, box):
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_boxes_never_overlap_and_wires_lead_right(seed, count):
    sizes, wires = draw_graph(seed, count)
    layout = layered(sizes, wires)
    corners = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(layout.centres, sizes, strict=True)
    ]
    for left, top, right, bottom in corners:
        assert min(left, top) >= 0
        assert right <= layout.width
        assert bottom <= layout.height
    for a, b in itertools.combinations(corners, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for (start, end), bends in zip(wires, layout.bends, strict=True):
        xs = [layout.centres[start][0], *(x for x, _ in bends), layout.centres[end][0]]
        assert all(one <= two for one, two in itertools.pairwise(xs))
        for point in bends:
            assert not any(inside(point, box) for box in corners)


def test_equal_graphs_get_equal_places():
    assert layered(*draw_graph(3, 20)) == layered(*draw_graph(3, 20))


def test_crossed_wires_are_uncrossed():
    sizes = [(10.0, 10.0)] * 6
    layout = layered(sizes, [(0, 5), (1, 4), (2, 3)])
    heights = [y for _, y in layout.centres]
    assert np.argsort(heights[:3]).tolist() == np.argsort(heights[5:2:-1]).tolist()


def test_a_leaf_stands_just_before_what_it_leads_to():
    # 0 → 1 → 2 → 3, and the leaf 4, which only 5 needs beside 3
    layout = layered([(10.0, 10.0)] * 6, [(0, 1), (1, 2), (2, 3), (3, 5), (4, 5)])
    assert layout.centres[4][0] == layout.centres[3][0]


def test_a_chain_is_a_straight_line():
    layout = layered([(10.0, 10.0)] * 5, [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert len({y for _, y in layout.centres}) == 1
