"""Versions of an agent that differ in the cases that they leave undone, for comparisons here and in a browser."""

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

CASES = [{"goal": f"Goal <b>{name}</b>", "case_id": name} for name in ("kettle", "pot", "cup")]
FAILS = {"v1": {"cup"}, "v2": {"kettle", "pot"}, "v3": set()}
LONG = "x" * 5_000


def play(name, *, trials=1):
    """A run in which the agent leaves some cases undone."""

    def support(messages):
        undone = any(case in messages[0]["content"] for case in FAILS[name])
        return "It is not to be had." if undone else f"It is done. {LONG}"

    def user(request):
        return next(case for case in ("kettle", "pot", "cup") if f"<b>{case}</b>" in request.messages[1].content)

    def judge(request):
        done = any("It is done." in message.content for message in request.messages)
        return {"reached": done, "evidence": "It is done." if done else ""}

    options = {"mlflow": False, "journal": False, "progress": False, "max_turns": 2, "trials": trials}
    chat = ScriptedChat(user=user, judge=judge)
    return cs.simulate(CASES, support, user_model=chat, run_name=name, **options).wait(20)
