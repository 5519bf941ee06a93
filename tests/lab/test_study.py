import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from practicum.config import override
from practicum.errors import ConfigError, Interrupted, StoreError, UnknownName
from practicum.events import Note, Progress, listening
from practicum.lab.executor import InProcess, Processes
from practicum.lab.export import export_verdict, read_export
from practicum.lab.paper import Claim
from practicum.lab.provenance import code_fingerprint
from practicum.lab.store import Store
from practicum.lab.study import Plan, conclude, plan, study
from practicum.lab.verdict import judge

EXECUTORS = {"in this process": InProcess, "in two workers": lambda: Processes(2)}


@pytest.fixture(params=EXECUTORS)
def executor(request):
    return EXECUTORS[request.param]()


def planned(toy, *, seeds=3, **changes):
    setup = replace(toy.Setup(), **changes)
    return Plan(slug="toy", preset="cpu", setup=setup, seeds=tuple(range(seeds)))


def bare(verdict):
    """The verdict without what differs between two computations of the same numbers."""
    return replace(verdict, origin=replace(verdict.origin, wall_seconds=0.0, created=""))


def computed(folder):
    return sorted(file.name.rsplit("-", 2)[0] for file in folder.iterdir())


def test_a_study_computes_every_arm_at_every_seed_and_judges(toy, store, executor):
    verdict = study(toy.PAPER, planned(toy), executor=executor, store=store)
    assert verdict.state == "holds", verdict.reason
    assert verdict.seeds == (0, 1, 2)
    assert verdict.origin.device == "toy accelerator"
    assert verdict.origin.setup["kind"] == "Setup"
    assert verdict.origin.code == code_fingerprint("toy")
    (kept,) = store.studies("toy")
    assert kept.state == "done"
    rows = store.rows(kept.id, curves=True)
    assert [(run.seed, run.arm) for run in rows.runs] == [
        (seed, arm) for seed in range(3) for arm in toy.ARMS
    ]
    run = rows.run("new", 2)
    assert set(run.numbers) == {"score", "size", "speed"}
    assert [step for step, _ in run.curves["loss [split=train]"]] == [0, 1, 2, 3, 4]
    assert store.artifacts(kept.id)["new", 2]["sample"].read_text() == "new"


def test_both_executors_give_the_same_verdict(toy, tmp_path, monkeypatch):
    verdicts = []
    for number, make in enumerate(EXECUTORS.values()):
        monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / str(number)))
        with Store() as store:
            verdicts.append(study(toy.PAPER, planned(toy), executor=make(), store=store))
    assert bare(verdicts[0]) == bare(verdicts[1])


def test_a_verdict_computed_again_from_the_store_or_a_file_equals_the_first(toy, store, tmp_path):
    verdict = study(toy.PAPER, planned(toy), executor=InProcess(), store=store)
    (kept,) = store.studies("toy")
    rows = store.rows(kept.id)
    assert store.verdict("toy") == verdict == judge(toy.PAPER, rows)
    assert conclude(toy.PAPER, store, kept.id) == verdict
    assert conclude(toy.PAPER, store, kept.id, seeds=(0, 1)).seeds == (0, 1)
    saved, numbers = read_export(export_verdict(verdict, rows, tmp_path))
    assert saved == verdict == judge(toy.PAPER, numbers)


