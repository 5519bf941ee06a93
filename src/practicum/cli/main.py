"""`practicum`: finds the verb, runs it, and turns what goes wrong into one line.

A verb is a file beside this one whose `command` is a Click command; it is imported only when it is
called, so that help and the short verbs stay quick. Errors that a verb lets through end here.
"""

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from practicum.errors import Interrupted, PracticumError

VERBS = {
    "list": "The reading list, and how far it is built and tried.",
    "show": "One entry: claim, system, equation, files, last verdict.",
    "run": "Run an entry's experiment and judge its claims.",
    "report": "Write an entry's results, or the scoreboard, as one HTML file.",
    "sizes": "Published model sizes beside what we build.",
    "plan": "How large a model, on how many tokens, by your own scaling runs.",
    "train": "Train a language model or a translator on your own text.",
    "tokenize": "Train a tokenizer; encode, decode and compare text.",
    "generate": "Continue a prompt with a model.",
    "chat": "Talk with a model.",
    "serve": "Answer over HTTP, as OpenAI does.",
    "embed": "How alike texts are in meaning, or their vectors.",
    "translate": "Translate text with a translator that you trained.",
    "align": "Which source word each target word of a translation comes from.",
    "look": "What happens inside a model while it reads a text.",
    "rl": "Train and compare agents on your own environment.",
    "check-gradients": "Compare a function's gradient with finite differences.",
    "evaluate": "Bits per byte of a model on text, accuracy on a table, or pass@k on code.",
    "mine-functions": "Programming problems from your own project's test suite.",
    "docstring": "Docstrings for your own functions, by a model that reads their code.",
    "convert": "Rewrite a model as a transformers folder, or as one of ours.",
    "export": "A model as the folder that transformers, vLLM and others open.",
    "few-shot": "What examples in a prompt are worth, on your own labelled rows.",
    "bench": "How fast a server is under load.",
    "models": "What can be loaded here.",
    "data": "Corpora, vocabularies and models that can be brought.",
    "doctor": "What is installed, what is missing, and how to get it.",
}
BROKEN_PIPE, BAD_INPUT, INTERRUPTED = 1, 2, 130  # the first as Click and rich have it
NOT_UTF8 = "standard input is not UTF-8"
NO_MEMORY = "not enough memory; try a smaller model, batch or context"


class Verbs(click.Group):
    """A group that knows its verbs by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        return import_module(f"practicum.cli.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="practicum")
def practicum() -> None:
    """A machine-learning reading list that runs: every entry a page, every claim a test."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its status."""
    _set_up_input()
    status = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = BROKEN_PIPE
    if status == BROKEN_PIPE:  # else Python would complain once more while closing stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _set_up_input() -> None:
    """What is no UTF-8 is an error in every locale, and a closed input an empty one."""
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="strict")


def run(arguments: Sequence[str] | None = None) -> int:
    """0, or the exit status of what went wrong, after saying it in one line."""
    try:
        status = practicum.main(arguments, prog_name="practicum", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_text:
        click.echo(help_text.format_message(), err=True)
        return BAD_INPUT
    except click.UsageError as problem:
        where = problem.ctx.command_path if problem.ctx else "practicum"
        return _say(f"{problem.format_message()} (see {where} --help)")
    except click.ClickException as problem:
        return _say(problem.format_message())
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except Interrupted as problem:
        return _say(str(problem), INTERRUPTED)
    except PracticumError as problem:
        return _say(str(problem))
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as problem:  # disk full, no permission, a folder where a file was expected
        place = f": {problem.filename}" if problem.filename else ""
        return _say(f"{problem.strerror or problem}{place}")
    except UnicodeDecodeError as problem:  # files are read with their places
        byte = problem.object[problem.start]
        return _say(f"{NOT_UTF8} (byte {problem.start} is 0x{byte:02x}); convert it: iconv")
    except MemoryError:
        return _say(NO_MEMORY)
    except RuntimeError as problem:  # which is how torch says it, on any device
        if "allocate memory" not in str(problem) and "out of memory" not in str(problem):
            raise
        return _say(NO_MEMORY)


def _say(problem: str, status: int = BAD_INPUT) -> int:
    click.echo(f"error: {' '.join(problem.split())}", err=True)
    return status
