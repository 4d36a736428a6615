// What is said of the whole run: its name, who plays, how far it is, and the Stop button.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { clockWords, count } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 */

const BAR = /** @type {const} */ (["reached", "not_reached", "void", "apart"]);
const COUNTED = /** @type {const} */ ([...BAR, "running", "paused", "waiting"]);
/** Said even where there are none: a rate without its void count misleads. */
const ALWAYS = new Set(["reached", "not_reached", "void"]);

/** @param {{onStop: () => void}} actions */
export function createHeader({ onStop }) {
  const title = h("strong", { class: "cs-title" });
  const cast = h("span", { class: "cs-cast" });
  const clock = h("span", { class: "cs-clock", title: "Elapsed" });
  const stop = h("button", { type: "button", class: "cs-stop", onclick: onStop }, "Stop");
  const bar = h("div", { class: "cs-bar", role: "progressbar", "aria-valuemin": 0, "aria-label": "Conversations ended" });
  const counts = h("div", { class: "cs-counts" });
  const notes = h("div", { class: "cs-notes" });
  const node = h(
    "header",
    { class: "cs-header" },
    h("div", { class: "cs-headline" }, title, cast, clock, stop),
    h("div", { class: "cs-progress" }, bar, counts),
    notes,
  );

  return {
    node,
    /** @param {Copy} copy */
    paint(copy) {
      const { state, header } = copy;
      setText(title, header.title);
      setText(cast, castWords(copy));
      setAttribute(stop, "aria-disabled", state.ended || header.stopping ? "true" : null);
      setAttribute(stop, "title", stopTitle(copy));
      const ended = BAR.reduce((total, place) => total + (header.counts[place] ?? 0), 0);
      setAttribute(bar, "aria-valuenow", ended);
      setAttribute(bar, "aria-valuemax", header.total);
      reconcile(bar, BAR.map((place) => segment(place, header.counts[place] ?? 0, header.total)));
      reconcile(counts, countItems(copy));
      reconcile(notes, noteItems(copy));
      this.tick(copy);
    },
    /** @param {Copy} copy */
    tick({ state, startedAt }) {
      setText(clock, clockWords(state.ended ? state.at : (performance.now() - startedAt) / 1000));
    },
  };
}

/** @param {Copy} copy */
function castWords({ state }) {
  const { agent, settings } = state;
  if (!agent || !settings) return "";
  const { user_model: user, judge_model: judge } = settings;
  const models = user === judge ? [`user and judge ${user}`] : [`user ${user}`, `judge ${judge}`];
  return [`agent ${agent.name}`, ...models].join(" · ");
}

/** @param {Copy} copy */
function stopTitle({ state, header }) {
  if (state.ended) return "The run is over";
  return header.stopping ? "The run is being stopped" : "End all conversations and keep what was done";
}

/**
 * @param {string} place
 * @param {number} number
 * @param {number} total
 * @returns {Item}
 */
function segment(place, number, total) {
  const width = `${total ? (100 * number) / total : 0}%`;
  const grow = (/** @type {HTMLElement} */ node) => void (node.style.inlineSize = width);
  const make = () => {
    const node = h("span", { class: `cs-segment cs-${place}` });
    grow(node);
    return node;
  };
  return { key: place, version: width, make, update: grow };
}

/**
 * @param {Copy} copy
 * @returns {Item[]}
 */
function countItems({ state, header, words }) {
  /** @type {Item[]} */
  const items = [];
  const add = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {string} */ text) => {
    const make = () =>
      h("span", { class: `cs-count cs-${key}` }, sign && h("span", { class: "cs-sign", "aria-hidden": "true" }, sign), text);
    items.push({ key, version: sign + text, make });
  };
  for (const place of COUNTED) {
    const number = header.counts[place] ?? 0;
    const word = words.standings[place] ?? "outside the rate";
    if (number || ALWAYS.has(place)) add(place, words.signs[place] ?? "", `${number.toLocaleString("en-US")} ${word}`);
  }
  if (header.corrections) add("corrections", "", count(header.corrections, "correction"));
  header.spent.forEach((text, place) => add(`spent${place}`, "", text));
  if (header.stopping) add("stopping", "", "stopping …");
  else if (state.ended) add("over", "", state.stopped ? "stopped" : "ended");
  return items;
}

/**
 * @param {Copy} copy
 * @returns {Item[]}
 */
function noteItems({ state, header }) {
  const said = state.dropped.map((each) => `${each.sink} heard no more of this run: ${each.reason}`);
  const notes = [...(header.note ? [header.note] : []), ...said, ...Object.values(state.notices)];
  return notes.map((text, place) => ({
    key: String(place),
    version: text,
    make: () => h("div", { class: "cs-note", title: text }, text),
  }));
}
