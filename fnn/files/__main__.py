"""`python -m fnn.files`: look into files of other libraries, and convert them."""

import argparse
import sys

from fnn.files import safetensors, t7
from fnn.files.t7 import walk


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 1 if a file is not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m fnn.files", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="list what is in a .t7 file")
    inspect.add_argument("file")
    convert = commands.add_parser("convert", help="write the tensors of a .t7 file as safetensors")
    convert.add_argument("file")
    convert.add_argument("target")
    for command in (inspect, convert):
        command.add_argument("--mode", help="binary, b32 or ascii; otherwise it is found out")
    given = parser.parse_args(arguments)
    try:
        value = t7.load(given.file, given.mode)
        if given.command == "inspect":
            print(*walk.listing(value), sep="\n")
        else:
            arrays = walk.tensors(value)
            safetensors.save(given.target, arrays)
            print(f"{len(arrays)} tensors")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
