import time

from core.ids import new_id


def test_ids_bear_their_prefix_and_never_repeat():
    ids = [new_id("job") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(one) == 30 and one.startswith("job_") for one in ids)


def test_ids_sort_by_time():
    first = new_id("job")
    time.sleep(0.002)
    assert first < new_id("job")
