"""A day's work on a machine that holds keys: run as `python -m tests.secret_work`, in an empty folder.

Every agent, model and scorer in it fails with a key in its words, or says one aloud.
"""
# ruff: noqa: T201 - what it prints is looked at

import asyncio
import contextlib
import os
import sys
import traceback
from pathlib import Path

import mlflow

import convsim_nb as cs
from convsim_nb.adapters.openai_chat import OpenAIChat
from convsim_nb.demo.server import RulesServer
from tests.servers import OpenAIServer, Status

CASES = [
    {"case_id": "kettle", "goal": "Get a refund for the broken kettle"},
    {"case_id": "parcel", "goal": "Get a refund for the late parcel"},
    {"case_id": "lamp", "goal": "Get a refund for the lamp"},
]
TURNS = {"max_turns": 3}


@mlflow.trace
def look_up(order, api_key):
    """A tool that is given its key by argument, which MLflow writes down."""
    return {"order": order, "authorization": f"Bearer {api_key}"}


def agent(messages):
    """Raises one key, says another, and calls a tool with it."""
    key, said = os.environ["SUPPORT_API_TOKEN"], messages[0]["content"]
    if "kettle" in said:
        with mlflow.start_span("upstream"):
            raise RuntimeError(f"401: {key} was refused by https://bot:{os.environ['BOT_PASSWORD']}@shop.example/v1")
    if "parcel" in said:
        raise ConnectionError("refused: api_key=sk-own-AGENT-0123456789abcdef")
    found = look_up("A-1", key)
    call = {"id": "1", "type": "function", "function": {"name": "look_up", "arguments": f'{{"key": "{key}"}}'}}
    return {
        "messages": [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": str(found)},
            {"role": "assistant", "content": f"I used {key}. Your refund of 34.90 EUR was sent today."},
        ]
    }


@mlflow.genai.scorer
def failing(session):
    """Fails with a key in its words."""
    raise ValueError(f"the judge said no to {os.environ['OPENAI_API_KEY']}")


def refusing(*quoted):
    """A server that takes no key, and says so with the keys in its words."""
    return OpenAIServer(Status(400, f"Incorrect API key: {' '.join(quoted)} dapi0123456789abcdef0123456789abcdef"))


def with_password(server):
    """Its address as somebody may give it."""
    return server.url.replace("://", "://bot:url-PLANTED-77@") + "#m"


def everything():
    """All that there is to do with a run; gives the runs."""
    openai = {"user_model": "openai:/gpt-5-mini"}
    whole = cs.simulate(CASES, agent, record="record.jsonl", tags={"by": os.environ["BOT_PASSWORD"]}, **openai, **TURNS)
    whole.wait()
    print(whole, whole.failures(), whole.to_frame().to_string(), whole.to_dict())
    print(whole.evaluate([failing]).to_string(), whole.scores)
    for path in ("report.html", "report.md"):
        whole.report(path)
    for one in whole.conversations:
        with contextlib.suppress(cs.ConvsimError):
            whole.export_test(one.key, path=Path(f"test_{one.case_id}.py"), agent=os.environ["AGENT_ADDRESS"])
        with contextlib.suppress(cs.ConvsimError):
            whole.keep_case(one.key)
    cs.CaseSet(whole.cases).save("cases.yaml")
    cs.CaseSet(whole.cases).to_dataset("planted")

    # Providers that quote what they were sent: a key, a header, a password in an address.
    failed = []
    with refusing(os.environ["OTHER_KEY"], "hdr-PLANTED-5") as server:
        theirs = OpenAIChat(server.url, model="m", api_key=os.environ["OTHER_KEY"], headers={"X-Key": "hdr-PLANTED-5"})
        failed.append(cs.simulate(CASES, agent, user_model=theirs, mlflow=False, **TURNS).wait())
    with refusing("url-PLANTED-77") as server:
        failed.append(cs.simulate(CASES, agent, user_model=with_password(server), mlflow=False, **TURNS).wait())
        failed.append(cs.simulate(CASES, with_password(server), **openai, mlflow=False, **TURNS).wait())
    for run in failed:
        print(run)
        cs.push(run)
    stopped = cs.simulate(CASES, agent, **openai, max_tokens=1, **TURNS).wait()
    cs.resume(stopped.run_id, agent=agent, force=True, max_tokens=10**6).wait()
    gate = cs.gate(CASES, agent, baseline=whole, scorers=[failing])
    Path("gate.xml").write_text(gate.junit)
    Path("gate.md").write_text(gate.markdown)
    return whole


def errors():
    """Calls that fail, as a script would see it that does not catch anything."""
    session = [{"session_id": "s1", "messages": [{"role": "user", "content": "hi"}]}]
    with refusing("url-PLANTED-77") as server:
        print(cs.distill(cs.load_sessions(session), model=with_password(server)).problems)
    for wrong in (
        lambda: cs.simulate(CASES, agent, user_model="openai:/x", user_llm_params={"extra_body": {"api_key": "sk-p"}}),
        lambda: cs.simulate(CASES, f"{os.environ['SUPPORT_API_TOKEN']}:agent", user_model="openai:/x"),
        lambda: cs.search_sessions(experiment=os.environ["OPENAI_API_KEY"]),
        lambda: cs.load_cases(f"{os.environ['OTHER_KEY']}.yaml"),
    ):
        try:
            wrong()
        except cs.ConvsimError:
            traceback.print_exc()


async def main():
    """With a model server at hand, as OPENAI_BASE_URL names it."""
    async with RulesServer() as server:
        os.environ["OPENAI_BASE_URL"] = server.url
        await asyncio.to_thread(everything)
        await asyncio.to_thread(errors)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
