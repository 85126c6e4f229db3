"""The operator's commands: `cutwork admin`, or `python -m admin` where only the server is installed."""
