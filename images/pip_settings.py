"""Prints this machine's settings of pip as one pip.conf: those of all its files and of the environment."""

import ast
import subprocess
import sys

listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
found = {}
for line in listed.stdout.splitlines():
    name, _, value = line.partition("=")
    section, _, key = name.rpartition(".")
    # The certificates are mounted where Debian has them; `config-file` would name a file of this machine.
    if section in (":env:", "global", "install") and key not in ("cert", "config-file"):
        found[key] = ast.literal_eval(value)
sys.stdout.writelines(["[global]\n", *(f"{key} = {value}\n" for key, value in found.items())])
