"""What is remembered of the beginnings of prompts."""

from collections import OrderedDict

from practicum.serving.beginnings import Beginnings


def test_whole_blocks_that_came_before_are_known():
    read = Beginnings(block=4)
    read.add(range(10))
    assert read.known(range(10)) == 8
    assert read.known(range(7)) == 4
    assert read.known(range(3)) == 0
    assert read.known((0, 1, 2, 3, 9, 9, 9, 9)) == 4


def test_a_block_is_known_by_what_stands_before_it():
    read = Beginnings(block=2)
    read.add((1, 2, 3, 4))
    assert read.known((3, 4)) == 0
    assert read.known((5, 6, 3, 4)) == 0


def test_what_came_last_longest_ago_is_forgotten():
    read = Beginnings(block=1, most=2)
    read.add((1,))
    read.add((2,))
    read.add((1,))
    read.add((3,))
    assert [read.known((id,)) for id in (1, 2, 3)] == [1, 0, 1]
    read.clear()
    assert read.known((1,)) == 0


def test_another_thread_may_clear_it_while_it_is_added_to():
    read = Beginnings(block=1)

    class Cleared(OrderedDict):
        def __setitem__(self, name, value):
            super().__setitem__(name, value)
            read.clear()

    read._known = Cleared()
    read.add((1, 2, 3))
    assert read.known((1, 2, 3)) == 0