def test_the_same_fingerprint_is_not_computed_twice_unless_asked(toy, store, tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    todo = planned(toy, seeds=2, log=str(log))
    first = study(toy.PAPER, todo, executor=InProcess(), store=store)
    assert len(computed(log)) == 6
    assert study(toy.PAPER, todo, executor=InProcess(), store=store) == first
    assert len(computed(log)) == 6
    more = replace(todo, seeds=(0, 1, 2))
    study(toy.PAPER, more, executor=InProcess(), store=store)
    assert len(computed(log)) == 9
    study(toy.PAPER, todo, executor=InProcess(), store=store, force=True)
    assert len(computed(log)) == 15


def test_where_runs_are_missing_only_the_claims_are_drawn(toy, store):
    todo = planned(toy, seeds=2, trouble="raise")
    study(toy.DRAWN, todo, executor=InProcess(), store=store)
    assert set(store.pictures(store.studies()[0].id)) == {"claims"}


def test_pictures_are_drawn_from_the_store(toy, store):
    study(toy.DRAWN, planned(toy), executor=InProcess(), store=store)
    (kept,) = store.studies("toy")
    pictures = store.pictures(kept.id)
    assert set(pictures) == {"claims", "losses", "by_size", "scores"}
    first = {name: path.read_bytes() for name, path in pictures.items()}
    assert all(picture.startswith(b"\x89PNG") for picture in first.values())
    for path in pictures.values():
        path.unlink()
    conclude(toy.DRAWN, store, kept.id)
    assert {name: path.read_bytes() for name, path in store.pictures(kept.id).items()} == first


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"effect": 1.0}, "holds"),
        ({"effect": 0.0}, "fails"),
        ({"effect": 0.5, "noise": 0.4}, "open"),
        ({"effect": 1.0, "noise": 5.0}, "invalid"),  # the control's score is not low
    ],
)
def test_a_study_holds_fails_stays_open_or_is_invalid(toy, store, changes, state):
    verdict = study(toy.PAPER, planned(toy, **changes), executor=InProcess(), store=store)
    assert verdict.state == state, verdict.reason


@pytest.mark.parametrize(
    ("trouble", "says", "workers"),
    [
        ("raise", "arm 'new' at seed 1 failed: the loss diverged at step 2", 0),
        ("raise", "arm 'new' at seed 1 failed: the loss diverged at step 2", 2),
        ("exit", "arm 'new' at seed 1 failed: SystemExit: 3", 0),
        ("nan", "score of arm 'new' at seed 1 is not a finite number", 0),
    ],
)
def test_a_run_that_fails_makes_the_verdict_invalid_and_the_others_are_kept(
    toy, store, trouble, says, workers
):
    executor = Processes(workers) if workers else InProcess()
    notes = []
    with listening(lambda event: notes.append(event) if isinstance(event, Note) else None):
        todo = planned(toy, trouble=trouble)
        verdict = study(toy.PAPER, todo, executor=executor, store=store)
    assert (verdict.state, verdict.reason) == ("invalid", says)
    (kept,) = store.studies()
    states = [run.state for run in store.rows(kept.id).runs]
    assert states.count("done") == (9 if trouble == "nan" else 8)
    assert any("failed" in note.text for note in notes) == (trouble != "nan")


def test_a_killed_worker_is_a_failed_run_and_the_others_go_on(toy, store, tmp_path):
    once = str(tmp_path / "once")
    todo = planned(toy, trouble="kill", once=once)
    verdict = study(toy.PAPER, todo, executor=Processes(2), store=store)
    assert verdict.state == "invalid"
    assert "arm 'new' at seed 1 failed: the worker process was killed by SIGKILL" in verdict.reason
    (kept,) = store.studies()
    states = {(run.arm, run.seed): run.state for run in store.rows(kept.id).runs}
    assert states.pop(("new", 1)) == "failed"
    assert set(states.values()) == {"done"}

    resumed = study(toy.PAPER, todo, executor=Processes(2), store=store, resume=True)
    assert resumed.state == "holds"
    run = store.rows(kept.id, curves=True).run("new", 1)
    # It went on at step 3, and the points from before the kill are still in its curve.
    assert (Path(once).parent / "home/runs/toy" / kept.fingerprint / "new-1/steps").read_text() == (
        "0\n1\n2\n3\n4\n"
    )
    assert [step for step, _ in run.curves["loss [split=train]"]] == [0, 1, 2, 3, 4]


