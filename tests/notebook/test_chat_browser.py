"""Talking to an agent in a real JupyterLab: what a person sees and does."""

import os

import pytest

pytestmark = pytest.mark.full

AGENT = """
import asyncio
import convsim_nb as cs

async def support(messages):
    asked = messages[-1]["content"]
    if "fail" in asked:
        raise ValueError("the order system is down")
    if "long" in asked:
        for number in range(1000):
            yield f"{number} "
            await asyncio.sleep(.05)
    for word in ("It was sent **today**", ", with:\\n\\n", "1. the kettle\\n", "2. its lid"):
        yield word
        await asyncio.sleep(.1)

talk = cs.chat(support, mlflow=False)
"""
SHOWN = "talk"
AFTER = "print('said', [(m.role, m.source) for m in talk.messages], talk.to_case(goal='Know it').script)"


@pytest.fixture
def talk(tab):
    """A talk in a notebook, ready to be typed in."""
    tab.lab.write("talk.ipynb", AGENT, SHOWN, AFTER)
    tab.open("talk.ipynb").run_all(wait=True)
    tab.page.wait_for_selector(".cs-chat:not(.cs-unknown)")
    yield tab
    assert tab.errors == []


def say(tab, text):
    """Type and press Enter."""
    tab.page.get_by_label("Your message").fill(text)
    tab.page.get_by_label("Your message").press("Enter")


def bubbles(tab):
    """What stands in the talk."""
    return tab.page.locator(".cs-chat .cs-bubble").all_inner_texts()


def wait_for_answers(tab, number):
    """Wait until so many messages stand there, and nothing is being answered."""
    tab.page.wait_for_function(
        "(number) => document.querySelectorAll('.cs-chat .cs-turn').length === number"
        " && !document.querySelector('.cs-chat .cs-streaming, .cs-chat .cs-typing')",
        arg=number,
    )


def test_a_person_types_and_the_agent_answers(talk):
    """Enter sends, the answer streams and becomes formatted; the object in Python has both."""
    page = talk.page
    say(talk, "Where is my order?")
    page.wait_for_selector(".cs-chat .cs-streaming")
    wait_for_answers(talk, 2)
    page.get_by_label("Your message").fill("one")
    page.get_by_label("Your message").press("Shift+Enter")
    page.get_by_label("Your message").type("two")
    page.get_by_role("button", name="Send", exact=True).click()
    wait_for_answers(talk, 4)
    page.locator(".jp-Cell").nth(2).click()
    talk.command("notebook:run-cell")
    page.wait_for_selector(".jp-OutputArea-output >> text=Where is my order?")

    assert bubbles(talk)[0] == "Where is my order?"
    assert page.locator(".cs-chat .cs-bubble ol li").all_inner_texts() == ["the kettle", "its lid"] * 2
    assert page.locator(".cs-chat .cs-who").all_inner_texts() == ["You", "Agent"] * 2
    assert "('Where is my order?', 'one\\ntwo')" in page.locator(".jp-OutputArea-output").last.inner_text()
    if folder := os.environ.get("CONVSIM_PICTURES"):
        for dark in (False, True):
            talk.theme(dark=dark)
            page.locator(".cs-chat").screenshot(path=f"{folder}/chat-{'dark' if dark else 'light'}.png")


def test_stop_keeps_what_was_said_and_a_failure_gives_the_text_back(talk):
    """Stop ends the answer where it is; what failed can be sent again."""
    page = talk.page
    say(talk, "Tell me a long story")
    page.wait_for_function("() => document.querySelector('.cs-chat .cs-streaming')?.textContent.includes('5 ')")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_answers(talk, 2)
    say(talk, "fail, please")
    page.wait_for_selector(".cs-chat .cs-problem:not([hidden])")

    assert bubbles(talk)[1].startswith("0 1 2 3")
    assert page.locator(".cs-problem").inner_text() == "ValueError: the order system is down"
    assert page.get_by_label("Your message").input_value() == "fail, please"
    assert len(bubbles(talk)) == 2


def test_the_saved_notebook_shows_the_talk_without_a_kernel(talk):
    """Under the live talk lies a folded one, which is all that is left when the notebook is opened again."""
    say(talk, "Where is my order?")
    wait_for_answers(talk, 2)
    talk.page.wait_for_selector("details:has-text('2 messages')", state="attached")
    talk.save()
    outputs = talk.lab.read("talk.ipynb")["cells"][1]["outputs"]
    html = "".join("".join(output["data"].get("text/html", "")) for output in outputs)

    assert "Where is my order?" in html
    assert "<li>the kettle</li>" in html
    assert "<script" not in html
    assert "It was sent" in "".join(outputs[1]["data"]["text/plain"])


def test_a_page_that_is_reloaded_shows_the_talk_again(talk):
    """The kernel has it all; the talk goes on."""
    say(talk, "Where is my order?")
    wait_for_answers(talk, 2)
    talk.save()
    talk.open("talk.ipynb", reset=False)
    talk.page.wait_for_selector(".cs-chat:not(.cs-unknown)")
    wait_for_answers(talk, 2)
    say(talk, "And now?")
    wait_for_answers(talk, 4)

    assert bubbles(talk)[2] == "And now?"
