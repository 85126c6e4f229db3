"""The subcommands, one file for each noun."""