def test_without_resume_an_interrupted_run_starts_from_an_empty_folder(toy, store, tmp_path):
    todo = planned(toy, trouble="raise", once=str(tmp_path / "once"))
    study(toy.PAPER, todo, executor=InProcess(), store=store)
    assert study(toy.PAPER, todo, executor=InProcess(), store=store).state == "holds"
    (kept,) = store.studies()
    folder = tmp_path / "home/runs/toy" / kept.fingerprint / "new-1"
    assert folder.joinpath("steps").read_text() == "0\n1\n2\n3\n4\n"


# -- stopping a whole study

SCRIPT = """
import sys
sys.path.insert(0, {pages!r})
import toy
from practicum.errors import Interrupted
from practicum.lab.executor import InProcess, Processes
from practicum.lab.store import Store
from practicum.lab.study import Plan, study

if __name__ == "__main__":
    setup = toy.Setup(trouble="wait", once={once!r}, log={log!r})
    todo = Plan(slug="toy", preset="cpu", setup=setup, seeds=(0, 1, 2))
    executor = Processes(2, grace=1) if {workers} else InProcess()
    with Store() as store:
        try:
            study(toy.PAPER, todo, executor=executor, store=store)
        except Interrupted as stop:
            print(stop)
            sys.exit(130)
"""


