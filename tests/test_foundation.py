"""Named random streams, events and errors."""

import threading

import pytest
import torch

from practicum import events
from practicum.errors import PracticumError, UnknownName
from practicum.seeding import derive, forked, stream


def test_a_stream_depends_on_the_seed_and_every_name():
    seeds = {derive(0), derive(1), derive(0, "a"), derive(0, "a", "b"), derive(0, "ab")}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    first = torch.rand(4, generator=stream(3, "x"))
    assert torch.equal(first, torch.rand(4, generator=stream(3, "x")))


def test_the_derived_numbers_never_change():
    assert derive(0, "init") == 925_402_481_798_332_886


def test_a_fork_leaves_the_global_state_as_it_was():
    before = torch.get_rng_state()
    with forked(1, "dropout", 5):
        inside = torch.get_rng_state()
    with forked(1, "dropout", 5):
        assert torch.equal(torch.get_rng_state(), inside)
    assert torch.equal(torch.get_rng_state(), before)


def test_events_reach_every_listener_of_this_context_and_no_other():
    heard: list[events.Event] = []
    note = events.Note(text="one")
    events.emit(note)
    with events.listening(heard.append), events.listening(heard.append):
        events.emit(note)
        other = threading.Thread(target=events.emit, args=(note,))
        other.start()
        other.join()
    events.emit(note)
    assert heard == [note, note]


def test_an_unknown_name_offers_the_nearest_or_what_there_is():
    near = UnknownName("corpus", "shakespear", ["shakespeare", "kjv"])
    assert str(near) == "no corpus 'shakespear'; did you mean shakespeare?"
    assert str(UnknownName("corpus", "zzz", ["b", "a"])) == "no corpus 'zzz'; known: a, b"
    assert isinstance(near, PracticumError)


def test_a_failing_listener_is_not_silenced():
    def fail(event: events.Event) -> None:
        raise RuntimeError("heard")

    with events.listening(fail), pytest.raises(RuntimeError, match="heard"):
        events.emit(events.Note(text="one"))
