"""What gives a played part away: talk of the part itself, and speaking as the serving side."""

from convsim_nb.engine.guard.known import Known
from convsim_nb.engine.guard.text import folded, grams, phrases, words
from convsim_nb.engine.ports import Finding, UserView

META = (
    "No real customer speaks of a goal, a role, instructions, a test or a simulation. Say what this person would say."
)
ROLE = "That is what the serving side would say. You are the customer: you want something, and it is for them to do."
RECITED = "That is read out from your brief. Say it as this person would, in a few words of your own, or leave it out."


def meta(_view: UserView, text: str, known: Known) -> Finding | None:
    """Talk of goal, persona, instructions, simulation; or the brief read out."""
    if found := _first_new("meta", text, known):
        return Finding("meta", META, found=found)
    recited = known.recited & grams(words(text), 8) if known.recited else None
    return Finding("meta", RECITED, found=" ".join(next(iter(recited)))) if recited else None


def role(_view: UserView, text: str, known: Known) -> Finding | None:
    """Speaking as the agent would."""
    found = _first_new("role", text, known)
    return Finding("role", ROLE, found=found) if found else None


def _first_new(section: str, text: str, known: Known) -> str:
    """The first phrase of a kind that is not in the brief: who asks about role-playing games may speak of them.

    That the agent said it is no excuse: an agent may ask for the persona, and swap the roles.
    """
    found = (match.group().strip(" .,!?") for match in phrases(section).finditer(folded(text)))
    return next((said for said in found if said and said not in known.folded), "")
