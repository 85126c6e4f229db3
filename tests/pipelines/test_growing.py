"""A playlist that grows: in the order of the edit, never past what is missing, and only ever added to."""

from fractions import Fraction
from itertools import permutations

from media.hls.index import Rendition, Segment, Span
from media.hls.order import GRID, Body, Seams
from media.proxy import plan as proxy
from pipelines.growing import LONGEST, Part, pieces

F = Fraction


def rendition(*segments):
    return Rendition(init=Span(0, 100), codecs="avc1.64001e", size=(640, 360), rate=F(30), segments=tuple(segments))


def part(number, start, end, *, late=0):
    """A part of groups of two seconds, each of which begins a little late."""
    groups = [Segment(100 + n * 10, 10, F(time) + late, F(2)) for n, time in enumerate(range(start, end, 2))]
    return Part(f"part-{number}", F(start), F(end), rendition(*groups))


def missing(part):
    return Part(part.file, part.start, part.end, None)


JOINTS = rendition(*(Segment(100 + n * 7, 7, F(n * 10), F(2)) for n in range(5)))
SEAMS = Seams(JOINTS, ((0, 1), Body(F(4), F(24)), (1, 4), Body(F(34), F(38)), (4, 5)), True)
PARTS = [part(1, 0, 20, late=F(1, 30)), part(2, 20, 36), part(3, 36, 60)]


def listed(seams, parts):
    found, whole = pieces(seams, "seams", parts)
    return [(piece.file, segment) for piece in found for segment in piece.segments], whole


def test_proxies_and_joints_have_one_grid():
    assert proxy.GRID == GRID


def test_all_of_an_edit():
    found, whole = pieces(SEAMS, "seams", PARTS)
    assert whole
    assert [piece.file for piece in found] == ["seams", "part-1", "part-2", "seams", "part-2", "part-3", "seams"]
    times = [[(float(one.start), one.duration) for one in piece.segments] for piece in found if piece.file != "seams"]
    late = 4 + 1 / 30
    assert [[round(start - late, 3) for start, _ in times[0]], times[1]] == [[0, 6, 12], [(20.0, 4)]]
    assert times[2:] == [[(34.0, 2)], [(36.0, 2)]]
    # What lies side by side is fetched by one request.
    [first, *_] = found[1].segments
    assert (first.offset, first.size, first.duration) == (120, 30, 6)
    assert all(segment.duration <= LONGEST for piece in found for segment in piece.segments)


def test_it_goes_as_far_as_all_before_is_there():
    one, two, three = PARTS
    assert listed(SEAMS, [])[0] == [("seams", JOINTS.segments[0])]
    files = [name for name, _ in listed(SEAMS, [one, missing(two), three])[0]]
    assert files == ["seams", "part-1", "part-1", "part-1"]
    assert listed(SEAMS, [missing(one), two, three]) == (listed(SEAMS, [])[0], False)


def test_whatever_the_order_in_which_parts_come_it_is_only_added_to():
    for order in permutations(PARTS):
        before = []
        for count in range(len(order) + 1):
            there = order[:count]
            now, whole = listed(SEAMS, [one if one in there else missing(one) for one in PARTS])
            assert now[: len(before)] == before
            assert whole == (count == len(order))
            before = now


def test_of_joints_that_were_not_all_made_there_is_no_end():
    seams = Seams(JOINTS, SEAMS.order[:3], False)
    found, whole = listed(seams, PARTS)
    assert (found[-1], whole) == (("seams", JOINTS.segments[3]), False)


def test_slides_that_stay_long_end_it_where_they_begin():
    """A playlist has said by then how long its longest segment is."""
    groups = [Segment(100, 10, F(0), F(2)), Segment(110, 10, F(2), F(2)), Segment(120, 10, F(4), F(3))]
    still = Segment(130, 10, F(7), F(13))
    for last, expected in ((still, ["seams"]), (Segment(130, 10, F(7), F(6)), ["seams", "slides", "seams"])):
        slides = Part("slides", F(0), F(20), rendition(*groups, last))
        found, whole = pieces(Seams(JOINTS, ((0, 1), Body(F(2), F(20)), (1, 4)), True), "seams", [slides])
        assert ([piece.file for piece in found], whole) == (expected, len(expected) > 1)
    assert [segment.duration for segment in found[1].segments] == [5, 6]
