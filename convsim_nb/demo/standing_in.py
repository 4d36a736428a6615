"""A model for `openai:/...` where nobody has a key: the demo's server, in this process."""

import asyncio
import os
import threading

from convsim_nb.demo.server import RulesServer

_KEY = "a-stand-in-takes-any"


def stand_in() -> str | None:
    """Answer OpenAI's protocol on loopback where OPENAI_API_KEY is not set; gives the address, or None.

    From then on OpenAI's client, whatever is built on it, and `openai:/` models of convsim-nb are answered by rules:
    a plain conversation as the demo's support agent does it, and what convsim-nb asks as `demo:/rules` does. It is no
    language model. The server lives as long as the process.
    """
    if os.environ.get("OPENAI_API_KEY"):
        return None
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="convsim-stand-in", daemon=True).start()
    server = asyncio.run_coroutine_threadsafe(RulesServer(agents=True).__aenter__(), loop).result(10)
    os.environ |= {"OPENAI_API_KEY": _KEY, "OPENAI_BASE_URL": server.url, "OPENAI_API_BASE": server.url}
    return server.url
