"""`python -m cli` is `cutwork`."""

from cli.main import main

main()
