"""The short form of `make chaos`: every kind of fault once, with leases of three seconds."""

import pytest

from tests.chaos import scenario, whole

SEED, JOBS, LEASE_S = 3, 12, 3
SETTINGS = {"LEASE_S": str(LEASE_S), "RECONCILE_EVERY_S": "1", "REDELIVER_AFTER_S": "5"}


def test_a_seed_always_gives_the_same_scenario():
    first, again = (scenario.draw(7, jobs=200, faults=100, lease_s=15) for _ in range(2))
    assert first.timeline() == again.timeline()
    assert scenario.draw(8, jobs=200, faults=100, lease_s=15).timeline() != first.timeline()


def test_every_kind_of_fault_comes_before_any_comes_again():
    faults = scenario.draw(SEED, jobs=JOBS, faults=len(scenario.STORM), lease_s=LEASE_S).faults
    assert {fault.kind for fault in faults} == set(scenario.STORM)


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_nothing_is_lost_whatever_dies(tmp_path, s3_endpoint):
    plan = scenario.draw(SEED, jobs=JOBS, faults=len(scenario.STORM), lease_s=LEASE_S)
    verdict, figures = whole.run(plan, tmp_path, settings=SETTINGS, settle_s=300, s3_endpoint=s3_endpoint)
    print(figures)
    assert verdict.broken == []
    assert figures["accepted"] + figures["refused"] == JOBS
    assert verdict.compared > 0
    # That much has really struck, and somebody saw who committed: else all of the above were easily true.
    assert sum(figures["faults"].values()) >= len(scenario.STORM) - 4
    assert figures["commits_witnessed"] > 0
    assert figures["stages_rerun"] > 0
