// Two runs against each other: the cases that changed, worst first, each with both transcripts side by side.

import { channel } from "./channel.js";
import { h, keepingFocus, reconcile, setAttribute, setText } from "./dom.js";
import { createHelp, listen } from "./keys.js";
import { emptyCopy } from "./link.js";
import { neighbour } from "./order.js";
import { paintSides } from "./side_by_side.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Side} from "./side_by_side.js"
 * @import {Conversation, Model, Quotes, ScoreLine, Standing, Words} from "./types"
 */

/**
 * @typedef {object} Change one case in both runs
 * @property {string} case_id
 * @property {string} goal
 * @property {number} gap the second's share of trials that reached the goal, less the first's
 * @property {[string, string]} reached `1 of 2`
 * @property {[[number, Standing][], [number, Standing][]]} trials the number and the verdict of each
 * @property {[number, number]} start the places of the two that show best what changed
 */
/** @typedef {{name: string, said: string[], rows: string[][], cases: Change[]}} Other */
/** @typedef {{name: string, others: Other[], words: Words}} Comparison */
/** @typedef {{conversation: Conversation, html: Record<string, string>, quotes: Quotes, scores: ScoreLine[]}} Transcript */

const KEYS = [
  ["n  p", "next, previous case"],
  ["j  k", "next, previous message"],
  ["t", "the next trial of both"],
  ["space", "unfold or fold tool calls and what both share"],
  ["?", "this help"],
];

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createCompareView(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createCompareView(model) {
  const kernel = channel(model, { onState: take, onLost: () => say(kernel.lost ? "The kernel does not answer." : ""), isOver: () => true });
  const answer = h("span", { class: "cs-answer", dir: "auto" });
  const which = h("select", { "aria-label": "Compared run", hidden: true });
  const numbers = h("div", { class: "cs-numbers-in", tabindex: 0, role: "region", "aria-label": "Numbers" });
  const extent = h("select", { "aria-label": "Which cases" }, h("option", { value: "" }, "Changed"), h("option", { value: "all" }, "All cases"));
  const told = h("span", { class: "cs-told" });
  const list = h("div", { class: "cs-list", role: "listbox", "aria-label": "Cases" });
  const back = h("button", { type: "button", class: "cs-back", "aria-label": "Back to the list", onclick: () => toList(true) }, "‹ List");
  const goal = h("strong", { class: "cs-goal", dir: "auto" });
  const facts = h("span", { class: "cs-facts" });
  const trials = /** @type {[HTMLSelectElement, HTMLSelectElement]} */ ([h("select", {}), h("select", {})]);
  const trialNames = [h("span", { dir: "auto" }), h("span", { dir: "auto" })];
  const log = h("div", { class: "cs-log cs-two" });
  const scroller = h("div", { class: "cs-scroller", tabindex: 0, role: "region", "aria-label": "Transcripts side by side" }, log);
  const problem = h("div", { class: "cs-toast", role: "alert", hidden: true });
  const help = createHelp(KEYS);
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-either cs-compare cs-unknown", role: "region", "aria-label": "Comparison of runs" },
    h(
      "header",
      { class: "cs-header" },
      h("div", { class: "cs-headline" }, answer, which),
      h("details", { class: "cs-numbers" }, h("summary", {}, "Numbers, and how far they carry"), numbers),
    ),
    h(
      "div",
      { class: "cs-panes" },
      h("div", { class: "cs-side" }, h("div", { class: "cs-filters" }, extent, told), list),
      h(
        "section",
        { class: "cs-transcript", "aria-label": "Case" },
        h(
          "div",
          { class: "cs-subject" },
          h("div", { class: "cs-named" }, back, goal),
          h("div", { class: "cs-about-it" }, facts, h("div", { class: "cs-trials" }, ...trials.map((each, n) => h("label", {}, trialNames[n] ?? "", " ", each)))),
        ),
        h("div", { class: "cs-reading" }, scroller),
      ),
    ),
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
    help.node,
    problem,
  );
  /** @type {Comparison | null} */
  let comparison = null;
  let place = 0;
  /** @type {string | null} */
  let shown = null;
  /** What was asked for last: an answer to anything else comes too late. */
  let wanted = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saying;

  const other = () => comparison?.others[place];
  const listed = () => (other()?.cases ?? []).filter((each) => extent.value === "all" || each.gap !== 0);
  const keys = () => listed().map((each) => each.case_id);

  listen(node, {
    n: () => choose(neighbour(keys(), shown, 1)),
    p: () => choose(neighbour(keys(), shown, -1)),
    j: () => move(1),
    k: () => move(-1),
    t: nextTrials,
    " ": fold,
    "?": () => help.toggle(),
    Escape: () => help.toggle(false),
  });
  which.addEventListener("input", () => {
    place = Number(which.value);
    shown = null;
    paint();
  });
  extent.addEventListener("input", () => paint());
  for (const each of trials) each.addEventListener("input", () => void openPair());
  list.addEventListener("click", ({ target }) => {
    const row = target instanceof Element ? target.closest("[data-key]") : null;
    choose(row?.getAttribute("data-key") ?? null);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") toList(false);
    if (!step) return;
    event.preventDefault();
    choose(neighbour(keys(), shown, step));
    toList(true);
    /** @type {HTMLElement | null} */ (list.querySelector("[tabindex='0']"))?.focus({ preventScroll: true });
  });
  log.addEventListener("click", (event) => {
    const quote = event.target instanceof Element ? event.target.closest("[data-jump]") : null;
    const side = quote?.closest("[data-side]");
    const to = `[data-place="${Number(quote?.getAttribute("data-jump"))}"]`;
    const found = quote && (log.querySelector(`[data-side="${Number(side?.getAttribute("data-side"))}"] ${to}`) ?? log.querySelector(to));
    if (found instanceof HTMLElement) reveal(found);
  });

  /** @param {Comparison} state */
  function take(state) {
    comparison = state;
    node.classList.remove("cs-unknown");
    which.hidden = state.others.length < 2;
    which.replaceChildren(...state.others.map(({ name }, n) => h("option", { value: n }, name)));
    which.value = String(place);
    shown = null;
    paint();
  }

  /** @param {string} text */
  function say(text) {
    setText(problem, text);
    problem.hidden = !text;
    clearTimeout(saying);
    if (text) saying = setTimeout(() => (problem.hidden = true), 8000);
  }

  // --- what is shown -----------------------------------------------------------------

  function paint() {
    const now = other();
    if (!comparison || !now) return;
    setText(answer, now.said[0] ?? "");
    const [head = [], ...rows] = now.rows;
    numbers.replaceChildren(
      ...now.said.slice(1).map((each) => h("div", { class: "cs-told" }, each)),
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...head.map((each) => h("th", { scope: "col" }, each)))),
        h("tbody", {}, ...rows.map(([name = "", ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((each) => h("td", {}, each))))),
      ),
    );
    const changed = now.cases.filter((each) => each.gap !== 0).length;
    setText(told, `${changed} of ${now.cases.length} changed`);
    if (!keys().includes(shown ?? "")) shown = keys()[0] ?? null;
    paintList();
    openCase();
  }

  function paintList() {
    const items = listed().map((each) => row(each, each.case_id === shown));
    reconcile(list, items.length ? items : [nothing()]);
    if (!list.querySelector("[tabindex='0']")) list.firstElementChild?.setAttribute("tabindex", "0");
    const [box, line] = [list, list.querySelector("[aria-selected='true']")].map((each) => each?.getBoundingClientRect());
    if (box && line && line.top < box.top) list.scrollTop += line.top - box.top;
    else if (box && line && line.bottom > box.bottom) list.scrollTop += line.bottom - box.bottom;
  }

  /** @param {string | null} key */
  function choose(key) {
    toList(false);
    if (key === null || key === shown) return;
    shown = key;
    paintList();
    openCase();
  }

  /** @param {boolean} atList where only one has room: the list, or the transcripts */
  function toList(atList) {
    node.classList.toggle("cs-at-list", atList);
  }

  /** The case that is shown, at the trials that show best what changed. */
  function openCase() {
    const change = other()?.cases.find((each) => each.case_id === shown);
    setText(goal, change ? change.goal || change.case_id : "No case changed");
    setAttribute(goal, "title", goal.textContent);
    setText(facts, change ? `${change.case_id} · ${change.reached[0]} → ${change.reached[1]} reached` : "");
    const names = [comparison?.name ?? "", other()?.name ?? ""];
    trials.forEach((each, n) => {
      const played = change?.trials[n] ?? [];
      setText(trialNames[n] ?? each, names[n] ?? "");
      setAttribute(each, "aria-label", `Trial of ${names[n]}`);
      each.parentElement?.toggleAttribute("hidden", (change?.trials ?? []).every((both) => both.length < 2));
      each.replaceChildren(...played.map(([number, verdict], at) => h("option", { value: at }, `trial ${number} ${wordsOf(verdict)}`)));
      each.value = String(change?.start[n] ?? 0);
    });
    keepingFocus(log, scroller, () => reconcile(log, []));
    if (change) void openPair();
  }

  /** @param {Standing} verdict */
  function wordsOf(verdict) {
    const { signs = {}, standings = {} } = comparison?.words ?? {};
    return `${signs[verdict] ?? ""} ${standings[verdict] ?? verdict}`;
  }

  async function openPair() {
    const at = other()?.cases.findIndex((each) => each.case_id === shown) ?? -1;
    const given = { other: place, case: at, first: Number(trials[0].value), second: Number(trials[1].value) };
    const asked = (wanted = JSON.stringify(given));
    try {
      const { first, second } = await kernel.ask("pair", given);
      if (asked !== wanted) return;
      const [one, two] = [sideOf(first, comparison?.name ?? ""), sideOf(second, other()?.name ?? "")];
      keepingFocus(log, scroller, () => paintSides(log, [one, two]));
      scroller.scrollTop = 0;
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * @param {Transcript} transcript
   * @param {string} name
   * @returns {Side}
   */
  function sideOf({ conversation, html, quotes, scores }, name) {
    /** @type {Copy} */
    const copy = { ...emptyCopy(), known: true, words: comparison?.words ?? emptyCopy().words, html: new Map(Object.entries(html)), quotes };
    copy.scores.set(conversation.key, { as_of: 1, said: scores });
    return { copy, conversation, name };
  }

  // --- keys --------------------------------------------------------------------------

  function nextTrials() {
    for (const each of trials) if (each.options.length) each.selectedIndex = (each.selectedIndex + 1) % each.options.length;
    void openPair();
  }

  function fold() {
    const tools = [...log.querySelectorAll("details")];
    const open = !tools.every((each) => each.open);
    for (const each of tools) each.open = open;
  }

  /** @param {number} step */
  function move(step) {
    const all = /** @type {HTMLElement[]} */ ([...log.querySelectorAll("[data-place]")]).filter((each) => each.checkVisibility());
    const here = all.findIndex((each) => each === document.activeElement);
    const next = all[here < 0 ? 0 : here + step];
    if (next) reveal(next);
  }

  /** @param {HTMLElement} turn */
  function reveal(turn) {
    turn.closest("details.cs-shared")?.setAttribute("open", "");
    const [box, found] = [scroller.getBoundingClientRect(), turn.getBoundingClientRect()];
    scroller.scrollTop += found.top - box.top - Math.max(40, (box.height - found.height) / 3);
    turn.focus({ preventScroll: true });
    turn.classList.remove("cs-flash");
    void turn.offsetWidth; // so that the same message flashes again
    turn.classList.add("cs-flash");
  }

  return {
    node,
    start: kernel.hello,
    close() {
      clearTimeout(saying);
      kernel.close();
      node.remove();
    },
  };
}

/**
 * @param {Change} change
 * @param {boolean} chosen
 * @returns {Item}
 */
function row({ case_id: key, goal, gap, reached }, chosen) {
  const [sign, word] = gap < 0 ? ["▼", "worse"] : gap > 0 ? ["▲", "better"] : ["·", "as before"];
  const said = `${word} · ${reached[0]} → ${reached[1]} · ${key}`;
  const update = (/** @type {HTMLElement} */ node) => {
    setAttribute(node, "aria-selected", chosen ? "true" : "false");
    setAttribute(node, "tabindex", chosen ? 0 : -1);
  };
  const make = () => {
    const node = h(
      "div",
      { class: `cs-row cs-${word.replace(" ", "-")}`, role: "option", "data-key": key, title: goal, "aria-label": `${goal || key}, ${said}` },
      h("span", { class: "cs-sign", "aria-hidden": "true" }, sign),
      h("span", { class: "cs-goal", dir: "auto" }, goal || key),
      h("span", { class: "cs-facts" }, said),
    );
    update(node);
    return node;
  };
  return { key, version: `${chosen} ${said}`, make, update };
}

/** @returns {Item} */
const nothing = () => ({
  key: "",
  version: 0,
  make: () => h("div", { class: "cs-nobody", role: "option", "aria-disabled": "true" }, "No case went better or worse."),
});

export default { render };
