"""What a process said before it ended counts, however late it is heard."""

import os
import queue

import pytest

from cli.errors import StackError
from cli.stack.manager import Logs, StackManager


def test_one_that_ends_just_after_the_queue_was_found_empty_is_named_by_its_code(tmp_path, monkeypatch):
    gate, code = tmp_path / "gate", 7
    os.mkfifo(gate)
    manager = StackManager(Logs(tmp_path, None), waits={}, last=(), grace_s=60)
    manager.add_process("light", f'read line < "{gate}"; echo "no such queue"; exit {code}')
    get, late = manager.events.get, []

    def empty_once(**options):
        if late:
            return get(**options)
        late.append(True)
        gate.write_text("go on\n")
        manager._processes["light"]["process"].join()
        raise queue.Empty

    monkeypatch.setattr(manager.events, "get", empty_once)
    with pytest.raises(StackError, match=f"light ended with exit code {code}") as caught:
        manager.loop()
    assert "no such queue" in caught.value.log
