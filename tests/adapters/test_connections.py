"""How HTTP connections are made: reused, and through the proxy that the environment names."""

import pytest

from convsim_nb.adapters.connections import proxy_for


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A proxy for https, none for hosts of our own."""
    for name in (
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    proxy_for.cache_clear()
    yield
    proxy_for.cache_clear()


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.example/v1", "http://proxy.example:3128"),
        ("https://inside.example/v1", None),
        ("http://127.0.0.1:8000/v1", None),
    ],
)
def test_the_environments_proxy_is_used_where_it_is_meant(url, proxy):
    """By scheme, and not for the hosts that `no_proxy` names."""
    assert proxy_for(url) == proxy
