"""The capacity model, checked by a day of arrivals against the chart's own autoscaling rules."""

from dataclasses import replace

import pytest

from bench.day import Day, jobs_a_day
from bench.scaling import Mix, chart, constants, costs, demand, pods
from bench.scaling_page import PAGE, render

MIX = Mix()
COST = costs(constants())
HOURS = 60


def day(*, share=1.0, mix=MIX, seed=3, **rules):
    """A day at the chart's rules, with a share of the encode pods that the model asks for."""
    pools = {}
    for name in ("light", "encode"):
        pool = chart(name)
        most = pods(HOURS, name, mix, COST, pool.cores)
        most = max(pool.least, round(most * share) if name == "encode" else most)
        pools[name] = replace(pool, most=most, **(rules if name == "encode" else {}))
    return pools, Day(pools, mix, COST, seed).run(jobs_a_day(HOURS, mix))


@pytest.mark.parametrize(
    "mix", [MIX, Mix(exact=0.5), Mix(exact=0, previews=0.5, film_s=600)], ids=["usual", "exact", "short"]
)
def test_with_the_pods_of_the_model_stages_start_soon(mix):
    pools, report = day(mix=mix)
    assert report.left == 0
    assert report.wait("encode", 0.95) < 600, report.wait("encode", 0.95)
    assert report.wait("light", 0.95) < 120
    assert report.most["encode"] <= pools["encode"].most


def test_with_half_of_them_the_busy_hours_do_not_end_in_time():
    _, enough = day()
    _, few = day(share=0.5)
    assert few.wait("encode", 0.95) > 3600
    assert few.wait("encode", 0.95) > 10 * enough.wait("encode", 0.95)


def test_pods_go_when_the_night_comes_and_hardly_any_work_is_lost():
    pools, report = day()
    # An unchanging fleet would take all of them for 24 hours.
    assert report.pod_hours["encode"] < 0.8 * 24 * pools["encode"].most
    stages = sum(len(waits) for waits in report.waits.values())
    assert report.handed_over <= 0.005 * stages


def test_without_grace_scaling_down_costs_work():
    _, patient = day(mix=Mix(exact=0.5), quiet_s=0)
    _, hasty = day(mix=Mix(exact=0.5), quiet_s=0, grace_s=0)
    assert hasty.handed_over > 10 * max(1, patient.handed_over)
    assert hasty.left == 0


def test_the_demand_adds_up():
    film = 1000.0
    alone = demand(Mix(film_s=film, exact=1, previews=0, cached=0), COST)
    assert alone["encode"] == pytest.approx(film * COST["trim-exact"].per_s)
    assert demand(Mix(film_s=film, cached=1), COST) == {"encode": 0, "light": 0}
    assert pods(10, "encode", MIX, COST, 2) == pytest.approx(pods(100, "encode", MIX, COST, 2) / 10, abs=1)


def test_the_page_says_what_the_model_says():
    assert PAGE.read_text() == render(), "docs/scaling.md is stale: run `python -m bench.scaling_page`"
