"""Benchmarks measure what they say they measure."""

import json
import time

import measure


def test_contestants_take_turns_and_the_warm_up_is_not_counted():
    calls = []
    contestants = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = measure.interleave(contestants, rounds=4, warmup=1)
    assert {name: len(values) for name, values in seconds.items()} == {"a": 4, "b": 4}
    rounds = ["".join(calls[i : i + 2]) for i in range(0, 10, 2)]
    assert rounds == ["ba", "ab", "ba", "ab", "ba"]


def test_medians_order_what_takes_longer():
    naps = {"short": lambda: time.sleep(0.001), "long": lambda: time.sleep(0.02)}
    middle = measure.medians(measure.interleave(naps, rounds=3, warmup=0))
    assert middle["short"] < middle["long"]


def test_foreign_load_is_a_share_and_our_own_work_is_not_foreign():
    with measure.watching_load() as load:
        before = time.process_time()
        while time.process_time() - before < 0.2:
            pass
    assert load.foreign is not None
    assert 0.0 <= load.foreign <= 1.0
    quiet = measure._foreign_between((0.0, 0.0, 0.0), (1.0, 2.0, 1.0))
    busy = measure._foreign_between((0.0, 0.0, 0.0), (1.5, 2.0, 0.5))
    assert (quiet, busy) == (0.0, 0.5)


def test_results_are_kept_with_the_machine_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    saved = json.loads(measure.save("nap", {"medians": {"a": 0.5}}).read_text())
    assert saved["benchmark"] == "nap"
    assert saved["medians"] == {"a": 0.5}
    assert {"processor", "cores", "python", "versions"} <= saved["machine"].keys()
