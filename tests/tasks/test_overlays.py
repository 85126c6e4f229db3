"""What a part of a painted body depends on."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tasks.overlays import during, inputs

MARK = {"start": "0", "end": "20", "opacity": "1"}
PLAIN = {"start": "5", "end": "10", "logo": False}
LOGO = {"start": "30", "end": "40", "logo": True}
ASKED = {"watermark": MARK, "lower_thirds": [PLAIN, LOGO], "loudness": -16}


class Context:
    """A stage that was given both images."""

    def has_input(self, label):
        return label in {"watermark", "logo"}


@pytest.mark.parametrize(
    ("start", "end", "mark", "thirds", "labels"),
    [
        (0, 15, MARK, [PLAIN], {"watermark"}),
        (11, 19, MARK, [], {"watermark"}),
        (21, 35, None, [LOGO], {"logo"}),
        # To the very frame is as if it were on show: which one it is, the engine knows.
        (20, 30, MARK, [LOGO], {"watermark", "logo"}),
    ],
)
def test_a_part_depends_on_what_it_shows(start, end, mark, thirds, labels):
    found = during(ASKED, Fraction(start), Fraction(end))
    assert found == {"watermark": mark, "lower_thirds": thirds}
    assert set(inputs(Context(), found)) == labels


def test_a_part_that_shows_nothing_is_that_of_a_plain_encode():
    assert during(ASKED, Fraction(41), Fraction(60)) is None
    assert during(ASKED | {"watermark": MARK | {"end": None}}, Fraction(41), Fraction(60)) is not None
