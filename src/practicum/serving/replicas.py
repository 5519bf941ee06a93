"""Copies of a model, each with an engine in a process of its own, which Ray Serve keeps running.

Ray Serve starts the processes, looks after their health, and starts one anew that has ended; what
is said goes through its handles. The port, the keys and the limits stay in the process that calls
`replicas`, so that they count for all together; which replica is asked says `serving.spread`.

Ray listens on 127.0.0.1 alone, takes work from whoever has this process's token, has no dashboard,
writes to a folder that goes with it, and reports its use to nobody. The `ray` package is an extra:
pip install 'practicum[replicas]'.
"""

import asyncio
import logging
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ConfigError, PracticumError
from practicum.models.build import build
from practicum.serving.host import Facts, Fault, Host
from practicum.serving.question import Piece, Question
from practicum.serving.spread import Lost, Spread, State
from practicum.serving.worker import Worker

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle  # pyright: ignore[reportMissingImports]

ANSWERS = 100_000  # of one replica at once: whoever asks has counted already
SILENCE = 20.0  # seconds after which a replica counts as gone
OBJECTS = 80 * 2**20  # bytes of Ray's shared memory: the least it takes, since pieces are small
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux, too: listen on 127.0.0.1 alone
    "RAY_AUTH_MODE": "token",  # others on this machine cannot give it work
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # who reserves no card still sees them
}


def _made_here(make: Callable[[], Worker]) -> Worker:
    """`make()`, in a process whose own port is for this machine alone.

    Ray Serve opens one in every replica, on all addresses, and has no setting for that. The token
    guards it, too.
    """
    from ray.serve._private import replica  # pyright: ignore[reportMissingImports]

    bind = getattr(replica, "add_port_to_grpc_server", None)
    if bind is not None:
        replica.add_port_to_grpc_server = lambda server, address: bind(
            server, address.replace("[::]", "127.0.0.1")
        )
    return make()


class RayReplica:
    """A `Replica` behind a handle of Ray Serve."""

    def __init__(self, handle: "DeploymentHandle") -> None:
        self._handle = handle

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Completion, None]:
        """See `Replica`."""
        said = self._handle.options(stream=True, method_name="answer").remote(question)
        over = False
        try:
            async for what in said:
                over = isinstance(what, Completion | Fault)
                if isinstance(what, Fault):
                    raise what.error
                yield what
        except PracticumError:
            raise
        except Exception as problem:
            over = True
            raise _lost(problem) from problem
        finally:
            if not over:
                said.cancel()

    def facts(self) -> Facts:
        """See `Host`. Raises what kept the replica from its start."""
        return self._asked("facts")

    def state(self) -> State:
        """See `Replica`."""
        return self._asked("state", seconds=SILENCE)

    def embed(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """See `Replica`."""
        return self._asked("embed", texts)

    async def score(self, ids: Sequence[int], top: int) -> list[Choice]:
        """See `Replica`."""
        asked = self._handle.score.remote(ids, top)
        try:
            found = await asked
        except asyncio.CancelledError:
            asked.cancel()
            raise
        except Exception as problem:
            raise _lost(problem) from problem
        if isinstance(found, Fault):
            raise found.error
        return found

    def _asked(self, method: str, *given: Any, seconds: float | None = None) -> Any:
        try:
            found = getattr(self._handle, method).remote(*given).result(timeout_s=seconds)
        except Exception as problem:
            raise _lost(problem) from problem
        if isinstance(found, Fault):
            raise found.error
        return found


def _lost(problem: Exception) -> Lost:
    """Of the long words of Ray, the name of what happened."""
    name = type(problem).__name__.partition("(")[0]
    return Lost(f"the replica that wrote this has ended ({name}); ask again")


def check_ray() -> None:
    """Raises ConfigError where the extra is not installed."""
    os.environ.update(ENVIRONMENT)  # read when Ray is imported
    try:
        from ray import serve  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as problem:  # also where parts of Ray Serve are missing
        raise ConfigError(
            "several replicas need Ray Serve; pip install 'practicum[replicas]'"
        ) from problem


def replicas(make: Callable[[], Worker], count: int, *, cards: float = 0.0) -> tuple[Spread, str]:
    """`count` processes with the worker that `make` makes, and the fingerprint of its model.

    `make` is called in each process, so it must pickle. The processes share the threads that torch
    has here; each reserves `cards` GPUs, or a part of one. Raises what `make` raises, and
    ConfigError where Ray is missing.
    """
    check_ray()
    if count < 1:
        raise ConfigError(f"{count} replicas; expected 1 or more")
    folder = tempfile.TemporaryDirectory(prefix="practicum-ray-", ignore_cleanup_errors=True)
    stop = _started(folder)
    try:
        threads = max(1, torch.get_num_threads() // count)
        (first,) = _deployed(make, threads, cards, range(1))
        facts = first.facts()  # what keeps one from its start keeps all
        others = _deployed(make, threads, cards, range(1, count))
        for other in others:
            other.facts()
    except BaseException:
        stop()
        raise
    model = LanguageModel(
        build(facts.description, device="meta"),  # the weights are elsewhere
        facts.tokenizer,
        facts.chat_template,
        ends=facts.ends,
    )
    return Spread([first, *others], model, facts.settings, facts.context, stop), facts.fingerprint


def _started(folder: "tempfile.TemporaryDirectory[str]") -> Callable[[], None]:
    """Start Ray and Ray Serve for this process alone; what ends them."""
    import ray  # pyright: ignore[reportMissingImports]
    from ray import serve  # pyright: ignore[reportMissingImports]

    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # its import has set INFO

    def stop() -> None:
        ray.shutdown()  # ends what was started here, Ray Serve with it
        folder.cleanup()

    try:
        ray.init(
            address="local",
            num_cpus=1,  # the processes reserve none; of more, Ray would start idle ones
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=OBJECTS,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder.name,
        )
        serve.start(proxy_location="Disabled", logging_config=_logging())
    except BaseException:
        stop()
        raise
    return stop


def _logging() -> dict[str, Any]:
    return {"log_level": "ERROR", "enable_access_log": False}


def _deployed(
    make: Callable[[], Worker], threads: int, cards: float, numbers: range
) -> list[RayReplica]:
    """For each number an application of one process, as Ray Serve itself would choose among more.

    It waits until all run.
    """
    from ray import serve  # pyright: ignore[reportMissingImports]

    if not numbers:
        return []
    deployment = serve.deployment(Host).options(
        num_replicas=1,
        max_ongoing_requests=ANSWERS,
        health_check_period_s=1.0,
        health_check_timeout_s=SILENCE,
        graceful_shutdown_timeout_s=0.5,
        logging_config=_logging(),
        ray_actor_options={
            "num_cpus": 0,
            "num_gpus": cards,
            "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(threads)}},
        },
    )
    make = partial(_made_here, make)
    targets = [
        serve.RunTarget(deployment.bind(make, threads), name=f"replica-{n}", route_prefix=None)
        for n in numbers
    ]
    return [RayReplica(handle) for handle in serve.run_many(targets)]
