"""Messages of the live view are sent from the engine's thread: whole and in order on every version of ipykernel."""

import time
from queue import Empty

import pytest

pytestmark = pytest.mark.full

PLAY = """
import asyncio, threading
from convsim_nb.domain.events import MessageDelta, RunEnded
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.notebook.live.run_view import RunView

def play(view, emit, n):
    async def tell():
        for number in range(2000):
            emit(MessageDelta(at=1.0, key=f"k{n}", turn=1, text=f"{number} "))
            if number % 40 == 0:
                await asyncio.sleep(.03)
        await asyncio.sleep(.1)
    asyncio.run(tell())

states = [RunState() for _ in range(3)]
views = [RunView(state, stop=lambda: None) for state in states]
threads = [
    threading.Thread(target=play, args=(view, Emitter(state, [view]), n))
    for n, (view, state) in enumerate(zip(views, states))
]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    print("the cell goes on", end=" ")  # on the same socket, from the main thread
for thread in threads:
    thread.join()
print([state.dropped for state in states])
"""


def test_what_three_threads_send_arrives_whole_while_the_cell_prints(page):
    """Three engines stream while the cell prints without a pause: no batch is lost, doubled or out of order."""
    cell = page.run(PLAY)
    assert cell.status == "ok", cell.reply
    assert cell.text("stdout").endswith("[[], [], []]\n")

    sent = {}
    for message in cell.messages:
        if message["msg_type"] == "comm_msg" and message["content"]["data"].get("method") == "custom":
            sent.setdefault(message["content"]["comm_id"], []).append(message["content"]["data"]["content"])
    assert len(sent) == 3
    for batches in sent.values():
        assert len(batches) > 5
        assert [batch["seq"] for batch in batches] == list(range(1, len(batches) + 1))
        text = "".join(event["text"] for batch in batches for event in batch["events"])
        assert text == "".join(f"{number} " for number in range(2000))


VIEW = """
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.live.run_view import RunView
view = RunView(RunState(), stop=lambda: None)
view.comm.comm_id
"""


class Tab:
    """A page that speaks over a subshell of its own, as JupyterLab does where the kernel has them."""

    def __init__(self, page, view):
        self._page, self._view = page, view
        page.client.control_channel.send(page.client.session.msg("create_subshell_request"))
        self._subshell = page.client.get_control_msg(timeout=10)["content"].get("subshell_id")

    def hello(self):
        """Ask for the state."""
        data = {"method": "custom", "content": {"type": "hello", "view": "v"}}
        message = self._page.client.session.msg("comm_msg", {"comm_id": self._view, "data": data})
        message["header"]["subshell_id"] = self._subshell
        self._page.client.shell_channel.send(message)

    def is_answered(self):
        """Whether a state comes within two seconds."""
        until = time.monotonic() + 2
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._page.client.get_iopub_msg(timeout=left)
            except Empty:
                return False
            if message["msg_type"] == "comm_msg" and message["content"]["data"]["content"]["type"] == "state":
                return True
        return False

    def close(self):
        """Go, and take the subshell along."""
        gone = self._page.client.session.msg("delete_subshell_request", {"subshell_id": self._subshell})
        self._page.client.control_channel.send(gone)
        self._page.client.get_control_msg(timeout=10)


def view_on(page):
    """The id of a view that is there."""
    cell = page.run(VIEW)
    (result,) = [m for m in cell.messages if m["msg_type"] == "execute_result"]
    return result["content"]["data"]["text/plain"].strip("'")


def has_subshells(page):
    return bool(
        page.run("print(getattr(get_ipython().kernel, '_supports_kernel_subshells', False))").text("stdout").strip()
        == "True"
    )


def test_a_reloaded_page_is_answered(page):
    """ipykernel 7.4 answers where it answered before: to a subshell that went with the page."""
    if not has_subshells(page):
        pytest.skip("this kernel has no subshells")
    view = view_on(page)
    for _ in range(3):
        tab = Tab(page, view)
        tab.hello()
        assert tab.is_answered()
        tab.close()


def test_a_page_is_answered_while_a_cell_keeps_the_kernel_busy(page):
    """A view that is opened meanwhile, and its Stop button, do not wait for a long cell."""
    if not has_subshells(page):
        pytest.skip("this kernel has no subshells")
    tab = Tab(page, view_on(page))
    tab.hello()
    assert tab.is_answered()
    sent = page.send("import time; time.sleep(4)")
    tab.hello()
    assert tab.is_answered()
    page.reply(sent)
    tab.close()
