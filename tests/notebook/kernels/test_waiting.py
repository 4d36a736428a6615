"""A cell that waits for a run, on every version of ipykernel: Stop and interrupt end it within a second.

The run takes six seconds; whatever is pressed, is pressed after one and a half.
"""

import time

import pytest

from tests.notebook.kernels.page import Page

pytestmark = pytest.mark.full

OPTIONS = "--agent agent --user-model $chat --max-turns 6 --no-mlflow"
PYTHON = "run = cs.simulate(cases, agent, **options)"
ROUTES = {
    "magic": f"%convsim run cases {OPTIONS} -o run",
    "assigned": f"run = %convsim run cases {OPTIONS}",
    "in a function": f"def play():\n    %convsim run cases {OPTIONS} -o run\nplay()",
    "in a cell magic": f"%%time\n%convsim run cases {OPTIONS} -o run",
    "wait": f"{PYTHON}\nrun.wait()",
    "wait in an async cell": f"await asyncio.sleep(0)\n{PYTHON}\nrun.wait()",
    "await": f"{PYTHON}\nawait run",
    "on the kernel's loop": "run = await cs.simulate_async(cases, agent, **options)",
}
STATE = (
    "print(run.state.stopped, [c.stop for c in run.conversations], [len(c.messages) > 0 for c in run.conversations])"
)
TICKING = """
ticks = []
async def tick():
    while True:
        ticks.append(1)
        await asyncio.sleep(0.1)
ticking = asyncio.ensure_future(tick())
"""
PARTIAL = "True ['cancelled', 'cancelled', 'cancelled'] [True, True, True]\n"
LIVE_THEN_STATIC = ["display_data application/vnd.jupyter.widget-view+json", "update_display_data text/html"]


@pytest.mark.parametrize("route", ROUTES)
def test_the_stop_button_ends_the_cell_as_it_should_end(page, route, record_property):
    """The cell ends well within a second, with the partial result, and static HTML takes the widget's place."""
    page.run("run = None")
    cell = page.run(ROUTES[route], then=Page.click_stop)
    record_property("seconds", cell.seconds)

    assert cell.status == "ok"
    assert cell.after < 1
    assert page.run(STATE).text("stdout") == PARTIAL
    assert cell.kinds() == LIVE_THEN_STATIC


