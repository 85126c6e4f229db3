from core.digest import stage_digest

BASE = {
    "stage": "trim",
    "version": 1,
    "params": {"keep": [["0", "5"]]},
    "inputs": {"source": "sha256:ab"},
    "account": "acc_1",
}


def test_the_same_work_has_the_same_digest():
    again = {**BASE, "params": {"keep": [["0", "5"]]}}
    assert stage_digest(**BASE) == stage_digest(**again)
    assert len(stage_digest(**BASE)) == 64


def test_the_order_of_keys_does_not_matter():
    one = stage_digest(**{**BASE, "params": {"a": 1, "b": 2}})
    two = stage_digest(**{**BASE, "params": {"b": 2, "a": 1}})
    assert one == two


def test_everything_counts():
    changes = [
        {"stage": "brand"},
        {"version": 2},
        {"params": {"keep": [["0", "6"]]}},
        {"params": {"keep": [["0", None]]}},
        {"inputs": {"source": "sha256:ac"}},
        {"inputs": {"body": "sha256:ab"}},
        {"account": "acc_2"},
    ]
    digests = {stage_digest(**(BASE | change)) for change in changes} | {stage_digest(**BASE)}
    assert len(digests) == len(changes) + 1
