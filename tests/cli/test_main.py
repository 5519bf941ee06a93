"""Help and the short verbs are quick, every verb is there, and mistakes cost one line."""

import json
import os
import resource
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from practicum.cli import main
from practicum.errors import Interrupted, PracticumError

COMMAND = (sys.executable, "-c", "from practicum.cli.main import main; main()")


def practicum(*arguments, **options):
    """The command line in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["show", "gpt2"]])
def test_short_verbs_do_not_import_what_is_heavy(arguments):
    code = (
        "import sys; from practicum.cli.main import run; "
        f"assert run({arguments!r}) == 0; "
        "heavy = {'torch', 'numpy', 'sqlalchemy', 'alembic', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_listing_takes_less_than_half_a_second_of_the_processor():
    def seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        practicum("list")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.parametrize("verb", main.VERBS)
def test_every_verb_explains_itself(verb):
    result = CliRunner().invoke(main.practicum, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: practicum " + verb)


def test_listing_as_json_gives_all_entries_in_order():
    rows = json.loads(CliRunner().invoke(main.practicum, ["list", "--json"]).output)
    assert len(rows) == 88
    assert rows[0]["slug"] == "short-intro-ml"


def test_listing_can_be_narrowed():
    arguments = ["list", "--json", "--tier", "2", "--section", "production"]
    rows = json.loads(CliRunner().invoke(main.practicum, arguments).output)
    assert [row["slug"] for row in rows] == ["data-intensive", "training-recipe"]


def test_listing_can_be_asked_for_a_way_of_learning():
    arguments = ["list", "--json", "--signal", "reinforcement", "--technique", "classical"]
    rows = json.loads(CliRunner().invoke(main.practicum, arguments).output)
    assert [row["slug"] for row in rows] == ["deep-rl"]
    assert rows[0]["technique"] == ["classical", "deep"]


def test_an_entry_without_a_page_is_still_shown():
    result = CliRunner().invoke(main.practicum, ["show", "opt"])
    assert result.exit_code == 0
    assert "https://arxiv.org/abs/2205.01068" in result.output  # the corrected link


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (PracticumError("no such thing"), 2, "error: no such thing\n"),
        (PracticumError("two\nlines"), 2, "error: two lines\n"),
        (Interrupted("saved at step 3"), 130, "error: saved at step 3\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device\n"),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: Permission denied: /x\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_whatever_goes_wrong_is_one_line(monkeypatch, capsys, raised, status, said):
    def raising(*_arguments, **_options):
        raise raised

    monkeypatch.setattr(main.practicum, "main", raising)
    assert main.run(["list"]) == status
    assert capsys.readouterr().err == said


def test_mistakes_of_our_own_keep_their_traceback(monkeypatch):
    def raising(*_arguments, **_options):
        raise AssertionError("a bug")

    monkeypatch.setattr(main.practicum, "main", raising)
    with pytest.raises(AssertionError):
        main.run(["list"])


def test_a_reader_that_stops_reading_is_no_error():
    with subprocess.Popen(
        [*COMMAND, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, main.BROKEN_PIPE)


def test_an_unknown_verb_or_option_is_one_line():
    for arguments in (["lst"], ["list", "--teir", "1"], ["list", "--tier", "9"], ["show"]):
        result = practicum(*arguments)
        assert result.returncode == 2
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


def test_control_c_is_one_line():
    code = (
        "import practicum.cli.list as verb, time, click\n"
        "from practicum.cli.main import main\n"
        "def wait(): print('up', flush=True); time.sleep(60)\n"
        "verb.command = click.Command('list', callback=wait)\n"
        "main(['list'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 130
    assert said.strip() == "error: interrupted"


def test_typed_bytes_that_are_no_text_are_named_in_every_locale():
    for locale in ("C", "C.UTF-8"):
        said = subprocess.run(
            [*COMMAND, "tokenize", "encode", "bytes"],
            input="naïve".encode("latin-1"),
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": locale},
        )
        assert said.returncode == 2
        assert said.stderr.startswith(b"error: standard input is not UTF-8 (byte 2 is 0xef)")


def test_a_closed_standard_input_is_an_empty_one():
    said = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "embed", "--file", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (
        2,
        "error: standard input holds no text; expected one in each line\n",
    )
