"""Blocks of memory: each has one owner or is known, whatever happens in whatever order."""

import random

import pytest

from practicum.errors import ConfigError
from practicum.serving.blocks import Blocks, Lease


def test_what_is_asked_for_is_given_once_and_can_be_given_back():
    blocks = Blocks(4, 2)
    lease, other = Lease(), Lease()
    assert blocks.extend(lease, 5)
    assert not blocks.extend(other, 4)
    assert (len(lease.blocks), other.blocks, blocks.available) == (3, [], 1)
    blocks.end(lease)
    assert (blocks.available, blocks.used) == (4, 0)


def test_a_prompt_that_begins_as_another_names_its_blocks_but_reads_its_own_last_token():
    blocks = Blocks(8, 2)
    first = Lease()
    blocks.extend(first, 4)
    blocks.publish(first, [1, 2, 3, 4])
    assert blocks.begin([1, 2, 3, 4, 5]).blocks == first.blocks
    assert blocks.begin([1, 2, 3, 4]).blocks == first.blocks[:1]
    assert blocks.begin([1, 2, 9, 9, 9]).blocks == first.blocks[:1]
    assert blocks.begin([9, 1, 2]).blocks == []


def test_the_same_text_read_twice_is_kept_once():
    blocks = Blocks(8, 2)
    leases = [Lease(), Lease()]
    for lease in leases:
        blocks.extend(lease, 4)
    for lease in leases:
        blocks.publish(lease, [1, 2, 3, 4])
    assert leases[0].blocks == leases[1].blocks
    assert blocks.used == 2
    for lease in leases:
        blocks.end(lease)
    assert (blocks.used, blocks.remembered) == (0, 2)


def test_known_blocks_make_way_the_end_of_a_text_before_its_beginning():
    blocks = Blocks(3, 2)
    lease = Lease()
    blocks.extend(lease, 6)
    blocks.publish(lease, [1, 2, 3, 4, 5, 6])
    blocks.end(lease)
    new = Lease()
    assert blocks.extend(new, 2)
    assert blocks.matched([1, 2, 3, 4, 5, 6, 7]) == 4
    assert blocks.extend(new, 6)
    assert blocks.matched([1, 2, 3, 4, 5, 6, 7]) == 0


def test_what_was_named_longest_ago_makes_way_first():
    blocks = Blocks(2, 2)
    for text in ([1, 2], [3, 4], [1, 2]):
        lease = blocks.begin([*text, 0])
        blocks.extend(lease, 2)
        blocks.publish(lease, text)
        blocks.end(lease)
    assert blocks.extend(Lease(), 2)
    assert (blocks.matched([1, 2, 0]), blocks.matched([3, 4, 0])) == (2, 0)


def test_impossible_sizes_are_refused():
    with pytest.raises(ConfigError, match="expected at least 1"):
        Blocks(0, 16)


@pytest.mark.parametrize("seed", range(20))
def test_no_block_has_two_owners_and_none_is_lost(seed):
    draw = random.Random(seed)
    blocks = Blocks(draw.randint(3, 12), draw.randint(1, 3))
    rows: list[tuple[Lease, list[int], int]] = []
    for _ in range(300):
        if rows and draw.random() < 0.3:
            lease, _, _ = rows.pop(draw.randrange(len(rows)))
            blocks.end(lease)
        elif rows and draw.random() < 0.5:
            at = draw.randrange(len(rows))
            lease, ids, _ = rows[at]
            ids = [*ids, draw.randint(0, 1)]
            if blocks.extend(lease, len(ids)):
                blocks.publish(lease, ids)
                rows[at] = (lease, ids, 0)
        else:
            ids = [draw.randint(0, 1) for _ in range(draw.randint(1, 6))]
            lease = blocks.begin(ids)
            assert len(lease.blocks) * blocks.size == blocks.matched(ids) < len(ids)
            if blocks.extend(lease, len(ids)):
                blocks.publish(lease, ids)
                rows.append((lease, ids, 0))
            else:
                blocks.end(lease)
        _check(blocks, [(lease, ids) for lease, ids, _ in rows])
    for lease, _, _ in rows:
        blocks.end(lease)
    assert blocks.used == 0
    blocks.forget()
    assert (blocks.available, blocks.remembered) == (blocks.count, 0)


def _check(blocks: Blocks, rows: list[tuple[Lease, list[int]]]) -> None:
    """A block holds one text: rows that name it read the same up to its end."""
    held: dict[int, tuple[int, ...]] = {}
    own: list[int] = []
    for lease, ids in rows:
        assert len(lease.blocks) == len(set(lease.blocks))
        own += lease.blocks[len(lease.known) :]
        for place, known in enumerate(lease.known):
            assert known.block == lease.blocks[place]
            text = tuple(ids[: (place + 1) * blocks.size])
            assert held.setdefault(known.block, text) == text
    assert len(own) == len(set(own))
    assert not set(own) & set(held)
    assert blocks.used == len(set(own) | set(held))
    assert all(1 <= block <= blocks.count for block in (*own, *held))


def test_a_text_named_longest_ago_makes_way_whole_before_a_later_one_does():
    blocks = Blocks(8, 1)
    for text in ([1, 2, 3, 4], [5, 6, 7, 8]):
        lease = blocks.begin(text)
        blocks.extend(lease, 4)
        blocks.publish(lease, text)
        blocks.end(lease)
    assert blocks.extend(Lease(), 3)
    assert (blocks.matched([1, 2, 3, 4, 0]), blocks.matched([5, 6, 7, 8, 0])) == (1, 4)
