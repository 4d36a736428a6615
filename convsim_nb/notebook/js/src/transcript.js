// The conversation that is shown: only this one is painted, and only what is new in it.

import {
  aboutNode,
  checkNode,
  chip,
  doubtNode,
  endNode,
  messageNode,
  rejectionNode,
  releaseNode,
  spentNode,
  streamInto,
  streamingNode,
  typingNode,
} from "./bubbles.js";
import { h, reconcile, setAttribute, setText } from "./dom.js";
import { isAssisted } from "./order.js";
import { capitalised, count, label, secondsWords, standing } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Conversation} from "./types"
 */

/** So many pixels from its end, a transcript counts as read to the end. */
const NEAR = 32;

/**
 * @typedef {object} Actions
 * @property {() => void} onFollow
 * @property {(place: number, button: HTMLElement) => void} onMore a message's menu is wanted
 * @property {Node} controls what can be done to the conversation
 * @property {Node} panel
 * @property {Node} composer
 */

/** @param {Actions} actions */
export function createTranscript({ onFollow, onMore, controls, panel, composer }) {
  const badge = h("span", { class: "cs-badge" });
  const goal = h("strong", { class: "cs-goal", dir: "auto" });
  const facts = h("span", { class: "cs-facts" });
  const follow = h("button", { type: "button", class: "cs-follow", onclick: onFollow }, "Follow the run");
  const log = h("div", { class: "cs-log" });
  const scroller = h("div", { class: "cs-scroller", tabindex: 0, role: "region", "aria-label": "Transcript", "aria-live": "off" }, log);
  const pill = h("button", { type: "button", class: "cs-pill", hidden: true, onclick: toEnd }, "↓ New turns");
  const node = h(
    "section",
    { class: "cs-transcript", "aria-label": "Conversation" },
    h("div", { class: "cs-subject" }, h("div", { class: "cs-named" }, badge, goal, follow), h("div", { class: "cs-about-it" }, facts, controls)),
    panel,
    h("div", { class: "cs-reading" }, scroller, pill),
    composer,
  );
  /** @type {string | null} */
  let painted = null;
  let atEnd = true;
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
    if (link) jump(Number(link.getAttribute("data-jump")));
    const more = event.target instanceof Element ? event.target.closest(".cs-more") : null;
    const turn = more?.closest("[data-place]");
    if (more instanceof HTMLElement && turn) onMore(Number(turn.getAttribute("data-place")), more);
  });
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

  /** @param {number} place */
  function jump(place) {
    const target = turns().find((each) => each.getAttribute("data-place") === String(place));
    if (!target) return;
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
     */
    paint(copy, conversation, following) {
      follow.hidden = following || copy.state.ended;
      if (!conversation) {
        setText(goal, copy.known ? "No conversation yet" : "");
        reconcile(log, []);
        return;
      }
      const changed = painted !== conversation.key;
      painted = conversation.key;
      paintSubject(copy, conversation, { badge, goal, facts });
      reconcile(log, items(copy, conversation));
      paintStream(copy, conversation);
      if (changed) {
        atEnd = conversation.status !== "ended";
        pill.hidden = true;
      }
      settle(changed);
    },
    /** @returns {number | null} the message that has the focus, or the last one */
    get here() {
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

  /** @param {boolean} changed whether this is another conversation than before */
  function settle(changed) {
    const grown = scroller.scrollHeight > height;
    measure();
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
    else if (changed) scroller.scrollTop = 0;
    else if (grown) pill.hidden = false;
  }

  /**
   * @param {Copy} copy
   * @param {Conversation} conversation
   */
  function paintStream(copy, conversation) {
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

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @returns {Item[]} turn by turn: what a guard stopped, the messages, and what was made of them
 */
function items(copy, conversation) {
  const { attempt, checks, doubts, rejections, released, turn_usage } = conversation;
  const canAct = copy.header.steering.live !== undefined;
  const testCase = copy.state.cases.get(conversation.case_id);
  const attemptKey = `${conversation.key}#${attempt}`;
  const places = copy.quotes[attemptKey] ?? {};
  /** @type {(Item & {turn: number, rank: number})[]} */
  const all = [];
  const add = (
    /** @type {number} */ turn,
    /** @type {number} */ rank,
    /** @type {string} */ name,
    /** @type {string | number | undefined} */ version,
    /** @type {() => HTMLElement} */ make,
  ) => all.push({ turn, rank, key: `${attemptKey} ${name}`, version: version ?? "", make });

  if (testCase) add(-1, 0, "about", 0, () => aboutNode(testCase));
  rejections.forEach((each, n) => add(each.turn, 0, `rejected ${n}`, 0, () => rejectionNode(each)));
  conversation.messages.forEach((each, place) => {
    const html = copy.html.get(`${attemptKey}.${place}`);
    const turn = conversation.message_turns[place] ?? 0;
    const version = `${html === undefined ? "plain" : "html"} ${canAct}`;
    // Doubts are about the user's words, and stand between them and the agent's.
    const rank = each.role === "user" ? 1 : 1.5;
    add(turn, turn ? rank : 1, `message ${place}`, version, () => messageNode(copy, each, place, turn, html, canAct));
  });
  doubts.forEach((each, n) => add(each.turn, 1.2, `doubt ${n}`, 0, () => doubtNode(each)));
  released.forEach((each, n) => {
    const place = places[each.quote];
    add(each.turn, 2, `released ${n}`, place, () => releaseNode(each, place));
  });
  checks.forEach((each, n) => {
    const place = places[each.evidence];
    add(each.turn, 3, `check ${n}`, place, () => checkNode(copy, each, place));
  });
  for (const [turn, usage] of Object.entries(turn_usage)) {
    const tokens = usage.input_tokens + usage.output_tokens;
    if (Number(turn) && tokens) add(Number(turn), 4, `spent ${turn}`, tokens, () => spentNode(usage));
  }
  all.sort((one, other) => one.turn - other.turn || one.rank - other.rank);
  return [...all, ...lastItem(copy, conversation, attemptKey)];
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {string} attemptKey
 * @returns {Item[]} what stands under the last message: text that streams, who is writing, or the end
 */
function lastItem(copy, conversation, attemptKey) {
  const { words, state } = copy;
  const key = `${attemptKey} last`;
  if (conversation.stop !== null) {
    const now = standing(conversation);
    const verdict = `${words.signs[now] ?? ""} ${words.standings[now] ?? now}`;
    const stop = words.stops[conversation.stop] ?? conversation.stop;
    const make = () => endNode(words.tones[now] ?? "void", verdict, stop, conversation.detail);
    return [{ key, version: `end ${conversation.stop} ${conversation.detail}`, make }];
  }
  if (conversation.status === "waiting") {
    return [{ key, version: "waiting", make: () => h("div", { class: "cs-end" }, chip("quiet", "waiting for its turn")) }];
  }
  if (conversation.status === "paused") {
    return [{ key, version: "paused", make: () => h("div", { class: "cs-end" }, chip("live", "‖ paused")) }];
  }
  if (state.in_flight.has(conversation.key)) return [{ key, version: "streaming", make: streamingNode }];
  const agentIsNext = conversation.messages.at(-1)?.role === "user";
  const role = agentIsNext ? "assistant" : "user";
  const who = capitalised(words.roles[agentIsNext ? "assistant/agent" : "user/simulated"] ?? role);
  return [{ key, version: `typing ${role}`, make: () => typingNode(role, who) }];
}
