"""A talk with an agent in a cell: type, read, stop; and below it what a saved notebook keeps."""

import asyncio
from typing import Any

from anywidget import AnyWidget
from IPython.display import DisplayHandle, display

from convsim_nb.domain.errors import ConvsimError
from convsim_nb.domain.session import Message
from convsim_nb.notebook.display import Bundle, has_front_end
from convsim_nb.notebook.live.protocol import WORDS, cut_calls, sendable
from convsim_nb.notebook.live.stream import PERIOD
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.views.hidden import visible
from convsim_nb.views.markup import safe_html
from convsim_nb.views.static_html import talk_html
from convsim_nb.workflow.chat import Talk


class ChatView(AnyWidget):
    """Shows a talk and takes what a person types. Every change is sent whole, but for text that streams."""

    _esm = (STATIC / "chat_view.js").read_text(encoding="utf-8")
    _css = (STATIC / "chat_view.css").read_text(encoding="utf-8")

    def __init__(self, talk: Talk, **traits: Any) -> None:
        super().__init__(**traits)
        self._talk = talk
        self._timed = False
        self._sent: dict[str, Any] = {}
        self._forget = talk.hear(self._changed)
        self.on_msg(self._asked)

    def close(self) -> None:
        """Show it no more; the talk goes on."""
        self._forget()
        super().close()

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello"}:
                self._sent = {}
                self._tell()
            case {"type": "say", "text": str(text)}:
                self._say(text)
            case {"type": "stop"}:
                self._talk.stop()

    def _say(self, text: str) -> None:
        try:
            self._talk.begin(text)
        except ConvsimError as error:
            tell(self, {"type": "refused", "text": text, "problem": visible(str(error))})

    def _changed(self) -> None:
        """On the loop's thread, a piece of text at a time: sent at most twenty times a second."""
        if not self._talk.streamed:
            self._tell()
        elif not self._timed:
            self._timed = True
            asyncio.get_running_loop().call_later(PERIOD, self._tell)

    def _tell(self) -> None:
        self._timed = False
        state = talk_json(self._talk)
        if {**self._sent, "streamed": ""} == {**state, "streamed": ""}:
            known = len(self._sent["streamed"])
            tell(self, {"type": "streamed", "from": known, "text": state["streamed"][known:]})
        else:
            tell(self, state)
        self._sent = state


def talk_json(talk: Talk) -> dict[str, Any]:
    """A talk as a page shows it."""
    return {
        "type": "state",
        "agent": visible(talk.agent.name),
        "session": talk.session_id,
        "messages": [_message_json(message) for message in talk.messages],
        "asked": None if talk.asked is None else visible(talk.asked),
        "streamed": talk.streamed,  # it may end between the halves of an emoji, so it is not looked through
        "problem": visible(talk.problem),
        "words": WORDS,
    }


def _message_json(message: Message) -> dict[str, Any]:
    plain = message.model_dump(mode="json", exclude={"wire"})
    cut_calls([plain])
    return {**sendable(plain), "html": safe_html(message.content)}


class ShownTalk:
    """A talk in the output of a cell: live, and below it, folded, the form that is saved with the notebook."""

    def __init__(self, talk: Talk) -> None:
        self._talk, self._said = talk, -1
        self._view, self._kept = DisplayHandle(), DisplayHandle()  # type: ignore[no-untyped-call]
        widget = ChatView(talk)
        self._view.display(widget)  # type: ignore[no-untyped-call]
        self._kept.display(bundle_of(talk, opened=False), raw=True)  # type: ignore[no-untyped-call]
        talk.hear(self._keep)

    def _keep(self) -> None:
        if self._talk.asked is None and len(self._talk.messages) != self._said:
            self._said = len(self._talk.messages)
            self._kept.update(bundle_of(self._talk, opened=False), raw=True)  # type: ignore[no-untyped-call]


def show_talk(talk: Talk, shell: Any) -> None:
    """Show a talk where somebody can type, else as it stands."""
    if has_front_end(shell):
        ShownTalk(talk)
    else:
        display(bundle_of(talk, opened=True), raw=True)  # type: ignore[no-untyped-call]


def bundle_of(talk: Talk, *, opened: bool) -> Bundle:
    """A talk as a saved notebook shows it."""
    return {"text/html": talk_html(talk.agent.name, talk.messages, opened=opened), "text/plain": repr(talk)}
