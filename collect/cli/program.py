"""The program as click groups: help in the reader's language, and every failure as one sentence and an exit status.

0 done · 1 a finding, a refusal or a failure · 2 wrong usage · 3 the surroundings (database, disk, network).
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from collect.cli.words import gettext, mark, start_language
from collect.domain.errors import Refusal

DONE, FINDING, USAGE, SURROUNDINGS = 0, 1, 2, 3

# What drivers call the faults of the surroundings (PEP 249); told by name, so that no driver is loaded to look at a fault.
_DATABASE_AWAY = {"OperationalError", "InterfaceError"}


class Command(click.Command):
    """A command whose help is translated when it is shown; `example` is the line its help ends with."""

    def __init__(self, *arguments: Any, example: str = "", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.example = example

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_usage(self, ctx, formatter)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_text(self.help, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_example(self.example, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:
        first = re.match(r".*?(?:\.(?= |$)|。|$)", gettext(self.help or ""))
        return first[0].rstrip(".。") if first else ""


class Group(click.Group):
    """A group of commands, translated like them."""

    command_class = Command

    def __init__(self, *arguments: Any, example: str = "", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.example = example

    format_usage = Command.format_usage
    format_help_text = Command.format_help_text
    format_epilog = Command.format_epilog
    get_short_help_str = Command.get_short_help_str

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands in alphabetical order, each with the first line of its help."""
        rows = [(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)]
        with formatter.section(gettext(mark("Commands"))):
            formatter.write_dl(rows)


Group.group_class = Group


def _write_usage(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=gettext(mark("Usage: ")))


def _write_text(text: str | None, formatter: click.HelpFormatter) -> None:
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(gettext(text or ""))


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    rows = []
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            own, _, extra = (parameter.help or ""), *record[1].partition(parameter.help or "\0")[1:]
            told = gettext(own if parameter.name != "help" else mark("Show this message and exit.")) if own else ""
            rows.append((record[0], told + extra.replace("default: ", gettext(mark("default: ")))))
    with formatter.section(gettext(mark("Options"))):
        formatter.write_dl(rows)


def _write_example(example: str, formatter: click.HelpFormatter) -> None:
    if example:
        with formatter.section(gettext(mark("Example"))):
            for line in example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Program(Group):
    """The outermost group: it alone decides what is printed when something fails, and with which status the process ends."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None, standalone_mode: bool = True, **extra: Any) -> NoReturn:
        """Run and end the process with its exit status; `standalone_mode` is always in force."""
        start_language()
        speak_utf8()
        run = super().main
        sys.exit(self._finished(lambda: run(args, prog_name or "collect", complete_var, False, **extra)))

    def _finished(self, run: Callable[[], Any]) -> int:
        """Run a command; its exit status, after its failure has been said on standard error."""
        try:
            status = run()
            sys.stdout.flush()
            return status if isinstance(status, int) else DONE
        except Refusal as refusal:
            from collect.sentences import say

            return self._fail(say(refusal), FINDING)
        except click.ClickException as problem:
            _say_usage(problem)
            return USAGE
        except (click.Abort, KeyboardInterrupt, EOFError):
            return self._fail(gettext("Stopped: what was not finished has changed nothing."), FINDING)
        except BrokenPipeError:
            # The reader of our output has gone (`| head`): what was to be done is done, and nobody is left to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        except SystemExit as end:
            # click ends the process itself when a pipe breaks while it prints, and leaves this mark.
            return DONE if type(sys.stdout).__name__ == "_PacifyFlushWrapper" else int(end.code or DONE)
        except Exception as problem:
            return self._fail(*_trouble(problem))

    @staticmethod
    def _fail(sentence: str, status: int) -> int:
        click.echo(sentence, err=True)
        return status


def _say_usage(problem: click.ClickException) -> None:
    """What is wrong with the words typed, and where to read the right ones."""
    ctx = getattr(problem, "ctx", None)
    click.echo(_usage_sentence(problem), err=True)
    if ctx is not None and not isinstance(problem, click.exceptions.NoArgsIsHelpError):
        click.echo(gettext("See `{command} --help`.", command=ctx.command_path), err=True)


def _usage_sentence(problem: click.ClickException) -> str:
    """What click found wrong, as a sentence of ours in the reader's language."""
    near = getattr(problem, "possibilities", None)
    meant = " " + gettext("Did you mean {words}?", words=", ".join(near)) if near else ""
    if isinstance(problem, click.NoSuchOption):
        return gettext("There is no option {name}.", name=problem.option_name) + meant
    if hasattr(problem, "command_name"):
        return gettext("There is no command {name}.", name=problem.command_name) + meant
    if isinstance(problem, click.BadParameter):
        parameter = problem.param
        name = parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.make_metavar(problem.ctx) if parameter and problem.ctx else ""
        if isinstance(problem, click.MissingParameter):
            return gettext("{name} is missing.", name=name)
        return gettext("{name}: {reason}.", name=name, reason=problem.message.rstrip("."))
    return problem.format_message()


def _trouble(problem: Exception) -> tuple[str, int]:
    """A failure as one sentence and its exit status; only a fault of the program itself shows where it happened."""
    cause = getattr(problem, "orig", None) or problem
    reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(". ")
    names = {kind.__name__ for kind in (*type(problem).__mro__, *type(cause).__mro__)}
    if names & _DATABASE_AWAY:
        return gettext("The database cannot be used now: {reason}. Correct that and run the command again.", reason=reason), SURROUNDINGS
    if type(cause).__name__ == "DatabaseError":
        return gettext("The database file cannot be read ({reason}): move it away and put a backup in its place with `collect db restore FILE`.", reason=reason), SURROUNDINGS
    if isinstance(problem, OSError):
        reason = problem.strerror or reason
        if problem.filename:
            # A file is written under a name of its own first; the person knows only the name he gave.
            place = Path(os.fsdecode(problem.filename))
            name = re.sub(r"^\.(.+)\.[a-z0-9_]{8}\.partial$", r"\1", place.name)
            return gettext("The system refused {file}: {reason}.", file=place.with_name(name), reason=reason), SURROUNDINGS
        return gettext("The system refused this: {reason}.", reason=reason), SURROUNDINGS
    traceback.print_exception(problem)
    told = gettext("This is a fault of the program, not of what you typed: please report {name} with the lines above.", name=type(problem).__name__)
    return told, FINDING


def speak_utf8() -> None:
    """Write UTF-8 whatever the system's encoding is: files and other programs read what we print."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower() not in ("utf-8", "utf8"):
            reconfigure(encoding="utf-8", errors="backslashreplace")
