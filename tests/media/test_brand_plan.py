"""The arithmetic of cards, overlaps and weights."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.brand.plan import Plan, card_rate, equal_power, make_plan
from media.brand.spec import Transition
from media.errors import InputError

TICK = Fraction(1, 90_000)
CUT = Transition()
RATE = Fraction(30)


def crossfade(duration: str) -> Transition:
    return Transition("dissolve", Fraction(duration))


def plan(intro="2", body="10", outro="3", transition=CUT, rate=RATE, tick=TICK) -> Plan:
    lengths = {"intro": intro and Fraction(intro), "outro": outro and Fraction(outro)}
    return make_plan(body=Fraction(body), rate=rate, tick=tick, transition=transition, **lengths)


def test_hard_cuts() -> None:
    made = plan()
    assert [(s.kind, s.start, s.end) for s in made.segments] == [("intro", 0, 2), ("body", 2, 12), ("outro", 12, 15)]
    assert made.duration == 15
    assert {made.weight(Fraction(n, 30)) for n in range(60, 360)} == {1}


def test_crossfades() -> None:
    made = plan(transition=crossfade("0.5"))
    assert [(s.kind, s.start, s.end) for s in made.segments] == [
        ("intro", 0, Fraction(3, 2)),
        ("intro_transition", Fraction(3, 2), 2),
        ("body", 2, 11),
        ("outro_transition", 11, Fraction(23, 2)),
        ("outro", Fraction(23, 2), 14),
    ]


def test_weights_rise_evenly_and_are_symmetrical() -> None:
    made = plan(transition=crossfade("0.5"))
    rise = [made.weight(Fraction(45 + n, 30)) for n in range(15)]
    fall = [made.weight(Fraction(330 + n, 30)) for n in range(15)]
    assert rise == [Fraction(2 * n + 1, 30) for n in range(15)]
    assert fall == rise[::-1]
    assert made.weight(Fraction(60, 30)) == made.weight(Fraction(329, 30)) == 1


def test_body_alone() -> None:
    made = plan(intro=None, outro=None, transition=crossfade("99"))
    assert [s.kind for s in made.segments] == ["body"]
    assert (made.body_start, made.duration) == (0, 10)


def test_one_sided_crossfade() -> None:
    made = plan(outro=None, transition=crossfade("1"))
    assert (made.body_start, made.duration, made.outro_overlap) == (1, 11, 0)
    assert made.weight(Fraction(329, 30)) == 1


@pytest.mark.parametrize(
    ("lengths", "duration"),
    [(("2", "10", "3"), "2.01"), (("2", "10", "1"), "1.5"), (("9", "10", "9"), "5.1"), (("2", "1", None), "0.6")],
)
def test_a_crossfade_that_does_not_fit_is_refused(lengths, duration) -> None:
    with pytest.raises(InputError) as raised:
        plan(*lengths, transition=crossfade(duration))
    assert raised.value.code == "invalid_transition"


def test_a_crossfade_needs_a_length() -> None:
    with pytest.raises(InputError):
        crossfade("0")


def test_an_even_body_gets_no_extra_instants() -> None:
    made = plan(transition=crossfade("0.5"))
    for number in range(300):
        start = made.body_start + Fraction(number, 30)
        assert made.instants(start, start + Fraction(1, 30)) == [start]


def test_millisecond_times_get_no_extra_instants() -> None:
    made = plan(transition=crossfade("1"), rate=Fraction(24), tick=Fraction(1, 1000), body="10")
    times = [made.body_start + Fraction(round(n * 1000 / 24), 1000) for n in range(241)]
    assert all(len(made.instants(a, b)) == 1 for a, b in pairwise(times))


def test_a_still_body_dissolves_on_the_grid() -> None:
    made = plan(transition=crossfade("0.5"))
    shown = made.instants(made.body_start, made.body_end)
    assert shown == [Fraction(n, 30) for n in [*range(45, 61), *range(330, 345)]]
    weights = [made.weight(time) for time in shown]
    assert weights[:16] == sorted(weights[:16])
    assert weights[15] == 1


def test_the_body_keeps_its_distances_on_a_coarse_tick() -> None:
    made = plan(intro="1", rate=Fraction(30000, 1001), tick=Fraction(1, 1000))
    assert made.body_start == Fraction(1001, 1000)
    assert made.body_end - made.body_start == 10


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(30, 30), (60, 60), (120, 60), (240, 60), (2, 16), ("12.5", "12.5"), ("30000/1001", "30000/1001")],
)
def test_card_rate(rate, expected) -> None:
    assert card_rate(Fraction(rate)) == Fraction(expected)


@given(
    intro=st.fractions(Fraction(1, 2), 20),
    body=st.fractions(2, 200),
    outro=st.fractions(Fraction(1, 2), 20),
    fade=st.fractions(Fraction(1, 100), Fraction(1, 2)),
    rate=st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(12), Fraction(60)]),
)
def test_frames_add_up(intro, body, outro, fade, rate) -> None:
    """Frames of the output = intro + body + outro - overlaps, for a body that sits on the grid."""
    body = max(round(body * rate), 2) / rate
    try:
        made = make_plan(
            body=body,
            rate=rate,
            tick=1 / rate / 1000,
            intro=intro,
            outro=outro,
            transition=Transition("dissolve", fade),
        )
    except InputError:
        assert fade * rate > min(round(intro * rate), round(outro * rate), body * rate / 2) - 1
        return
    assert made.intro_overlap == made.outro_overlap == max(round(fade * rate), 1)
    total = made.intro_frames + body * rate + made.outro_frames - made.intro_overlap - made.outro_overlap
    assert made.duration * rate == total
    assert [s.end for s in made.segments[:-1]] == [s.start for s in made.segments[1:]]


def test_equal_power() -> None:
    positions = np.linspace(-0.5, 1.5, 201)
    rising, falling = equal_power(positions), equal_power(1 - positions)
    assert np.allclose(rising**2 + falling**2, 1, atol=1e-6)
    assert rising[0] == falling[-1] == 0
    assert rising[100] == pytest.approx(0.5**0.5, abs=1e-6)
