"""A notebook page, as a kernel sees one: it sends cells, hears what they put out, and clicks in widgets."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

_PATIENCE = 40.0
"""Seconds until a cell that says nothing counts as hanging."""


@dataclass
class Cell:
    """What came of a cell."""

    reply: dict[str, Any]
    seconds: float
    """From when it was sent."""
    after: float
    """From when something was pressed, or from when it was sent."""
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.reply["status"]

    def text(self, stream: str) -> str:
        """What it wrote to stdout or stderr."""
        found = (m["content"] for m in self.messages if m["msg_type"] == "stream")
        return "".join(content["text"] for content in found if content["name"] == stream)

    def kinds(self) -> list[str]:
        """Its outputs: the kind of message, and the richest form in it."""
        rich = ("application/vnd.jupyter.widget-view+json", "text/html", "text/plain")
        outputs = [
            m for m in self.messages if m["msg_type"] in ("display_data", "update_display_data", "execute_result")
        ]
        return [f"{m['msg_type']} {next(kind for kind in rich if kind in m['content']['data'])}" for m in outputs]


class Page:
    """One kernel with one page on it."""

    def __init__(self, python: Path, folder: Path) -> None:
        spec = folder / "specs" / "under-test"
        spec.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": "under test", "language": "python"})
        )
        specs = KernelSpecManager(kernel_dirs=[str(folder / "specs")])
        self.manager = KernelManager(kernel_name="under-test", kernel_spec_manager=specs)
        with (folder / "kernel.log").open("w") as log:
            self.manager.start_kernel(cwd=str(folder), stderr=log)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def send(self, code: str, *, draws: bool = True) -> str:
        """Send a cell; `draws` where a page that draws widgets asks, which names the cell."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "one"} if draws else {})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(
        self, code: str, *, then: Callable[["Page"], None] | None = None, after: float = 1.5, draws: bool = True
    ) -> Cell:
        """Run a cell, and do something `after` so many seconds."""
        sent = self.send(code, draws=draws)
        start = pressed = time.monotonic()
        if then is not None:
            time.sleep(after)
            then(self)
            pressed = time.monotonic()
        reply = self.reply(sent)
        end = time.monotonic()
        return Cell(reply, round(end - start, 2), round(end - pressed, 2), self.heard(sent))

    def reply(self, sent: str) -> dict[str, Any]:
        """The reply to a request; other replies are passed over."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            message = self.client.get_shell_msg(timeout=_PATIENCE)
            if message["parent_header"].get("msg_id") == sent:
                return message["content"]
        raise TimeoutError(sent)

    def heard(self, sent: str) -> list[dict[str, Any]]:
        """All that the kernel published up to the end of a request."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=_PATIENCE)
            messages.append(message)
            idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if idle and message["parent_header"].get("msg_id") == sent:
                return messages

    def ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """Ask something else than a cell on the shell channel."""
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return self.reply(message["header"]["msg_id"])

    def click_stop(self) -> None:
        """Press Stop in the view of the run that was begun last, as its script would."""
        view = None
        while view is None:
            try:
                message = self.client.get_iopub_msg(timeout=5)
            except Empty:
                raise LookupError("no view of a run was opened") from None
            if message["msg_type"] == "comm_open" and "_esm" in message["content"]["data"].get("state", {}):
                view = message["content"]["comm_id"]
        data = {"method": "custom", "content": {"type": "stop"}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": view, "data": data}))

    def interrupt(self) -> None:
        """Press the notebook's own stop button."""
        self.manager.interrupt_kernel()
