"""Numbers for Prometheus: of requests, when they are over, and of the engine, when it is asked."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from practicum.serving.load import Load
from practicum.serving.request_log import Record

TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
NOW = {
    "waiting": "Questions that wait.",
    "reading": "Questions whose prompt is being read.",
    "writing": "Answers that are being written.",
    "blocks": "Blocks of memory for keys and values.",
    "blocks_used": "Blocks that hold something of a running answer.",
    "blocks_remembered": "Blocks that hold the beginning of a prompt that may come again.",
}
SINCE_THE_START = {
    "asked": "Questions.",
    "finished": "Answers that were finished.",
    "cancelled": "Answers that nobody wanted any more.",
    "put_off": "Times that an answer lost its memory to a more urgent one.",
    "shared_tokens": "Tokens of prompts that had been read for another question.",
    "drafted": "Tokens that were drafted.",
    "drafted_rightly": "Tokens of answers that a draft had foreseen.",
    "steps": "Steps of the engine.",
}


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(
        self, load: Callable[[], Load], ready: Callable[[], tuple[int, int] | None]
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_EngineNumbers(load, ready))
        self._requests = Counter(
            "practicum_requests", "Requests.", ["route", "status"], registry=self._registry
        )
        self._tokens = Counter(
            "practicum_tokens", "Tokens read and written.", ["kind"], registry=self._registry
        )
        self._seconds = Histogram(
            "practicum_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._first = Histogram(
            "practicum_first_token_seconds",
            "From the first byte of a request to its answer's first token.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def observe(self, record: Record) -> None:
        """Count a request that is over."""
        self._requests.labels(record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(record.seconds)
        self._tokens.labels("prompt").inc(record.prompt_tokens)
        self._tokens.labels("completion").inc(record.completion_tokens)
        if record.first_token is not None:
            self._first.labels(record.route).observe(record.first_token)

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self._registry)


class _EngineNumbers(Collector):
    def __init__(
        self, load: Callable[[], Load], ready: Callable[[], tuple[int, int] | None]
    ) -> None:
        self._load, self._ready = load, ready

    def collect(self) -> Iterator[Metric]:
        load = vars(self._load())
        for name, about in NOW.items():
            yield GaugeMetricFamily(f"practicum_engine_{name}", about, value=load[name])
        for name, about in SINCE_THE_START.items():
            yield CounterMetricFamily(f"practicum_engine_{name}", about, value=load[name])
        replicas = self._ready()
        if replicas is not None:
            yield GaugeMetricFamily("practicum_replicas", "Replicas.", value=replicas[1])
            yield GaugeMetricFamily(
                "practicum_replicas_ready", "Replicas that answer.", value=replicas[0]
            )
