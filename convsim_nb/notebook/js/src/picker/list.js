// The list of sessions: only the rows in sight are in the page, so that ten thousand scroll like ten.

import { h, setAttribute, setText } from "../dom.js";
import { count, secondsWords } from "../words.js";
import { elsewhere, outcomeWords, pieces, whenWords } from "./core.js";

/**
 * @import {Outcome, Row} from "./types"
 */

/** The height of a row in pixels, as the style sheet has it. */
export const ROW = 48;
/** So many rows beyond both edges are there already. */
const BEYOND = 8;
/** Narrower than this, a row shows one mark and counts the others; in pixels. */
const NARROW = 560;
const SIGNS = { waiting: "·", reading: "▸", done: "✓", failed: "✗" };

/**
 * @typedef {object} Shown what the list is painted from
 * @property {Row[]} rows
 * @property {ReadonlySet<string>} picked
 * @property {ReadonlyMap<string, Outcome>} outcomes
 * @property {string[]} words that were searched for
 * @property {string | null} active the row that keys act on
 * @property {string | null} opened the session whose transcript is shown
 * @property {boolean} complete whether there are none further back
 */

/** @param {{onClick: (id: string, how: {shift: boolean}) => void, onRead: (id: string) => void}} actions */
export function createList({ onClick, onRead }) {
  const prefix = `cs-s${Math.random().toString(36).slice(2)}`;
  const sizer = h("div", { class: "cs-sizer", role: "presentation" });
  const node = h("div", {
    class: "cs-sessions",
    role: "listbox",
    tabindex: 0,
    "aria-multiselectable": "true",
    "aria-label": "Sessions",
  }, sizer);
  /** @type {Shown} */
  let now = { rows: [], picked: new Set(), outcomes: new Map(), words: [], active: null, opened: null, complete: true };
  /** @type {Map<string, number>} */
  let places = new Map();
  /** @type {Map<string, {node: HTMLElement, version: string, row: Row | undefined}>} */
  const nodes = new Map();
  let frame = 0;
  let most = 3;
  /** The last that was seen: while a theme is changed nothing has a height, and nobody tells when that is over. */
  let height = 0;

  node.addEventListener("scroll", soon, { passive: true });
  // Between a press and a release nothing may be selected as text: Shift and click would mark the page.
  node.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  node.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const id = target?.closest("[data-id]")?.getAttribute("data-id");
    if (id === null || id === undefined) return;
    if (target?.closest(".cs-read")) onRead(id);
    else onClick(id, { shift: event.shiftKey });
  });
  node.addEventListener("dblclick", (event) => {
    const id = event.target instanceof Element ? event.target.closest("[data-id]")?.getAttribute("data-id") : null;
    if (id && !(event.target instanceof Element && event.target.closest(".cs-read"))) onRead(id);
  });
  const observer = new ResizeObserver(soon);
  observer.observe(node);

  function soon() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      place();
    });
  }

  /** @param {Shown} shown */
  function paint(shown) {
    if (shown.rows !== now.rows) places = new Map(shown.rows.map((row, n) => [row.id, n]));
    now = shown;
    const all = `${shown.rows.length * ROW}px`;
    if (sizer.style.blockSize !== all) sizer.style.blockSize = all;
    place();
  }

  /** Put the rows in sight into the page, and take the others out. */
  function place() {
    const { rows } = now;
    height = node.clientHeight || height;
    most = node.clientWidth < NARROW ? 1 : 3;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((node.scrollTop + height) / ROW) + BEYOND);
    const wanted = new Set();
    for (let n = first; n < last; n += 1) wanted.add(/** @type {Row} */ (rows[n]).id);
    // A reader of the screen must find the row that keys act on, also where it is out of sight.
    if (now.active !== null && places.has(now.active)) wanted.add(now.active);
    for (const [id, entry] of nodes) {
      if (wanted.has(id)) continue;
      entry.node.remove();
      nodes.delete(id);
    }
    for (const id of wanted) put(/** @type {number} */ (places.get(id)));
    setAttribute(node, "aria-activedescendant", now.active !== null && nodes.has(now.active) ? nodes.get(now.active)?.node.id : null);
  }

  /** @param {number} at */
  function put(at) {
    const row = /** @type {Row} */ (now.rows[at]);
    const outcome = now.outcomes.get(row.id);
    const picked = now.picked.has(row.id);
    const active = now.active === row.id;
    const version = `${at} ${picked} ${active} ${now.opened === row.id} ${now.words.join(" ")} ${outcomeWords(outcome)} ${now.rows.length} ${now.complete} ${most}`;
    let entry = nodes.get(row.id);
    if (entry?.version === version && entry.row === row) return;
    if (!entry) {
      entry = { node: blank(row.id), version: "", row: undefined };
      nodes.set(row.id, entry);
      sizer.append(entry.node);
    }
    fill(entry.node, row, at, { picked, active, outcome });
    entry.version = version;
    entry.row = row;
  }

  /** @param {string} id */
  function blank(id) {
    return h(
      "div",
      { role: "option", class: "cs-session", "data-id": id },
      h("span", { class: "cs-tick", "aria-hidden": "true" }),
      h("span", { class: "cs-first", dir: "auto" }),
      h("span", { class: "cs-marks" }),
      h("span", { class: "cs-facts" }),
      h("span", { class: "cs-outcome" }),
      h("span", { class: "cs-read", "aria-hidden": "true", title: "Read it (Enter)" }, "›"),
    );
  }

  /**
   * @param {HTMLElement} node
   * @param {Row} row
   * @param {number} at
   * @param {{picked: boolean, active: boolean, outcome: Outcome | undefined}} how
   */
  function fill(node, row, at, { picked, active, outcome }) {
    const [, first, marks, facts, result] = /** @type {HTMLElement[]} */ ([...node.children]);
    if (!first || !marks || !facts || !result) return;
    const when = whenWords(row.at, Date.now());
    const turns = count(row.turns, "turn");
    const warned = [...row.marks, ...(row.simulated ? ["simulated"] : [])];
    const came = outcomeWords(outcome);
    node.id = `${prefix}-${at}`;
    node.style.transform = `translateY(${at * ROW}px)`;
    node.className = `cs-session${active ? " cs-active" : ""}${now.opened === row.id ? " cs-opened" : ""}`;
    setAttribute(node, "aria-selected", picked ? "true" : "false");
    setAttribute(node, "aria-posinset", at + 1);
    setAttribute(node, "aria-setsize", now.complete ? now.rows.length : -1);
    setAttribute(node, "aria-label", [row.first || row.name, turns, when, ...warned, came].filter(Boolean).join(", "));
    first.replaceChildren(...marked(row.first || "(nothing was said)", now.words));
    first.title = row.first;
    const more = warned.length - most;
    marks.replaceChildren(...warned.slice(0, most).map((each) => markNode(each, row)), ...(more > 0 ? [h("span", {}, `+${more}`)] : []));
    marks.title = warned.join("\n");
    const found = elsewhere(row, now.words);
    if (found) facts.replaceChildren(...marked(found, now.words));
    else setText(facts, [turns, when, row.seconds ? secondsWords(row.seconds) : "", row.name].filter(Boolean).join(" · "));
    facts.title = row.at === null ? row.name : `${row.name}, last heard of ${new Date(row.at).toLocaleString()}`;
    result.className = `cs-outcome cs-is-${outcome?.state ?? "new"}`;
    setText(result, outcome ? `${SIGNS[outcome.state]} ${came}` : "");
    result.title = outcome?.problems.join("\n") ?? "";
  }

  return {
    node,
    paint,
    /**
     * Bring a row into sight; `scrollIntoView` would scroll the notebook too.
     * @param {string} id
     */
    reveal(id) {
      const at = places.get(id);
      if (at === undefined) return;
      const top = at * ROW;
      if (top < node.scrollTop) node.scrollTop = top;
      else if (top + ROW > node.scrollTop + node.clientHeight) node.scrollTop = top + ROW - node.clientHeight;
      place();
    },
    /** What was written is old: say it anew. */
    forget() {
      for (const entry of nodes.values()) entry.version = "";
    },
    toTop: () => void (node.scrollTop = 0),
    /** How many rows are in sight. */
    get page() {
      return Math.max(1, Math.floor(node.clientHeight / ROW) - 1);
    },
    close() {
      observer.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}

/**
 * @param {string} text
 * @param {string[]} words
 * @returns {(Node | string)[]}
 */
const marked = (text, words) => pieces(text, words).map((piece) => (piece.found ? h("mark", {}, piece.text) : piece.text));

/**
 * @param {string} mark
 * @param {Row} row
 */
function markNode(mark, row) {
  const warns = row.marks.includes(mark);
  return h("span", { class: `cs-chip${warns ? " cs-tone-bad" : ""}`, title: mark }, warns ? `! ${mark}` : mark);
}
