"""What is shown where room is short."""

from itertools import pairwise

from convsim_nb.views.fitting import fitting


def drawn(number):
    return f"{number:02}" * 5


def test_all_is_shown_where_it_fits():
    """Order stays, and nothing is left out."""
    assert fitting([[1, 2], [], [3]], draw=drawn, room=30) == [[drawn(1), drawn(2)], [], [drawn(3)]]


def test_the_first_group_is_served_first_and_the_rest_evenly():
    """Of what does not fit, the sample lies over the whole group, in order."""
    first, rest = fitting([range(3), range(50)], draw=drawn, room=80)

    shown = [int(piece[:2]) for piece in rest]
    assert len(first) == 3
    assert len(rest) == 5
    assert shown == sorted(shown)
    assert all(8 <= after - before <= 20 for before, after in pairwise(shown))


def test_a_piece_too_large_leaves_its_room_to_others():
    """One huge conversation does not push the small ones out."""
    (shown,) = fitting([["x" * 100, "a", "b"]], draw=str, room=10)

    assert shown == ["a", "b"]


def test_room_is_counted_in_bytes():
    """A Chinese character takes three."""
    assert fitting([["饺子", "馆"]], draw=str, room=5) == [["馆"]]


def test_what_cannot_fit_is_not_drawn():
    """Thousands of conversations are not rendered for nothing."""
    calls = []
    fitting([range(1000)], draw=lambda number: calls.append(number) or "xx", room=20)

    assert len(calls) < 20