@pytest.fixture
def stopped(toy, home, tmp_path):
    """Starts a study in a process of its own, sends it a signal in the middle of new-1."""

    def stop(number, workers, *, group=False):
        once, log = tmp_path / "once", tmp_path / "log"
        log.mkdir()
        pages = str(Path(toy.__file__).parent)
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(pages=pages, once=str(once), log=str(log), workers=workers))
        process = subprocess.Popen(
            [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not once.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        (os.killpg if group else os.kill)(process.pid, number)
        said, _ = process.communicate(timeout=30)
        setup = toy.Setup(trouble="wait", once=str(once), log=str(log))
        todo = Plan(slug="toy", preset="cpu", setup=setup, seeds=(0, 1, 2))
        return process.returncode, said, todo, log

    return stop


def pids(log):
    return {int(file.name.split("-")[2]) for file in log.iterdir()}


def gone(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("number", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True), (signal.SIGKILL, False)]
)
def test_a_stopped_study_leaves_whole_runs_and_goes_on(toy, stopped, workers, number, group):
    code, said, todo, log = stopped(number, workers, group=group)
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert (code, said.strip().endswith("go on with --resume")) == (130, True), said
    deadline = time.monotonic() + 10
    while not all(map(gone, pids(log))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(gone, pids(log))), "a worker outlived the study"

    with Store() as store:
        (kept,) = store.studies()
        assert kept.state == "failed"
        runs = store.rows(kept.id).runs
        assert {run.state for run in runs} <= {"done", "failed", "pending"}
        assert all(bool(run.numbers) == (run.state == "done") for run in runs)
        (failed,) = [run for run in runs if run.state == "failed" and run.arm == "new"]
        assert failed.error.startswith("interrupted")
        before = sum(run.state == "done" for run in runs)
        done_before = computed(log)
        verdict = study(toy.PAPER, todo, executor=InProcess(), store=store, resume=True)
        assert verdict.state == "holds"
        assert len(computed(log)) == len(done_before) + 9 - before
        assert before >= 4


def test_two_studies_do_not_compute_the_same_run(toy, store, tmp_path):
    todo = planned(toy, trouble="wait", once=str(tmp_path / "once"))
    other = []

    def meanwhile(event):
        if isinstance(event, Progress) and event.task.startswith("new · seed 0") and not other:
            other.append(1)
            with pytest.raises(StoreError, match="being computed by process"):
                study(toy.PAPER, todo, executor=InProcess(), store=store)

    (tmp_path / "once").touch()
    with listening(meanwhile):
        assert study(toy.PAPER, todo, executor=InProcess(), store=store).state == "holds"
    assert other


# -- what a listener hears, what a plan is


def test_progress_of_runs_and_of_the_study_is_heard(toy, store, executor):
    heard = []
    with listening(heard.append):
        study(toy.PAPER, planned(toy, seeds=1), executor=executor, store=store)
    progress = [event for event in heard if isinstance(event, Progress)]
    assert [event.done for event in progress if event.task == "toy"] == [0, 1, 2, 3]
    last = [event for event in progress if event.task == "new · seed 0 · training"][-1]
    assert (last.done, last.total, last.unit) == (5, 5, "steps")
    assert Note(text="new · seed 0: done") in heard


def test_a_listener_that_raises_stops_the_study_and_its_workers(toy, store, executor):
    def listener(event):
        if isinstance(event, Progress) and event.done:
            raise RuntimeError("the listener broke")

    with listening(listener), pytest.raises(RuntimeError, match="broke"):
        study(toy.PAPER, planned(toy), executor=executor, store=store)
    (kept,) = store.studies()
    assert "running" not in {run.state for run in store.rows(kept.id).runs}


def test_changed_configuration_says_that_an_unfinished_study_is_left(toy, store):
    with listening(lambda event: 1 / 0), contextlib.suppress(ZeroDivisionError):
        study(toy.PAPER, planned(toy), executor=InProcess(), store=store)
    store.mark(store.studies()[0].id, "failed")
    heard = []
    with listening(heard.append):
        study(toy.PAPER, planned(toy, effect=2.0), executor=InProcess(), store=store)
    assert any("the configuration changed" in str(event) for event in heard)


def test_a_plan_takes_overrides_seeds_and_a_first_seed(toy):
    made = plan(toy.PAPER, "toy", "cpu", seed=7, seeds=2, overrides=[("effect", "0.25")])
    assert made.setup == override(toy.Setup(), "effect", "0.25")
    assert made.seeds == (7, 8)
    assert plan(toy.PAPER, "toy", "smoke").seeds == (0,)
    assert plan(toy.PAPER, "toy", "cpu").seeds == (0, 1, 2)


def test_a_plan_that_makes_no_sense_is_refused(toy, store):
    with pytest.raises(ConfigError, match="0 seeds"):
        plan(toy.PAPER, "toy", "cpu", seeds=0)
    with pytest.raises(UnknownName, match="no preset 'cpus'; did you mean cpu"):
        plan(toy.PAPER, "toy", "cpus")
    with pytest.raises(ConfigError, match="choose one"):
        study(toy.PAPER, planned(toy), executor=InProcess(), store=store, resume=True, force=True)


def test_interrupted_by_the_page_itself_stops_the_study(toy, store, monkeypatch):
    def trouble(setup):
        raise Interrupted("asked to stop, saved at step 2")

    monkeypatch.setattr(toy, "trouble", trouble)
    with pytest.raises(Interrupted, match="toy was stopped; 4 of 9 runs are kept"):
        study(toy.PAPER, planned(toy), executor=InProcess(), store=store)


def test_an_arm_that_is_only_shown_runs_at_the_first_seed(toy, store):
    paper = replace(toy.PAPER, once=("new",), claims=(Claim("old scores", value=old, above=0),))
    verdict = study(paper, planned(toy), executor=InProcess(), store=store)
    (kept,) = store.studies("toy")
    rows = store.rows(kept.id)
    assert [run.seed for run in rows.runs if run.arm == "new"] == [0]
    assert len(rows.runs) == 3 * len(toy.ARMS) - 2
    assert not rows.failures
    assert verdict.state == "holds"
    asked = replace(paper, claims=(Claim("new scores", value=lambda r: r.new.score, above=0),))
    verdict = judge(asked, store.rows(kept.id, arms=paper.arms))
    assert verdict.state == "invalid"
    assert "'new' at seed 1 has not run" in verdict.reason


def old(r):
    return r.old.score + 10
