import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from practicum.errors import StoreError
from practicum.lab import owner as owners
from practicum.lab.database import MIGRATIONS, open_database, writing
from practicum.lab.job import Job, Outcome
from practicum.lab.owner import Owner, is_alive, this_process
from practicum.lab.store import Store
from practicum.lab.tables import REVISION, Table

STUDY = {"slug": "toy", "preset": "cpu", "fingerprint": "f" * 12, "code": "c" * 12, "setup": {}}
OUTCOME = Outcome(
    job=Job(page="toy", setup=None, arm="old", seed=0, folder="/nowhere"),
    numbers={"score": 1.5, "broken": None},
    curves={"loss": ((0, 3.0), (1, float("nan")), (2, 1.0))},
    artifacts={"sample": "/elsewhere/sample.txt"},
    seconds=2.0,
    device="toy",
)
WORKERS = 8


def begun(store, arm="old", seed=0, **options):
    """A study with one run that this process computes."""
    study = store.study(**STUDY)
    store.enlist(study.id, [(arm, seed)])
    return study.id, store.start(study.id, arm, seed, **options)


def dead_process():
    return subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    ).stdout


def test_a_run_is_written_whole_and_read_back(store):
    study, ticket = begun(store)
    assert store.rows(study).run("old", 0).state == "running"
    store.finish(ticket, OUTCOME)
    run = store.rows(study, curves=True).run("old", 0)
    assert (run.state, run.numbers, run.seconds) == ("done", OUTCOME.numbers, 2.0)
    assert repr(run.curves) == repr(OUTCOME.curves)  # repr, because nan is not equal to nan
    assert store.artifacts(study) == {("old", 0): {"sample": Path("/elsewhere/sample.txt")}}
    origin = store.rows(study).origin
    assert (origin.device, origin.wall_seconds) == ("toy", 2.0)
    assert "python" in origin.versions


def test_the_same_fingerprint_is_the_same_study(store):
    assert store.study(**STUDY).id == store.study(**STUDY).id
    assert store.study(**{**STUDY, "fingerprint": "0" * 12}).id != store.study(**STUDY).id
    assert len(store.studies("toy")) == 2
    assert store.studies("other") == []


def test_a_run_that_is_done_is_not_started_unless_asked(store):
    study, ticket = begun(store)
    store.finish(ticket, OUTCOME)
    with pytest.raises(StoreError, match="in the meantime"):
        store.start(study, "old", 0)
    store.start(study, "old", 0, again=True)
    assert store.rows(study).run("old", 0).numbers == {}


def test_a_run_is_computed_by_one_process_at_a_time(store):
    study, _ = begun(store)
    with pytest.raises(StoreError, match=f"being computed by process {os.getpid()} on"):
        store.start(study, "old", 0, resume=True)


def test_a_run_of_a_dead_process_is_shown_as_failed_and_can_be_taken_over(store, monkeypatch):
    dead = replace(this_process(), pid=int(dead_process()))
    monkeypatch.setattr("practicum.lab.store.this_process", lambda: dead)
    study, old = begun(store)
    store.mark(study, "running")
    monkeypatch.undo()
    run = store.rows(study).run("old", 0)
    assert (run.state, run.error) == ("failed", f"interrupted: {dead} is gone")
    assert store.studies()[0].state == "failed"
    new = store.start(study, "old", 0)
    with pytest.raises(StoreError, match="taken over"):
        store.finish(old, OUTCOME)
    store.finish(new, OUTCOME)
    assert store.rows(study).run("old", 0).state == "done"


def test_a_run_on_another_machine_is_left_alone_unless_resumed(store, monkeypatch):
    away = Owner(pid=1, host="elsewhere", born="1")
    monkeypatch.setattr("practicum.lab.store.this_process", lambda: away)
    study, _ = begun(store)
    monkeypatch.undo()
    assert store.rows(study).run("old", 0).state == "running"
    with pytest.raises(StoreError, match="take over with --resume"):
        store.start(study, "old", 0)
    store.start(study, "old", 0, resume=True)


def test_a_number_given_to_a_later_process_does_not_revive_a_run():
    me = this_process()
    assert is_alive(me)
    if owners._born(me.pid):  # Linux says when a process began
        assert is_alive(replace(me, born="0")) is False
    assert is_alive(replace(me, host="elsewhere")) is None


def test_an_interruption_touches_only_what_still_runs(store):
    study, ticket = begun(store)
    _, other = begun(store, arm="new")
    store.finish(ticket, OUTCOME)
    store.interrupt(study, [ticket, other])
    states = {run.arm: (run.state, run.error) for run in store.rows(study).runs}
    assert states == {"old": ("done", ""), "new": ("failed", "interrupted")}


def test_a_writer_that_fails_leaves_nothing(store):
    study, ticket = begun(store)
    torn = replace(OUTCOME, numbers={"score": 1.0, "\ud800": 2.0})  # no database takes half a pair
    with pytest.raises(UnicodeEncodeError):
        store.finish(ticket, torn)
    run = store.rows(study, curves=True).run("old", 0)
    assert (run.state, run.numbers, run.curves) == ("running", {}, {})


