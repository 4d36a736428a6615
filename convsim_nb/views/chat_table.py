"""Conversations and sessions as a table of roles and texts, folded: no script and no style sheet needed."""

from collections.abc import Iterator, Sequence

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Doubt, GoalCheck, Rejection, Release, Retry
from convsim_nb.domain.score import Score
from convsim_nb.domain.session import Message, Session, ToolCall
from convsim_nb.views.inline import (
    AGENT,
    LINE,
    QUIET,
    USER,
    Html,
    badge,
    cell,
    chip,
    code,
    el,
    fold,
    join,
    line,
    pre,
    quiet,
    rich,
    row,
    table,
    text,
)
from convsim_nb.views.scores import by_key, score_tone, score_words
from convsim_nb.views.turns import Round, rounds
from convsim_nb.views.width import cut, one_line
from convsim_nb.views.words import (
    check_word,
    count,
    label,
    pretty_json,
    role_words,
    seconds_words,
    standing,
    stop_words,
)

_FOLD = f"margin: 0; padding: 5px 0; border-top: 1px solid {LINE}"
_NOTE = f"margin: 4px 0 0; font-size: 12px; {QUIET}"


def conversation_fold(
    conversation: Conversation, *, case: TestCase | None, scores: Sequence[Score], opened: bool
) -> Html:
    """One conversation under a line with its verdict; `scores` are its own, those of single turns among them."""
    return fold(
        _headline(conversation),
        *_about(conversation, case),
        table(*_turn_rows(conversation, scores), width="100%"),
        *judged(conversation, scores),
        opened=opened,
        style=_FOLD,
    )


def session_fold(session: Session, *, opened: bool) -> Html:
    """One recorded session under a line with its id and its first words."""
    facts = [count(len(session.messages), "message")]
    if session.started_at is not None:
        facts.append(f"{session.started_at:%Y-%m-%d %H:%M}")
    if session.simulated:
        facts.append("simulated")
    first = next(iter(session.user_messages), "")
    said = "" if opened else f" · {cut(one_line(first), columns=90)}"
    head = join([el("strong", text(session.id)), quiet(" · ".join(facts) + said)], by=" ")
    rows = [_message_row(message, number="", recorded="", notes=()) for message in session.messages]
    return fold(head, table(*rows, width="100%"), opened=opened, style=_FOLD)


def talk_fold(agent: str, messages: Sequence[Message], *, opened: bool) -> Html:
    """A talk by hand under a line with the agent's name."""
    head = join([el("strong", text(one_line(f"Talk with {agent}"))), quiet(count(len(messages), "message"))], by=" ")
    rows = [_message_row(message, number="", recorded="", notes=()) for message in messages]
    return fold(head, *([table(*rows, width="100%")] if rows else []), opened=opened, style=_FOLD)


def _headline(conversation: Conversation) -> Html:
    facts = [stop_words(conversation), count(conversation.turns, "turn")]
    if conversation.seconds is not None:
        facts.append(seconds_words(conversation.seconds))
    if conversation.corrections:
        facts.append(count(conversation.corrections, "correction"))
    if conversation.assisted:
        facts.append("assisted: outside the rate")
    if conversation.origin is not None:
        facts.append("outside the rate")
    named = el("strong", text(one_line(label(conversation))))
    return join([badge(standing(conversation)), named, quiet(" · ".join(filter(None, facts)))], by=" ")


def _about(conversation: Conversation, case: TestCase | None) -> Iterator[Html]:
    if case is not None:
        yield line(quiet("Goal: "), text(case.goal), style="margin: 6px 0 0")
        if case.persona:
            yield line(quiet("Persona: "), text(case.persona))
    if conversation.detail:
        yield line(quiet(f"{stop_words(conversation).capitalize()}: "), text(conversation.detail))


def _turn_rows(conversation: Conversation, scores: Sequence[Score]) -> Iterator[Html]:
    for each in rounds(conversation):
        for rejection in each.rejections:  # guards speak before the turn
            yield _rejection_row(rejection, number=f"turn {each.number}")
        for message, notes in noted(each, scores):
            number = f"turn {each.number}" if each.number and message.role == "user" else ""
            yield _message_row(message, number=number, notes=notes)
        if not each.messages and (notes := _notes(each, scores)):
            yield row(cell(), cell(*notes))


def noted(each: Round, scores: Sequence[Score]) -> list[tuple[Message, tuple[Html, ...]]]:
    """The messages of a turn with what stands under each: doubts, and at last what judge and scorers say."""
    notes: list[tuple[Html, ...]] = [() if m.role == "assistant" else _doubts(each) for m in each.messages]
    if notes:
        notes[-1] = (*notes[-1], *_notes(each, scores))
    return list(zip(each.messages, notes, strict=True))


