import os
import signal
import time
from pathlib import Path

import pytest

from practicum.errors import ConfigError
from practicum.events import Metric, Note
from practicum.lab.executor import InProcess, Processes
from practicum.lab.folder import run_folder
from practicum.lab.job import Job

PAGES = {
    "fine": "def run(setup, arm, seed): return {'x': seed}",
    "nothing": "def run(setup, arm, seed): return {}",
    "words": "def run(setup, arm, seed): return {'x': 'many'}",
    "whole": "def run(setup, arm, seed): return {'x': True, 'y': 10**400}",
    "threads": "import os\nTOLD = 'OMP_NUM_THREADS'\n"
    "def run(setup, arm, seed): return {'x': int(os.environ[TOLD])}",
    "polite": "import signal, time\nfrom practicum.errors import Interrupted\n"
    "def run(setup, arm, seed):\n"
    "    def stop(number, frame): raise Interrupted('saved at step 7')\n"
    "    signal.signal(signal.SIGTERM, stop)\n"
    "    from practicum.events import Note, emit\n"
    "    emit(Note(text=str(__import__('os').getpid())))\n"
    "    time.sleep(60 if seed == 0 else 0)\n"
    "    return {'x': 1.0}",
    "absent": "import no_such_module",
    "mute": "import os\ndef run(setup, arm, seed): os._exit(7)",
}


@pytest.fixture(params=["in this process", "in two workers"])
def executor(request):
    return InProcess() if request.param == "in this process" else Processes(2, grace=1)


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(kind, count=2):
        name = f"page_{kind}"
        Path(tmp_path, f"{name}.py").write_text(
            f"from types import SimpleNamespace\n{PAGES[kind]}\n"
            + ("PAPER = SimpleNamespace(run=run)\n" if "run" in PAGES[kind] else "")
        )
        return [
            Job(page=name, setup=None, arm="a", seed=seed, folder=str(tmp_path / f"a-{seed}"))
            for seed in range(count)
        ]

    return make


def silent(job, event):
    pass


def test_every_job_has_one_outcome(executor, jobs):
    todo = jobs("fine", 5)
    outcomes = list(executor.outcomes(todo, silent))
    assert sorted(outcome.job.seed for outcome in outcomes) == [0, 1, 2, 3, 4]
    assert all(outcome.numbers == {"x": float(outcome.job.seed)} for outcome in outcomes)
    assert list(executor.outcomes([], silent)) == []


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("nothing", "run returns numbers by name; got dict {}"),
        ("words", "run returned x = 'many'; expected a number"),
        ("whole", "run returned y = "),
        ("absent", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_a_page_does_wrong_is_the_error_of_its_outcome(executor, jobs, kind, says):
    for outcome in executor.outcomes(jobs(kind), silent):
        assert outcome.error.startswith(says)
        assert "\n" not in outcome.error
        assert "Traceback" in outcome.traceback
        assert outcome.numbers == {}


def test_a_worker_that_ends_by_itself_is_reported_with_its_status(jobs):
    errors = [outcome.error for outcome in Processes(2).outcomes(jobs("mute", 3), silent)]
    assert errors == ["the worker process ended with status 7"] * 3


def test_a_worker_that_is_told_to_stop_may_save_and_is_replaced(jobs):
    def terminate(job, event):
        if isinstance(event, Note) and job.seed == 0:
            os.kill(int(event.text), signal.SIGTERM)

    outcomes = list(Processes(1).outcomes(jobs("polite"), terminate))
    assert [outcome.error for outcome in outcomes] == ["interrupted: saved at step 7", ""]


def test_closing_does_not_wait_longer_than_the_workers_need(jobs):
    outcomes = Processes(2, grace=50).outcomes(jobs("polite"), silent)
    assert next(outcomes).job.seed == 1
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 40


def test_workers_share_the_processors(jobs, monkeypatch):
    monkeypatch.setattr("practicum.lab.executor.cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS")
    (outcome,) = Processes(2).outcomes(jobs("threads", 1), silent)
    assert outcome.numbers == {"x": 4.0}
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # who asks for less gets less
    (outcome,) = Processes(2).outcomes(jobs("threads", 1), silent)
    assert outcome.numbers == {"x": 1.0}
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_a_setup_that_cannot_travel_is_refused_before_anything_starts(jobs):
    job = Job(page="page_fine", setup=lambda: 0, arm="a", seed=0, folder="/nowhere")
    with pytest.raises(ConfigError, match="cannot be sent to a worker"):
        list(Processes(1).outcomes([job], silent))


def test_no_workers_are_refused():
    with pytest.raises(ConfigError, match="0 workers"):
        Processes(0)


def test_outside_a_study_a_run_has_a_temporary_folder():
    folder = run_folder()
    assert folder.is_dir()
    assert folder != run_folder()
    folder.rmdir()


def test_metrics_do_not_disturb_who_does_not_keep_them(executor, jobs):
    heard = []
    list(executor.outcomes(jobs("fine"), lambda job, event: heard.append(event)))
    assert not any(isinstance(event, Metric) for event in heard)
