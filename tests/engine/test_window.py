"""Sessions longer than a model can read."""

from convsim_nb.domain.session import Message
from convsim_nb.engine.window import fitted


def messages(*lengths):
    roles = ("user", "assistant") * len(lengths)
    return [
        Message(role=role, content=("ux"[n % 2]) * length)
        for n, (role, length) in enumerate(zip(roles, lengths, strict=False))
    ]


def test_what_fits_is_left_alone():
    """No text is touched for nothing."""
    said = messages(100, 500, 100)

    assert fitted(said, tokens=1000).texts == tuple(m.content for m in said)


def test_the_longest_of_the_agents_lose_their_middle_and_the_user_loses_nothing():
    """Short replies stay whole; beginning and end of a long one are kept; what is left fits."""
    said = messages(300, 10_000, 300, 200, 300, 4_000)
    found = fitted(said, tokens=1500)

    assert [text for text in found.texts if text[0] == "u"] == [m.content for m in said if m.role == "user"]
    assert found.texts[3] == said[3].content
    assert " [...] " in found.texts[1]
    assert len(found.texts[1]) == len(found.texts[5])
    assert sum(map(len, found.texts)) <= 1500 * 3
    assert found.left_out == 14_200 - len(found.texts[1]) - len(found.texts[5]) - 200


def test_where_the_user_alone_is_too_long_something_of_the_agent_is_left():
    """The model may refuse it, but no user turn is lost in silence."""
    found = fitted(messages(9_000, 1_000, 9_000), tokens=1000)

    assert [len(text) for text in found.texts] == [9_000, 160, 9_000]


def test_what_is_shown_first_and_what_is_asked_last_is_kept():
    """Two thirds of what is left of a message are its beginning, the rest its end."""
    said = [Message(role="user", content="hi"), Message(role="assistant", content="A" * 5_000 + "Z" * 5_000)]
    kept = fitted(said, tokens=300).texts[1]

    assert (kept.count("A"), kept.count("Z")) == (594, 297)