def _doubts(each: Round) -> tuple[Html, ...]:
    return (*map(_doubt_note, each.doubts), *map(_retry_note, each.retries))


def _notes(each: Round, scores: Sequence[Score]) -> tuple[Html, ...]:
    mine = [score for score in scores if score.turn == each.number and score.value is not None]
    scored = [_note(join(map(_score_chip, mine), by=" "), *map(_because, mine))] if mine else []
    return (*map(_release_note, each.released), *map(_check_note, each.checks), *scored)


def _score_chip(score: Score) -> Html:
    return chip(score_words(score), tone=score_tone(score))


def _because(score: Score) -> Html:
    return text(one_line(f" {score.name}: {score.rationale}")) if score.rationale else Html("")


def _message_row(message: Message, *, number: str, notes: Sequence[Html], recorded: str = ", recorded") -> Html:
    agent = message.role == "assistant"
    role = cell(*spoken(message, number, recorded=recorded), style="white-space: nowrap; width: 110px")
    return row(role, cell(*said(message), *notes, style=f"border-left: 3px solid {edge(message)}"), shade=agent)


def spoken(message: Message, number: str, *, recorded: str = ", recorded", by: str = "<br>") -> Iterator[Html]:
    """Who said it, and in which turn, or how long it took."""
    who = role_words(message, recorded=recorded)
    took = seconds_words(message.seconds) if message.seconds is not None else ""
    return _role(who[:1].upper() + who[1:], number or took, by=by)


def said(message: Message) -> Iterator[Html]:
    """The tools that were called for it, and its words."""
    yield from map(_tool, message.tool_calls)
    yield rich(message.content) if message.content.strip() else quiet("(no text)")


def edge(message: Message) -> str:
    """The colour of who said it."""
    return AGENT if message.role == "assistant" else USER


def _role(who: str, beside: str, *, by: str = "<br>") -> Iterator[Html]:
    yield el("strong", text(who))
    if beside:
        yield Html(by)
        yield el("span", text(beside), style=f"font-size: 12px; {QUIET}")


def _tool(call: ToolCall) -> Html:
    took = f" {seconds_words(call.seconds)}" if call.seconds is not None else ""
    head = [quiet("tool"), code(one_line(call.name)), quiet(took)]
    if call.error is not None:
        head.append(chip("✗ error", tone="bad"))
    parts = [] if call.arguments is None else [pre(pretty_json(call.arguments))]
    if call.error is not None:
        parts.append(pre(call.error))
    elif call.result is not None:
        parts.append(pre(pretty_json(call.result)))
    return fold(join(head, by=" "), *parts, opened=call.error is not None, style="margin: 0 0 4px")


def _rejection_row(rejection: Rejection, *, number: str) -> Html:
    role = cell(*_role("Stopped", number), style=f"white-space: nowrap; {QUIET}")
    said = el("s", text(one_line(rejection.text)))
    why = f"The agent never heard this: {one_line(rejection.reason)} (guard {rejection.guard})."
    return row(role, cell(said, _note(text(why)), style=f"border-left: 3px dashed {USER}; {QUIET}"))


def _release_note(release: Release) -> Html:
    fault = release.kind == "correction"
    mark = chip(f"{'✗ ' if fault else ''}{release.kind}", tone="bad" if fault else "live")
    proof = f" – after “{one_line(release.quote)}”" if release.quote else ""
    told = text(f" The user now knows: {one_line(release.fact)}{proof}")
    return el("div", mark, told, style="margin: 4px 0 0; font-size: 12px")


def _doubt_note(doubt: Doubt) -> Html:
    return _note(text(f"Doubtful, and sent all the same: {one_line(doubt.reason)} (guard {doubt.guard})."))


def _retry_note(retry: Retry) -> Html:
    return _note(text(f"The agent was called again, after {one_line(retry.error)}"))


def _check_note(check: GoalCheck) -> Html:
    said = f"{'✓' if check.reached else '✗'} Goal check: {check_word(check)}"
    proof = f", “{one_line(check.evidence)}”" if check.evidence else ""
    why = f" – {one_line(check.why)}" if check.why else ""
    return _note(text(f"{said}{proof}{why}"))


def _note(*children: Html) -> Html:
    return el("div", *children, style=_NOTE)


def judged(conversation: Conversation, scores: Sequence[Score]) -> Iterator[Html]:
    """The last word: why it ended, the verdict, the scores; those of single turns as their mean."""
    if conversation.stop is None:
        return
    whole = by_key(scores).get(conversation.key, ())
    last = [text(f"End: {stop_words(conversation)}"), badge(standing(conversation))]
    yield line(join([*last, *map(_score_chip, whole)], by=" "))
    for score in whole:
        if score.rationale:
            yield line(quiet(one_line(f"{score.name}: {score.rationale}")), style="font-size: 12px")
