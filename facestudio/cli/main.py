"""The entry point of the command line. It imports nothing slow by itself, so that Ctrl-C is answered from the first moment."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text that a screen can show
    try:
        from facestudio.cli.console import quiet_engines
        from facestudio.cli.verbs import app

        quiet_engines()
        app()
    except KeyboardInterrupt:  # before a verb began to listen for it, or after it ended
        sys.exit(130)


if __name__ == "__main__":
    main()
