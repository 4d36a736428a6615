// What is said of the whole run: its name, who plays, how far it is, and the Stop button.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { clockWords, count, isByAnother } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 */

const BAR = /** @type {const} */ (["reached", "not_reached", "void", "assisted", "forked"]);
const COUNTED = /** @type {const} */ ([...BAR, "running", "paused", "waiting"]);
/** Said even where there are none: a rate without its void count misleads. */
const ALWAYS = new Set(["reached", "not_reached", "void"]);

/**
 * @param {{onStop: () => void, onPause: (paused: boolean) => void, onConcurrency: (value: number) => void}} actions
 */
export function createHeader({ onStop, onPause, onConcurrency }) {
  let paused = false;
  const pause = h("button", { type: "button", class: "cs-pause", hidden: true, onclick: () => onPause(!paused) }, "Pause");
  const number = h("input", { type: "number", min: 1, max: 1000, "aria-label": "Conversations at once" });
  const atOnce = h("label", { class: "cs-at-once", hidden: true, title: "How many conversations play at once" }, number, " at once");
  number.addEventListener("change", () => {
    const value = Math.round(Number(number.value));
    if (value >= 1) onConcurrency(value);
  });

  const title = h("strong", { class: "cs-title" });
  const cast = h("span", { class: "cs-cast" });
  const clock = h("span", { class: "cs-clock", title: "How long it has played" });
  const stop = h("button", { type: "button", class: "cs-stop", onclick: onStop }, "Stop");
  const bar = h("div", { class: "cs-bar", role: "progressbar", "aria-valuemin": 0, "aria-label": "Conversations ended" });
  const counts = h("div", { class: "cs-counts" });
  const notes = h("div", { class: "cs-notes" });
  const node = h(
    "header",
    { class: "cs-header" },
    h("div", { class: "cs-headline" }, title, cast, clock, atOnce, pause, stop),
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
      setAttribute(stop, "aria-disabled", state.ended || header.stopping || copy.gone ? "true" : null);
      setAttribute(stop, "title", stopTitle(copy));
      const { steering } = header;
      const plays = steering.live === true && !state.ended && !header.stopping && !copy.gone;
      paused = Boolean(steering.paused);
      pause.hidden = atOnce.hidden = !plays;
      setText(pause, paused ? "Resume" : "Pause");
      setAttribute(pause, "title", paused ? "Let all conversations go on" : "Let all wait before their next user message");
      const now = String(steering.concurrency ?? "");
      if (number !== document.activeElement && number.value !== now) number.value = now;
      const ended = BAR.reduce((total, place) => total + (header.counts[place] ?? 0), 0);
      setAttribute(bar, "aria-valuenow", ended);
      setAttribute(bar, "aria-valuemax", header.total);
      reconcile(bar, BAR.map((place) => segment(place, header.counts[place] ?? 0, header.total)));
      reconcile(counts, countItems(copy));
      reconcile(notes, noteItems(copy));
      this.tick(copy);
    },
    /** @param {Copy} copy */
    tick({ state, startedAt, lost }) {
      if (lost) return; // what it says stood true when the kernel was last heard
      setText(clock, clockWords(state.before + (state.ended ? state.at : (performance.now() - startedAt) / 1000)));
    },
  };
}

/** @param {Copy} copy */
function castWords({ state }) {
  const { agent, settings } = state;
  if (!agent || !settings) return "";
  const { user_model: user, judge_model: judge } = settings;
  const models = user === judge ? [`user and judge ${user}`] : [`user ${user}`, `judge ${judge}`];
  const others = [...new Set([...state.conversations.values()].filter(isByAnother).map((each) => each.agent))];
  return [`agent ${agent.name}`, ...(others.length ? [`forks by ${others.join(", ")}`] : []), ...models].join(" · ");
}

/**
 * @param {Copy} copy
 * @returns {string} what is asked before the keyboard stops the run
 */
export function stopWords({ state }) {
  const open = [...state.conversations.values()].filter((each) => each.status !== "ended").length;
  return `Stop the run? ${count(open, "conversation")} ${open === 1 ? "is" : "are"} not over.`;
}

/**
 * @param {Copy} copy
 * @returns {string} what is said once, when the run is over
 */
export function endWords({ state, header }) {
  const { reached = 0, not_reached: not = 0, void: none = 0 } = header.counts;
  return `Run ${state.stopped ? "stopped" : "ended"}: ${reached} reached, ${not} not reached, ${none} void.`;
}

/** @param {Copy} copy */
function stopTitle({ state, header, gone }) {
  if (state.ended || gone) return "The run is over";
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
    const word = words.standings[place] ?? place;
    if (number || ALWAYS.has(place)) add(place, words.signs[place] ?? "", `${number.toLocaleString("en-US")} ${word}`);
  }
  if (header.rate) add("rate", "", header.rate);
  if (header.corrections) add("corrections", "", count(header.corrections, "correction"));
  header.spent.forEach((text, place) => add(`spent${place}`, "", text));
  if (header.left !== null) add("left", "", `about ${roughly(header.left)} left`);
  if (header.steering.paused && !state.ended) add("held", "", "all held");
  if (header.stopping) add("stopping", "", "stopping …");
  else if (state.ended) add("over", "", state.stopped ? "stopped" : "ended");
  return items;
}

/**
 * @param {number} seconds
 * @returns {string} `20 s`, `3 min`: no more than an estimate can say
 */
function roughly(seconds) {
  return seconds < 55 ? `${Math.max(5, Math.ceil(seconds / 5) * 5)} s` : `${Math.round(seconds / 60)} min`;
}

/**
 * @param {Copy} copy
 * @returns {Item[]}
 */
function noteItems({ state, header, lost, gone: isGone }) {
  const why = isGone ? "The kernel was restarted, and the run ended with it." : "The kernel does not answer: it is busy, or was restarted.";
  const gone = `${why} %convsim show ${state.run_id} brings the run back, after %load_ext convsim_nb.`;
  const said = state.dropped.map((each) => `${each.sink} heard no more of this run: ${each.reason}`);
  const notes = [...(lost ? [gone] : []), ...(header.note ? [header.note] : []), ...said, ...Object.values(state.notices)];
  return [...new Set(notes)].map((text, place) => ({
    key: String(place),
    version: text,
    make: () => h("div", { class: "cs-note", title: text }, text),
  }));
}
