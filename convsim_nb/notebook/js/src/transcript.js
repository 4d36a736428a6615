// The conversation that is shown: only this one is painted, and only what is new in it.

import { streamInto } from "./bubbles.js";
import { h, keepingFocus, reconcile, setAttribute, setText } from "./dom.js";
import { isAssisted } from "./order.js";
import { lastPieces, pieces } from "./pieces.js";
import { paintSides } from "./side_by_side.js";
import { count, label, secondsWords, standing } from "./words.js";

/**
 * @import {Copy} from "./link.js"
 * @import {Side} from "./side_by_side.js"
 * @import {Conversation} from "./types"
 */

/** So many pixels from its end, a transcript counts as read to the end. */
const NEAR = 32;

/**
 * @typedef {object} Actions
 * @property {() => void} onFollow
 * @property {() => void} onBack the list is wanted, where only one of the two has room
 * @property {() => void} onTouch somebody does something here, and wants it to stay
 * @property {(place: number, button: HTMLElement) => void} onMore a message's menu is wanted
 * @property {(place: number) => void} onTrace what happened in the turn of a message is asked for
 * @property {Node} controls what can be done to the conversation
 * @property {Node} panel
 * @property {Node} composer
 */

/** @param {Actions} actions */
export function createTranscript({ onFollow, onBack, onTouch, onMore, onTrace, controls, panel, composer }) {
  const badge = h("span", { class: "cs-badge" });
  const goal = h("strong", { class: "cs-goal", dir: "auto" });
  const facts = h("span", { class: "cs-facts" });
  const back = h("button", { type: "button", class: "cs-back", "aria-label": "Back to the list", title: "Back to the list", onclick: onBack }, "‹ List");
  const follow = h("button", { type: "button", class: "cs-follow", onclick: onFollow }, "Follow the run");
  const log = h("div", { class: "cs-log" });
  const scroller = h("div", { class: "cs-scroller", tabindex: 0, role: "region", "aria-label": "Transcript", "aria-live": "off" }, log);
  const pill = h("button", { type: "button", class: "cs-pill", hidden: true, onclick: toEnd }, "↓ New turns");
  const node = h(
    "section",
    { class: "cs-transcript", "aria-label": "Conversation" },
    h("div", { class: "cs-subject" }, h("div", { class: "cs-named" }, back, badge, goal, follow), h("div", { class: "cs-about-it" }, facts, controls)),
    panel,
    h("div", { class: "cs-reading" }, scroller, pill),
    composer,
  );
  /** @type {string | null} */
  let painted = null;
  let atEnd = true;
  let two = false;
  /** The height of the text and of its window, when they were last looked at. */
  let [height, opening] = [0, 0];

  scroller.addEventListener("scroll", () => {
    // Text that wraps anew scrolls too: only a scroll between equal heights is the reader's.
    if (scroller.scrollHeight !== height || scroller.clientHeight !== opening) return;
    atEnd = height - scroller.scrollTop - opening < NEAR;
    if (atEnd) pill.hidden = true;
  });
  log.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-jump]") : null;
    if (link) jump(Number(link.getAttribute("data-jump")), link.closest("[data-side]")?.getAttribute("data-side") ?? null);
    const more = event.target instanceof Element ? event.target.closest(".cs-more") : null;
    const turn = more?.closest("[data-place]");
    const last = turns().at(-1)?.getAttribute("data-place");
    if (event.target instanceof Element && event.target.closest(".cs-end-trace") && last) onTrace(Number(last));
    if (more instanceof HTMLElement && turn) onMore(Number(turn.getAttribute("data-place")), more);
  });
  // Whatever has the focus here is being used; the text as a whole has it while one only watches.
  const idle = /** @type {unknown[]} */ ([scroller, back, follow, pill]);
  node.addEventListener("focusin", (event) => !idle.includes(event.target) && onTouch());
  node.addEventListener("input", onTouch);
  // Wrapping changes with the width: who read at the end still does.
  new ResizeObserver(() => (atEnd ? toEnd() : measure())).observe(scroller);
  // What a person unfolds is not new.
  log.addEventListener("toggle", measure, true);

  function measure() {
    [height, opening] = [scroller.scrollHeight, scroller.clientHeight];
  }

  function toEnd() {
    atEnd = true;
    pill.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
    measure();
  }

  /**
   * @param {number} place
   * @param {string | null} side of two, where two stand side by side
   */
  function jump(place, side) {
    const here = (/** @type {Element} */ each) => side === null || each.closest("[data-side]")?.getAttribute("data-side") === side;
    const places = turns().filter((each) => each.getAttribute("data-place") === String(place));
    // What both share stands there once.
    const target = places.find(here) ?? places[0];
    if (!target) return;
    target.closest("details.cs-shared")?.setAttribute("open", "");
    reveal(target);
    target.classList.remove("cs-flash");
    void target.offsetWidth; // so that the same message flashes again
    target.classList.add("cs-flash");
  }

  /** @param {HTMLElement} turn */
  function reveal(turn) {
    const [box, found] = [scroller.getBoundingClientRect(), turn.getBoundingClientRect()];
    scroller.scrollTop += found.top - box.top - Math.max(8, (box.height - found.height) / 3);
    turn.focus({ preventScroll: true });
  }

  const turns = () => /** @type {HTMLElement[]} */ ([...log.querySelectorAll("[data-place]")]);

  return {
    node,
    /** True while the person has not scrolled away from the end. */
    get atEnd() {
      return atEnd;
    },
    /**
     * @param {Copy} copy
     * @param {Conversation | undefined} conversation
     * @param {boolean} following
     * @param {[Side, Side] | null} [sides] both, where another stands beside it
     */
    paint(copy, conversation, following, sides = null) {
      follow.hidden = following || copy.state.ended;
      if (!conversation) {
        setText(goal, copy.known ? "No conversation yet" : "");
        reconcile(log, []);
        return;
      }
      const now = (sides ?? [{ conversation }]).map((each) => each.conversation.key).join(" ");
      const changed = painted !== now;
      painted = now;
      two = sides !== null;
      log.classList.toggle("cs-two", two);
      paintSubject(copy, conversation, { badge, goal, facts });
      keepingFocus(log, scroller, () => (sides ? paintSides(log, sides) : paintAlone(copy, conversation)));
      if (changed) {
        atEnd = !two && conversation.status !== "ended";
        pill.hidden = true;
      }
      settle(changed, conversation.status !== "ended");
    },
    /** @returns {number | null} the message that has the focus, or the last one */
    get here() {
      if (two) return null; // the places of two conversations
      const turn = document.activeElement?.closest("[data-place]") ?? turns().at(-1);
      return turn && log.contains(turn) ? Number(turn.getAttribute("data-place")) : null;
    },
    /** @param {number} step */
    move(step) {
      const all = turns();
      const here = all.findIndex((each) => each === document.activeElement);
      const top = scroller.getBoundingClientRect().top;
      const visible = all.findIndex((each) => each.getBoundingClientRect().bottom > top + 4);
      const next = all[here < 0 ? Math.max(visible, 0) : here + step];
      if (next) reveal(next);
    },
    /** Open all tool calls of the turn that has the focus, or of all turns; or close them. */
    fold() {
      const turn = document.activeElement?.closest("[data-place]");
      const tools = [...(turn && log.contains(turn) ? turn : log).querySelectorAll("details")];
      const open = !tools.every((each) => each.open);
      for (const each of tools) each.open = open;
    },
  };

  /**
   * @param {boolean} changed whether this is another conversation than before
   * @param {boolean} plays whether what is new in it are turns
   */
  function settle(changed, plays) {
    const grown = scroller.scrollHeight > height;
    measure();
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
    else if (changed) scroller.scrollTop = 0;
    else if (grown && plays) pill.hidden = false;
  }

  /**
   * @param {Copy} copy
   * @param {Conversation} conversation
   */
  function paintAlone(copy, conversation) {
    const canAct = copy.header.steering.live !== undefined;
    reconcile(log, [...pieces(copy, conversation, canAct), ...lastPieces(copy, conversation, canAct)]);
    const stream = log.querySelector(".cs-streaming")?.parentElement;
    if (stream) streamInto(stream, copy.state.in_flight.get(conversation.key) ?? "");
  }
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {{badge: HTMLElement, goal: HTMLElement, facts: HTMLElement}} nodes
 */
function paintSubject(copy, conversation, { badge, goal, facts }) {
  const now = standing(conversation);
  const tone = copy.words.tones[now] ?? "live";
  badge.className = `cs-badge cs-chip cs-tone-${tone}`;
  setText(badge, `${copy.words.signs[now] ?? ""} ${copy.words.standings[now] ?? now}`);
  setText(goal, copy.state.cases.get(conversation.case_id)?.goal ?? conversation.case_id);
  setAttribute(goal, "title", goal.textContent);
  setText(facts, factWords(copy, conversation));
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 */
function factWords({ words }, conversation) {
  const { stop, started, ended, turn } = conversation;
  const said = [label(conversation)];
  if (isAssisted(conversation)) said.push("assisted: outside the rate");
  else if (conversation.origin) said.push("outside the rate");
  if (turn) said.push(stop ? count(turn, "turn") : `turn ${turn}`);
  if (stop) said.push(words.stops[stop] ?? stop);
  if (started !== null && ended !== null) said.push(secondsWords(ended - started));
  if (conversation.attempt > 1) said.push(`attempt ${conversation.attempt}`);
  return said.join(" · ");
}
