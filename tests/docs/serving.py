"""The rule-based model behind the address that `openai:/` models are called at."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from convsim_nb.demo.server import RulesServer


@contextmanager
def serving() -> Iterator[str]:
    """Set the environment so that OpenAI's clients, and ours, ask a stand-in on loopback; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = RulesServer(agents=True)
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    os.environ |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": server.url, "OPENAI_API_BASE": server.url}
    try:
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
