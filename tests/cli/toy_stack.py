"""Runs the stack of a folder that holds a Procfile: `toy_stack.py ROOT HOME API_PORT FLOWER_PORT BROKER_PORT`."""

import os
import sys
from pathlib import Path

from cli.errors import StackError
from cli.stack.home import Home
from cli.stack.ports import Ports
from cli.stack.serve import serve

if __name__ == "__main__":
    root, home, *ports = sys.argv[1:]
    try:
        serve(
            Home(Path(home)),
            Ports(*map(int, ports)),
            os.environ,
            screen=None,
            on_ready=lambda _: print("ready", flush=True),
            root=Path(root),
            # Toys end at once when they are asked, however slow the machine: that none is killed is in their logs.
            grace_s=300,
        )
    except StackError as error:
        print(error.code, error.message, *error.log, sep="\n", flush=True)
        sys.exit(error.exit_code)
