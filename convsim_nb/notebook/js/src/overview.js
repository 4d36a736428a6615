// All conversations: a strip of numbered squares, and a list.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { isAssisted } from "./order.js";
import { count, label, secondsWords, standing } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Conversation} from "./types"
 */

/**
 * @param {{onChoose: (key: string) => void}} actions
 */
export function createStrip({ onChoose }) {
  const node = h("div", { class: "cs-strip", role: "toolbar", "aria-label": "Conversations by number" });
  node.addEventListener("click", (event) => {
    const key = keyOf(event);
    if (key !== null) onChoose(key);
  });
  return {
    node,
    /**
     * @param {Copy} copy
     * @param {string | null} shown
     */
    paint(copy, shown) {
      const items = [...copy.state.conversations.values()].map((each, place) => square(copy, each, place + 1, shown));
      reconcile(node, items);
    },
  };
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {number} number
 * @param {string | null} shown
 * @returns {Item}
 */
function square(copy, conversation, number, shown) {
  const now = standing(conversation);
  const chosen = conversation.key === shown;
  const apart = isApart(conversation);
  const update = (/** @type {HTMLElement} */ node) => {
    const said = `${number}: ${label(conversation)}, ${copy.words.standings[now] ?? now}`;
    node.className = `cs-square cs-${now}${apart ? " cs-apart" : ""}`;
    setAttribute(node, "aria-label", said);
    setAttribute(node, "title", said);
    setAttribute(node, "aria-pressed", chosen ? "true" : "false");
    setAttribute(node, "tabindex", chosen ? 0 : -1);
  };
  const make = () => {
    const node = h("button", { type: "button", "data-key": conversation.key }, String(number));
    update(node);
    return node;
  };
  return { key: conversation.key, version: `${now} ${chosen} ${apart}`, make, update };
}

/**
 * @param {Conversation} conversation
 * @returns {boolean} whether it stands outside rates, whatever comes of it
 */
const isApart = (conversation) => conversation.origin !== null || isAssisted(conversation);

/** @param {{onChoose: (key: string) => void}} actions */
export function createList({ onChoose }) {
  const node = h("div", { class: "cs-list", role: "listbox", "aria-label": "Conversations" });
  node.addEventListener("click", (event) => {
    const key = keyOf(event);
    if (key !== null) onChoose(key);
  });
  return {
    node,
    /**
     * @param {Copy} copy
     * @param {Conversation[]} conversations as listed
     * @param {string | null} shown
     */
    paint(copy, conversations, shown) {
      reconcile(node, conversations.length ? conversations.map((each) => row(copy, each, shown)) : [nobody()]);
      // One stop for the Tab key, also where what is shown is not in the list.
      if (!node.querySelector("[tabindex='0']")) node.firstElementChild?.setAttribute("tabindex", "0");
    },
    /** @param {string} key */
    reveal(key) {
      const found = [...node.children].find((each) => each.getAttribute("data-key") === key);
      if (!found) return;
      // `scrollIntoView` would scroll the notebook too.
      const [box, line] = [node.getBoundingClientRect(), found.getBoundingClientRect()];
      if (line.top < box.top) node.scrollTop += line.top - box.top;
      else if (line.bottom > box.bottom) node.scrollTop += line.bottom - box.bottom;
    },
  };
}

/** @returns {Item} */
function nobody() {
  const make = () => h("div", { class: "cs-nobody", role: "option", "aria-disabled": "true" }, "No conversation fits.");
  return { key: "", version: 0, make };
}

/** A conversation in which so little happened for so many seconds is said to be idle. */
const IDLE = 5;

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @returns {number} whole seconds since something happened in one that plays, else 0
 */
function idle({ heardAt, lost, state }, { key, status }) {
  const at = heardAt.get(key);
  if (at === undefined || status !== "running" || lost || state.ended) return 0;
  const seconds = Math.floor((performance.now() - at) / 1000);
  return seconds >= IDLE ? seconds : 0;
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {string | null} shown
 * @returns {Item}
 */
function row(copy, conversation, shown) {
  const now = standing(conversation);
  const chosen = conversation.key === shown;
  const goal = copy.state.cases.get(conversation.case_id)?.goal ?? "";
  const update = (/** @type {HTMLElement} */ node) => {
    const [sign, , facts, turns] = /** @type {HTMLElement[]} */ ([...node.children]);
    if (!sign || !facts || !turns) return;
    node.className = `cs-row cs-${now}`;
    setAttribute(node, "aria-selected", chosen ? "true" : "false");
    setAttribute(node, "tabindex", chosen ? 0 : -1);
    setText(sign, copy.words.signs[now] ?? "");
    const words = factWords(copy, conversation);
    const number = conversation.turn ? count(conversation.turn, "turn") : "";
    setAttribute(node, "aria-label", [goal, words, number].filter(Boolean).join(", "));
    setText(facts, words);
    setText(turns, conversation.turn ? String(conversation.turn) : "");
    setAttribute(turns, "title", number || null);
  };
  const make = () => {
    const node = h(
      "div",
      { role: "option", "data-key": conversation.key, title: goal },
      h("span", { class: "cs-sign", "aria-hidden": "true" }),
      h("span", { class: "cs-goal", dir: "auto" }, goal || label(conversation)),
      h("span", { class: "cs-facts" }),
      h("span", { class: "cs-turns" }),
    );
    update(node);
    return node;
  };
  const { turn, attempt, rejections, doubts, released } = conversation;
  const beside = `${rejections.length} ${doubts.length} ${released.length} ${idle(copy, conversation)}`;
  const labelled = copy.header.steering.labels?.[conversation.key]?.value ?? "";
  return { key: conversation.key, version: `${now} ${turn} ${attempt} ${chosen} ${beside} ${labelled}`, make, update };
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @returns {string} `not reached · out of turns · rebook-to-oslo`
 */
function factWords(copy, conversation) {
  const { words, header } = copy;
  const now = standing(conversation);
  const stop = conversation.stop ? words.stops[conversation.stop] : "";
  // "goal reached" beside "reached" says nothing.
  const why = conversation.stop === "goal_reached" ? "" : stop;
  const waited = idle(copy, conversation);
  const assisted = isAssisted(conversation) ? "assisted" : "";
  const labelled = header.steering.labels?.[conversation.key]?.value;
  const own = labelled ? `you: ${labelled === "simulator_fault" ? "simulator’s fault" : labelled.replace("_", " ")}` : "";
  const stopped = conversation.rejections.length ? `${conversation.rejections.length} stopped` : "";
  const quiet = waited ? `idle ${secondsWords(waited)}` : "";
  return [words.standings[now] ?? now, quiet, why, assisted, own, stopped, label(conversation)].filter(Boolean).join(" · ");
}

/**
 * @param {Event} event
 * @returns {string | null} the conversation that was clicked
 */
function keyOf(event) {
  const target = event.target instanceof Element ? event.target.closest("[data-key]") : null;
  return target?.getAttribute("data-key") ?? null;
}
