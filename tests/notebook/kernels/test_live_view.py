"""Messages of the live view are sent from the engine's thread: whole and in order on every version of ipykernel."""

import pytest

pytestmark = pytest.mark.full

PLAY = """
import asyncio, threading
from convsim_nb.domain.events import MessageDelta, RunEnded
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.notebook.run_view import RunView

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
