"""How much one client may ask in a minute."""

import pytest

from practicum.serving import rate_limits
from practicum.serving.rate_limits import Buckets


def test_a_bucket_holds_a_minute_and_fills_evenly():
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    for _ in range(60):
        assert buckets.wait("a", 1) == 0
        buckets.take("a", 1)
    assert buckets.wait("a", 1) == pytest.approx(1.0)
    assert buckets.wait("b", 1) == 0
    now[0] = 0.5
    assert buckets.wait("a", 1) == pytest.approx(0.5)
    now[0] = 1000.0
    assert buckets.wait("a", 60) == 0
    buckets.take("a", 61)
    assert buckets.wait("a", 1) == pytest.approx(2.0)


def test_what_was_used_on_credit_is_waited_for():
    now = [0.0]
    buckets = Buckets(100, lambda: now[0])
    buckets.take("a", 300)
    assert buckets.wait("a", 1) == pytest.approx(201 * 0.6)
    now[0] = 201 * 0.6
    assert buckets.wait("a", 1) == pytest.approx(0, abs=1e-9)


def test_no_rate_limits_nobody():
    buckets = Buckets(None)
    buckets.take("a", 1e9)
    assert buckets.wait("a", 1e9) == 0


def test_only_so_many_clients_are_remembered(monkeypatch):
    monkeypatch.setattr(rate_limits, "MOST_CLIENTS", 3)
    buckets = Buckets(1, lambda: 0.0)
    for client in "abca":
        buckets.take(client, 1)
    buckets.take("d", 1)
    assert buckets.wait("b", 1) == 0  # forgotten, and full again
    assert buckets.wait("a", 1) > 0
