"""torch.CmdLine: a program's options and arguments, its help, and a log of what it prints."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from fnn.errors import require
from fnn.torch7.printing import tostring
from fnn.torch7.table import Fields
from fnn.torch7.types import type_of

HELP = ("-h", "-help", "--help")


class Entry(NamedTuple):
    """An option, which has a default, or an argument, which has none."""

    key: str
    default: Any
    help: str | None
    type: str | None

    @property
    def name(self) -> str:
        """The key in the parameters: without dashes."""
        return self.key.lstrip("-")

    @property
    def title(self) -> str:
        """What stands in front of the help."""
        return f"<{self.name}>" if self.default is None else self.key


def number(value: str) -> float | None:
    """The number that a text says, if it says one."""
    try:
        found = int(value, 0) if value[:2].lower() == "0x" else float(value)
    except ValueError:
        return None
    return int(found) if found % 1 == 0 else found


class CmdLine:
    """The command line of a program.

    >>> cmd = CmdLine()
    >>> cmd.option("-rate", 0.1, "learning rate")
    >>> cmd.parse(["-rate", "0.5"])
    {
      rate : 0.5
    }
    """

    typename = "torch.CmdLine"

    def __init__(self, argseparator: str = ",", keyseparator: str = "="):
        self.argseparator, self.keyseparator = argseparator, keyseparator
        self.options: dict[str, Entry] = {}
        self.arguments: list[Entry] = []
        self.helplines: list[Entry | str] = []
        self.dateformat: str | None = None
        self.silentio = False

    def option(
        self, key: str, default: Any, help: str | None = None, type: str | None = None
    ) -> None:
        """A value that may be given: of the type of its default. A flag is given without one."""
        found = type_of(default)
        require(
            default is not None and type in (None, found),
            "CmdLine.option",
            f"{key} with the default {tostring(default)}",
            f"a default{f', of type {type}' if type else ''}",
            "what has no default is an argument; types are boolean, number and string",
        )
        self.options[key] = Entry(key, default, help, found)
        self.helplines.append(self.options[key])

    def argument(self, key: str, help: str | None = None, type: str | None = None) -> None:
        """A value that must be given, in the order of these calls."""
        self.arguments.append(Entry(key, None, help, type))
        self.helplines.append(self.arguments[-1])

    def text(self, txt: str = "") -> None:
        """A line of the help."""
        self.helplines.append(txt)

    def default(self) -> dict[str, Any]:
        """What the options are if none is given."""
        return {entry.name: entry.default for entry in self.options.values()}

    def parse(self, arg: Iterable[str] | None = None) -> Fields:
        """The parameters that words say, by default those of this program's command line."""
        words = iter(sys.argv[1:] if arg is None else arg)
        params, given = Fields(self.default()), 0
        for word in words:
            if word in HELP:
                self.help(sys.argv)
                raise SystemExit(0)
            if word in self.options:
                entry = self.options[word]
                params[entry.name] = self._option(entry, words)
                continue
            if given == len(self.arguments):
                self.error(f"invalid argument: {word}")
            params[self.arguments[given].name] = self._argument(self.arguments[given], word)
            given += 1
        if given < len(self.arguments):
            self.error("not enough arguments")
        return params

    def _option(self, entry: Entry, words: Any) -> Any:
        if entry.type == "boolean":
            return not entry.default
        value = next(words, None)
        if value is None:
            self.error(f"missing argument for option {entry.key}")
        found = number(value) if entry.type == "number" else value
        if found is None:
            self.error(f"invalid type for option {entry.key} (should be {entry.type})")
        return found

    def _argument(self, entry: Entry, word: str) -> Any:
        if entry.type not in (None, "string"):
            kind = f"(should be {entry.type})"
            self.error(f"invalid argument type for argument {entry.key} {kind}")
        return word

    def string(
        self, prefix: str | None, params: dict[str, Any], ignore: dict[str, bool] | Sequence = ()
    ) -> str:
        """A name for a run: the prefix, the arguments, and the options that aren't as by default.

        Those in `ignore` are left out; where it says False, an option appears also as by default.
        """
        ignored = ignore if isinstance(ignore, dict) else dict.fromkeys(ignore, True)
        options, places = [], {entry.name: i for i, entry in enumerate(self.arguments)}
        arguments: dict[int, str] = {}
        for name, value in params.items():
            option = self.options.get(f"-{name}")
            word = tostring(value)[0] if isinstance(value, bool) else tostring(value)
            if ignored.get(name):
                print(f"-- ignore option {name}")
            elif option is not None:
                if value != option.default or name in ignored:
                    options.append(f"{name}{self.keyseparator}{word}")
                    print(name, word, tostring(option.default), sep="\t")
            elif name in places:
                arguments[places[name]] = f"{name}{self.keyseparator}{word}"
            else:
                print(f"WARNING: unknown option/argument: {name} IGNORING for DIRECTORY NAME")
        # A list of arguments is followed by a separator even where no option comes.
        first = [arguments[i] for i in sorted(arguments)]
        parts = [prefix or "", *first, *(sorted(options) or ([""] if first else []))]
        return self.argseparator.join(parts)

    def log(self, file: str | IO[str], params: dict[str, Any] | None = None) -> None:
        """From now on write what `print` prints to a file, too."""
        if isinstance(file, str):
            Path(file).write_text("")
        builtins.print = self._logging(builtins.print, file)
        print(f"[program started on {datetime.now():%c}]")
        print("[command line arguments]")
        for name, value in (params or {}).items():
            print(name, tostring(value), sep="\t")
        print("[----------------------]")

    def _logging(self, screen: Callable, out: str | IO[str]) -> Callable:
        """A `print` that also writes to a file, words after the time, each followed by a blank."""
        screen = getattr(screen, "screen", screen)

        def tee(*words: Any, file: Any = None, **options: Any) -> None:
            if file is not None or not self.silentio:
                screen(*words, file=file, **options)
            if file is not None:
                return
            dates = [datetime.now().strftime(self.dateformat)] if self.dateformat else []
            with open(out, "a") if isinstance(out, str) else nullcontext(out) as log:
                log.write(" ".join([*dates, *map(tostring, words), "\n"]))
                log.flush()

        tee.screen = screen  # type: ignore[attr-defined]  a new log takes the place of the last
        return tee

    def silent(self) -> None:
        """Have what is logged not appear on the screen."""
        self.silentio = True

    def addTime(self, name: str | None = None, format: str = "%Y-%m-%d %H:%M:%S") -> None:
        """Begin each line of the log with the time, and a name."""
        self.dateformat = format + ("" if name is None else f"[{name}]: ")

    def help(self, arg: Sequence[str] | None = None) -> None:
        """Print how the program is called; `arg` begins with its name."""
        program = [] if arg is None else [arg[0]]
        names = [f"<{entry.name}>" for entry in self.arguments]
        print("Usage:", *program, "[options]", *names)
        entries = [line for line in self.helplines if isinstance(line, Entry)]
        width = max((len(entry.title) for entry in entries), default=0)
        for line in self.helplines:
            if isinstance(line, Entry):
                help = "" if line.help is None else f" {line.help}"
                default = "" if line.default is None else f" [{tostring(line.default)}]"
                line = f"  {line.title:{width}}{help}{default}"
            print(line)

    def error(self, msg: str) -> NoReturn:
        """Print what is wrong and the help, and leave the program."""
        print()
        print(msg, end="", file=sys.stderr, flush=True)
        print()
        self.help()
        raise SystemExit(1)
