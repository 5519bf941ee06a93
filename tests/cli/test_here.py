"""`sizes` counts what is published, `doctor` looks around without failing."""

import json

import pytest
from click.testing import CliRunner

from practicum.cli.main import practicum


def rows(*arguments):
    result = CliRunner().invoke(practicum, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_every_published_size_is_met():
    sizes = rows("sizes", "--context", "100")
    assert {row["family"] for row in sizes} >= {"gpt2", "llama"}
    assert all(row["equal"] for row in sizes), sizes


def test_sizes_of_one_family():
    assert [row["size"] for row in rows("sizes", "gpt2")] == ["small", "medium", "large", "xl"]


def test_sizes_at_several_contexts():
    found = rows("sizes", "mistral", "--context", "4096", "--context", "32768")
    assert [row["context"] for row in found] == [4096, 32768]
    short, long = (row["cache_bytes"] for row in found)
    assert short == 2 * 32 * 8 * 128 * 4096 * 2
    assert long < 1.02 * short  # the window's 4,096 tokens, and a little slack


def test_the_doctor_names_device_threads_and_disk():
    found = {row["what"]: row for row in rows("doctor")}
    for what in ("python", "torch", "device", "instruction set", "threads", "home", "free disk"):
        assert found[what]["found"], what


def test_the_doctor_survives_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "file" / "below"))
    found = {row["what"]: row for row in rows("doctor")}
    assert found["home"]["found"] == "not writable"
    assert "PRACTICUM_HOME" in found["home"]["advice"]


@pytest.mark.parametrize("missing", ["datasets", "psycopg"])
def test_the_doctor_says_how_to_get_what_is_missing(missing, monkeypatch):
    from practicum.cli import doctor

    monkeypatch.setattr(doctor, "_version", lambda package: "" if package == missing else "1.0")
    found = {row["what"]: row for row in rows("doctor")}
    assert found[missing]["found"] == "missing"
    assert "pip install" in found[missing]["advice"]
