import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.decoding.generate import Request
from practicum.decoding.prompt_lookup import Lookup, PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError

IDS = st.lists(st.integers(0, 3), min_size=1, max_size=24)


def followed(ids: list[int], longest: int, shortest: int, count: int) -> tuple[int, ...]:
    """By looking everywhere: what came after the latest place of the longest end."""
    for size in range(longest, shortest - 1, -1):
        for place in range(len(ids) - 1, size - 1, -1):
            if ids[place - size : place] == ids[-size:] and size <= len(ids):
                copied = list(ids)
                for _ in range(count):
                    copied.append(copied[len(copied) - len(ids) + place])
                return tuple(copied[len(ids) :])
    return ()


@given(ids=IDS, cut=st.integers(0, 24), shortest=st.integers(1, 3), count=st.integers(1, 9))
def test_a_draft_is_what_followed_the_same_words_before(ids, cut, shortest, count):
    lookup = Lookup(PromptLookup(shortest=shortest, longest=3), ids[:cut])
    lookup.take(ids[cut:])
    assert lookup.propose(count).ids == followed(ids, 3, shortest, count)


def test_the_longest_end_counts_then_the_latest_place():
    request = Request(index=0, ids=(1, 2, 3, 9, 2, 3, 7, 1, 2, 3), sampling=Sampling())
    assert PromptLookup().drafter(request, 10, 10).propose(2).ids == (9, 2)
    assert PromptLookup(longest=2).drafter(request, 10, 10).propose(2).ids == (7, 1)
    assert PromptLookup(longest=2).drafter(request, 10, 10).propose(0).ids == ()


def test_a_copy_may_run_into_what_it_copies():
    assert Lookup(PromptLookup(), [5, 1, 2, 1, 2]).propose(5).ids == (1, 2, 1, 2, 1)


@pytest.mark.parametrize(("shortest", "longest"), [(0, 2), (3, 2)])
def test_impossible_lengths_are_refused(shortest, longest):
    with pytest.raises(ConfigError, match="1 ≤ shortest ≤ longest"):
        PromptLookup(shortest=shortest, longest=longest)
