"""The embedded stack: the whole system on one machine, as processes of the `Procfile`, all state in one folder."""
