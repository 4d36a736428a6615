"""Whether a judge's "reached" can be trusted: text that speaks to the judge, and a goal that nobody had."""

import re
import zlib
from dataclasses import dataclass, replace
from typing import Literal

from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.guard.text import telling
from convsim_nb.engine.ports import Judge, JudgeView

JudgeCheck = Literal["suspect", "decoy", "off"]

_ATTACKS = re.compile(
    r"^\s*(?:user|assistant|system|human|customer|judge|evaluator)\s*:"  # a line of somebody else
    r"|\"?\b(?:reached|result|verdict|achieved|evidence|fired|rationale)\b\"?\s*[:=]"
    r"\s*(?:\"|true|false|yes|no\b|\[|1\b|0\b)"
    r"|<\|[^|>]{1,40}\|>|#{2,}\s*(?:stop|end|system|user|instruction)|<</?sys>>"
    r"|\[/?(?:inst|end|stop|system|done)[^\]]*\]"
    r"|</?(?:goal|conversation|system|user|assistant|last|instructions?|verdict|triggers?|script|history)[\w-]*>"
    r"|\b(?:evaluator|grader|rubric|judge|verdict)\b"
    r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:instructions?|prompt|rules|above|previous)"
    r"|\b(?:your |the |user.?s )?(?:goal|request|task|objective)s? (?:has|have|is|was|were)(?: now)?(?: been)?"
    r"(?: \w+){0,2} (?:achieved|reached|met|fulfilled|accomplished|completed?)"
    r"|\bgoal (?:achieved|reached|met|completed?)\b|\bsystem (?:note|prompt|message|override)"
    r"|\bas an? (?:ai|language) model"
    r"|\byou are (?:now )?(?:the|a|an) [^.\n]{0,30}(?:agent|representative|assistant|customer|judge)\b"
    r"|\bi am the customer\b"
    r"|\b(?:persona|guidelines|prompt|brief)s?\b[^.\n]{0,30}\b(?:given|word for word)|\bword for word\b"
    r"|\bmistakes? (?:that )?you expect|\bcorrect behaviou?r\b|\bexpected (?:answer|behaviou?r)\b"
    r"|\A\W*(?:thought process|reasoning|solution|answer|verdict)?\W*\Z|\A[^.!?\n]{1,60}:\s*\Z"
    r"|\{\{|\{%|\$\{|\\u00|&#",
    re.IGNORECASE | re.MULTILINE,
)
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
DECOYS = (
    "Get the recipe of a walnut cake, with the weight of every ingredient",
    "Learn how many moons Saturn has, and the name of the largest",
    "Have a lullaby translated into Welsh",
    "Find out when the lighthouse museum of Skagen opens in winter",
    "Get a plan for a birdhouse made of larch, with all measures",
)


@dataclass(frozen=True)
class Doubting:
    """A judge whose "reached" is put to the test: it is asked about a goal that nobody had.

    With `check="decoy"` each time, with "suspect" only where the agent's text speaks to the judge. A judge that
    says yes to a decoy says yes to anything.
    """

    judge: Judge
    check: JudgeCheck = "suspect"

    async def __call__(self, view: JudgeView) -> GoalCheck:
        """The judge's word.

        Raises:
            ModelError: the judge gave none, or says reached of a goal that nobody had.
        """
        check = await self.judge(view)
        why = self._doubt(view) if check.reached else ""
        if not why:
            return check
        decoy = decoy_for(view)
        if (await self.judge(_with_goal(view, decoy))).reached:
            raise ModelError(f"the judge also says reached of a goal that nobody had ({decoy!r}), asked because {why}")
        return check

    def _doubt(self, view: JudgeView) -> str:
        """Why a "reached" is to be put to the test, or nothing."""
        if self.check == "off":
            return ""
        if self.check == "decoy":
            return "it is asked each time"
        attacks = (attack_in(m.content) for m in view.messages if m.role == "assistant" and m.source == "agent")
        return next((f"the agent said {attack!r}" for attack in attacks if attack), "")


def attack_in(text: str) -> str:
    """What in an agent's text speaks to a judge or a simulator instead of a customer; empty where nothing does."""
    found = _ATTACKS.search(text) or _UNSEEN.search(text)
    return " ".join(found.group().split())[:60] or repr(found.group()) if found else ""


def decoy_for(view: JudgeView) -> str:
    """A goal that this conversation cannot have met; the same each time it is asked."""
    said = telling(" ".join([view.case.goal, *(message.content for message in view.messages)]), "en")
    free = [goal for goal in DECOYS if len(telling(goal, "en") & said) <= 1] or list(DECOYS)
    return free[zlib.crc32(view.case.case_id.encode()) % len(free)]


def _with_goal(view: JudgeView, goal: str) -> JudgeView:
    return replace(view, case=view.case.edited(goal=goal, withheld=(), expectations={}), pending=())