def test_files_below_the_home_move_with_it(store, home, monkeypatch):
    study, ticket = begun(store)
    store.finish(ticket, replace(OUTCOME, artifacts={"sample": str(home / "runs/a.txt")}))
    store.save_pictures(study, {"claims": home / "runs/claims.png"})
    monkeypatch.setenv("PRACTICUM_HOME", str(home.parent / "moved"))
    moved = home.parent / "moved/runs"
    assert store.artifacts(study)["old", 0]["sample"] == moved / "a.txt"
    assert store.pictures(study) == {"claims": moved / "claims.png"}


# -- many processes at once


def _write_some(home, worker, barrier):
    os.environ["PRACTICUM_HOME"] = home
    barrier.wait()
    with Store() as store:  # all eight meet an empty home
        study = store.study(**STUDY).id
        for seed in range(5):
            store.enlist(study, [(f"arm{worker}", seed)])
            ticket = store.start(study, f"arm{worker}", seed)
            curve = tuple((step, worker + step / 7) for step in range(100))
            outcome = replace(OUTCOME, numbers={"worker": float(worker)}, curves={"loss": curve})
            store.finish(ticket, outcome)


def test_eight_processes_open_a_new_store_and_lose_nothing(home):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(WORKERS)
    crew = [
        context.Process(target=_write_some, args=(str(home), worker, barrier))
        for worker in range(WORKERS)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join(120)
    assert [process.exitcode for process in crew] == [0] * WORKERS
    with Store() as store:
        (study,) = store.studies()
        rows = store.rows(study.id, curves=True)
    assert len(rows.runs) == 5 * WORKERS
    for run in rows.runs:
        worker = int(run.arm.removeprefix("arm"))
        assert (run.state, run.numbers) == ("done", {"worker": worker})
        assert run.curves["loss"] == tuple((step, worker + step / 7) for step in range(100))


# -- migrations


def test_migrations_from_nothing_give_the_tables_of_the_code(home):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_database()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_expects():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


def test_opening_twice_migrates_once_and_without_alembic(store):
    code = "import sys; from practicum.lab.store import Store; Store().close(); "
    code += "print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_a_store_of_a_newer_version_is_refused(store):
    engine = open_database()
    with writing(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer practicum .*revision 9999, known is 0001"):
        Store()


# -- what can go wrong


def one_line(problem):
    assert "\n" not in str(problem.value)
    return str(problem.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "'nonsense' is no store; expected sqlite:"),
        ("mysql://me:secret@host/db", "cannot be kept in 'mysql'"),
        ("sqlite+aiosqlite:///x.db", "cannot be kept in 'sqlite"),
        ("postgresql://me:secret@host:port/db", "is no store"),
        ("sqlite:////no/such/folder/x.db", "unable to open"),
    ],
)
def test_a_wrong_url_is_answered_in_one_line_without_its_password(url, says):
    with pytest.raises(StoreError) as problem:
        Store(url)
    assert says in one_line(problem)
    assert "secret" not in one_line(problem)


@pytest.mark.parametrize(
    "content", [b"this is no database at all" * 100, b"SQLite format 3\0" * 99]
)
def test_a_corrupt_file_is_answered_in_one_line(home, content):
    home.mkdir()
    (home / "practicum.db").write_bytes(content)
    with pytest.raises(StoreError, match="move the file away"):
        Store()


def test_a_home_that_cannot_be_made_is_answered_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StoreError, match="set PRACTICUM_HOME to a writable folder"):
        Store()


def test_a_full_disk_is_answered_in_one_line_and_leaves_the_run_as_it_was(store):
    study, ticket = begun(store)
    engine = store._engine
    with engine.connect() as connection:  # a limit on pages is how SQLite plays a full disk
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    big = replace(OUTCOME, curves={"loss": tuple((step, 0.5) for step in range(5000))})
    with pytest.raises(StoreError, match="disk is full; free some space") as problem:
        store.finish(ticket, big)
    one_line(problem)
    assert store.rows(study).run("old", 0).state == "running"


def test_a_store_that_may_only_be_read_says_so(store, home):
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="readonly database; set PRACTICUM_HOME"):
        store.study(**STUDY)


def test_the_environment_names_the_store(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_STORE", f"sqlite:///{tmp_path}/else where%.db")
    with Store() as store:
        begun(store)
    with contextlib.closing(sqlite3.connect(tmp_path / "else where%.db")) as connection:
        assert connection.execute("select count(*) from runs").fetchone() == (1,)
    assert not (home / "practicum.db").exists()


@pytest.mark.skipif(
    "PRACTICUM_TEST_POSTGRES" not in os.environ,
    reason="needs a PostgreSQL server: set PRACTICUM_TEST_POSTGRES to the URL of an empty database",
)
def test_postgresql_keeps_the_same_rows(home, monkeypatch):
    url = os.environ["PRACTICUM_TEST_POSTGRES"]
    monkeypatch.setenv("PRACTICUM_STORE", url)
    test_eight_processes_open_a_new_store_and_lose_nothing(home)
    with Store(url) as store:
        study, ticket = begun(store, arm="last")
        store.finish(ticket, OUTCOME)
        run = store.rows(study, curves=True).run("last", 0)
    assert (run.state, run.numbers) == ("done", OUTCOME.numbers)
    assert repr(run.curves) == repr(OUTCOME.curves)
