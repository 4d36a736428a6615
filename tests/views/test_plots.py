"""The report's pictures, and its sections on other runs."""

from convsim_nb.domain.state import RunState
from convsim_nb.views.beside import Beside, Cell, Measured, Versus
from convsim_nb.views.plots import labelled, plots
from convsim_nb.views.report import report_html
from tests.views.scene import whole_run

NAME = 'v2 <b>"$x_1"</b>'


def test_a_picture_has_its_words_and_the_colours_of_the_page():
    """No colour of its own, no script, no outside address; names are escaped, and its words say the numbers."""
    state = RunState.replay(whole_run())
    found = plots({"v1": state.conversations, NAME: state.conversations})

    assert [plot.title for plot in found] == ["Reach rate", "Turns of a conversation", "The agent's replies"]
    for plot in found:
        svg = labelled(plot)
        assert svg.startswith('<svg role="img" aria-label="')
        assert "&lt;b&gt;" in svg
        assert "<b>" not in svg
        assert "var(--accent)" in svg
        assert "#010203" not in svg
        assert "<script" not in svg


def test_nothing_to_draw():
    """Without a conversation that counts there is no picture."""
    assert plots({"v1": ()}) == ()


def test_a_report_beside_others():
    """Comparison, matrix and measures stand in the report; what every version passes is a line; the rest is escaped."""
    state = RunState.replay(whole_run())
    cells = [Cell(2, 2, 0), Cell(0, 2, 1)], [Cell(1, 1, 0), Cell(1, 1, 0)], [Cell(0, 0, 2), Cell(1, 2, 0)]
    beside = Beside(
        versus=[Versus(said=["v2 is worse"], rows=[("", "v1", NAME, "difference"), ("reach rate", "1", "2", "3")])],
        names=["v1", NAME],
        matrix=[(f"case-{n}", "Get <it>", each) for n, each in enumerate(cells)],
        measured=[Measured("How alike", ("", "person"), [("words", "7")], said=["Write less"])],
    )
    html = report_html(state, beside=beside, plots=plots({"v1": state.conversations}))

    assert "<b>" not in html
    for said in ("v2 is worse", "✓ 2 of 2", "✗ 0 of 2, 1 void", "○ 2 void", "~ 1 of 2", "How alike", "Write less"):
        assert said in html
    assert "1 more case, passed by every version in every trial: case-1" in html
    assert html.count("<figure>") == 3