@pytest.mark.parametrize("route", ROUTES)
def test_an_interrupt_ends_the_cell_with_an_error_of_one_line(page, route, record_property):
    """The partial result is kept, then the interrupt is raised: one line says what is left."""
    page.run("run = None")
    cell = page.run(ROUTES[route], then=Page.interrupt)
    record_property("seconds", cell.seconds)

    assert (cell.status, cell.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert cell.after < 1
    (line,) = cell.reply["traceback"]
    assert line.endswith("was stopped: 0 of 3 conversations had ended; what was done is kept")
    # What is interrupted on the kernel's loop was never assigned: it is brought back from its journal.
    assert page.run("run = run or cs.load_run(cs.runs()[0].run_id)\n" + STATE).text("stdout") == PARTIAL
    assert cell.kinds() == LIVE_THEN_STATIC


@pytest.mark.parametrize("route", ["magic", "wait", "await"])
def test_run_all_goes_on_after_stop_and_ends_at_an_interrupt(page, route):
    """Cells that were sent meanwhile run in their order after a Stop, and not at all after an interrupt."""
    outcomes = []
    for press in (Page.click_stop, Page.interrupt):
        sent = [page.send(code) for code in (ROUTES[route], "later = [1]", "later.append(2)", "print(later)")]
        time.sleep(1.5)
        press(page)
        outcomes.append([page.reply(each)["status"] for each in sent])
        page.heard(sent[-1])
    assert outcomes == [["ok"] * 4, ["error", "aborted", "aborted", "aborted"]]
    assert page.run("print(later)").text("stdout") == "[1, 2]\n"


def test_a_run_in_the_background_returns_at_once(page):
    """`--background` gives the cell back; the run goes on, is shown again live, and is stopped by its name."""
    started = page.run(f"%convsim run cases {OPTIONS} --background -o run")
    shown = page.run("%convsim show run")
    told = page.run("%convsim stop run\nrun.wait()\n" + STATE)

    assert started.seconds < 1
    assert [started.kinds(), shown.kinds()] == [LIVE_THEN_STATIC[:1]] * 2
    assert told.text("stdout").splitlines()[1] == PARTIAL.strip()
    assert told.kinds().count("update_display_data text/html") == 2


def test_other_widgets_and_reloaded_pages_are_answered_meanwhile(page):
    """While a cell waits by itself, a slider moves and a page that was loaded again gets to know the kernel."""
    page.run(
        "import ipywidgets, json\nslider = ipywidgets.IntSlider()\nmoved = []\nslider.observe(moved.append, 'value')"
    )
    comm = page.run("print(slider.comm.comm_id)").text("stdout").strip()
    sent = page.send(ROUTES["in a function"])
    time.sleep(0.5)
    data = {"method": "update", "state": {"value": 7}, "buffer_paths": []}
    page.client.shell_channel.send(page.client.session.msg("comm_msg", {"comm_id": comm, "data": data}))
    start = time.monotonic()
    assert page.ask("kernel_info_request", {})["status"] == "ok"
    assert comm in page.ask("comm_info_request", {"target_name": "jupyter.widget"})["comms"]
    assert time.monotonic() - start < 1
    page.interrupt()
    page.reply(sent)
    page.heard(sent)

    assert page.run("print(slider.value, len(moved))").text("stdout") == "7 1\n"


def test_a_cell_within_a_cell_waits_too(page):
    """`%run` and its like start cells of their own, which cannot be awaited."""
    code = f"code = '''{ROUTES['magic']}'''\nget_ipython().run_cell(code)"
    cell = page.run(code, then=Page.click_stop)

    assert (cell.status, cell.after < 1) == ("ok", True)
    assert page.run(STATE).text("stdout") == PARTIAL


def test_a_run_waited_for_in_a_later_cell(page):
    """The cell that waits may be another than the one that starts; the static form stands in the first."""
    page.run(PYTHON)
    cell = page.run("run.wait()", then=Page.interrupt, after=0.5)

    assert cell.status == "error"
    assert cell.kinds() == ["update_display_data text/html"]


def test_errors_are_one_line_and_fail_the_cell(page):
    """From a magic and from Python: status, name and a traceback of one line, as every front end gets it."""
    for code in ("%convsim run nix.yaml --agent agent --user-model $chat", "cs.load_cases('nix.yaml')"):
        reply = page.run(code).reply

        assert (reply["status"], reply["ename"], len(reply["traceback"])) == ("error", "NotFoundError", 1)
        assert reply["traceback"][0].startswith("NotFoundError: no file nix.yaml")


def test_tab_completes_through_the_kernel(page):
    """What a front end asks at Tab, with the cursor in the middle of a cell."""
    code = "x = 1\n%convsim run cas --max-turns 3\ny = 2"
    reply = page.ask("complete_request", {"code": code, "cursor_pos": code.index(" --max")})

    assert reply["matches"] == ["cases"]
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "cas"


def test_the_loop_goes_on_where_the_kernel_answers_by_itself(page, python):
    """From 7.4 on the magic's line is awaited: a task of the person's own runs meanwhile."""
    page.run(
        "ticks = []\nasync def tick():\n    while True:\n        ticks.append(1)\n        await asyncio.sleep(0.1)"
    )
    page.run("ticking = asyncio.ensure_future(tick())")
    page.run("ticks.clear()\n" + ROUTES["magic"], then=Page.click_stop)

    ticked = int(page.run("ticking.cancel()\nprint(len(ticks))").text("stdout"))
    assert (ticked > 5) == ("7.4" in str(python))
