// Over the run that is shown: which one it is, its comparison with another, and what failed in it.

import { h, reconcile, setAttribute, setSanitised, setText } from "./dom.js";
import { SHOW, against as agentWords, benchLink, tellAll, whatPlays } from "./workbench_parts.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Model} from "./types"
 * @import {Bench, Failed, RunLine} from "./workbench_parts.js"
 */

/**
 * @param {Model} model
 * @param {HTMLElement} el
 */
export function createShelf(model, el) {
  const kernel = benchLink(model, { onState: take });
  /** @type {Bench | null} */
  let bench = null;
  /** The run that the person chose to compare with; by default the one before. */
  let other = "";

  const which = h("select", { "aria-label": "Run that is shown", onchange: () => void tried("look_at", { run_id: which.value }) });
  const compare = h("button", { type: "button", class: "cs-button", onclick: () => void compareThem() }, "Compare");
  const against = h("select", { "aria-label": "Compare with", onchange: () => ((other = against.value), paintTitle(against)) });
  const pair = h("span", { class: "cs-wb-pair" }, compare, h("span", { class: "cs-wb-with" }, "with"), against);
  const line = h("div", { class: "cs-wb-line cs-wb-which" }, which, pair);
  const chips = h("span", { class: "cs-wb-chips" });
  chips.addEventListener("wheel", scrollAcross);
  const none = h("span", { class: "cs-wb-quiet" });
  const again = h("button", { type: "button", class: "cs-plain-button", onclick: () => void playFailed() }, "Run these again");
  const failed = h(
    "div",
    { class: "cs-wb-failed", role: "group", "aria-label": "Cases that did not reach their goal", hidden: true },
    h("span", { class: "cs-wb-quiet" }, "Not reached:"),
    none,
    chips,
    again,
  );
  const problem = h("div", { class: "cs-wb-problem", role: "alert", hidden: true });
  const words = h("div", { class: "cs-wb-comparison-html", tabindex: 0, role: "document", "aria-label": "Comparison" });
  const back = h("button", { type: "button", class: "cs-button", onclick: closeComparison }, "Back to the run");
  const comparison = h("div", { class: "cs-wb-comparison", hidden: true }, back, words);
  const toPlay = h("p", {});
  const toTake = h("p", {});
  const empty = h(
    "div",
    { class: "cs-wb-empty" },
    h("p", {}, h("strong", {}, "No run yet")),
    toPlay,
    toTake,
    h("p", {}, "It shows here while it plays: every conversation, and what the judge makes of it."),
  );
  const node = h(
    "div",
    { class: "cs-look cs-wb cs-wb-shelf cs-unknown", role: "region", "aria-label": "Runs" },
    line,
    failed,
    problem,
    comparison,
    empty,
    h("div", { class: "cs-hint" }),
  );

  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "F6") return;
    event.stopPropagation();
    if (event.key === "Escape" && !comparison.hidden) closeComparison();
  });

  /** @param {Bench} now */
  function take(now) {
    bench = now;
    node.classList.remove("cs-unknown");
    paint();
  }

  /**
   * @param {string} what
   * @param {Record<string, unknown>} given
   * @returns {Promise<Record<string, any> | null>}
   */
  async function tried(what, given) {
    setText(problem, "");
    problem.hidden = true;
    try {
      return await kernel.ask(what, given);
    } catch (error) {
      setText(problem, error instanceof Error ? error.message : String(error));
      problem.hidden = false;
      return null;
    }
  }

  async function compareThem() {
    const shown = bench?.runs.find((each) => each.shown);
    if (!shown || !against.value) return;
    // The list begins with the newest: the older one is what the other is compared to.
    const [second, first] = (bench?.runs ?? []).map((each) => each.run_id).filter((id) => id === shown.run_id || id === against.value);
    const done = await tried("compare", { first, second });
    if (!done) return;
    setSanitised(words, done.html);
    // What holds a table scrolls where it is too wide: by keys, too.
    for (const table of words.querySelectorAll("table")) table.parentElement?.setAttribute("tabindex", "0");
    comparison.hidden = false;
    node.classList.add("cs-wb-comparing");
    words.focus({ preventScroll: true });
  }

  function closeComparison() {
    comparison.hidden = true;
    node.classList.remove("cs-wb-comparing");
    compare.focus();
  }

  async function playFailed() {
    if (bench && !bench.playing) await tried("run", { failed: true });
  }

  /** @param {Failed} line */
  function show(line) {
    if (!comparison.hidden) closeComparison();
    tellAll(el, SHOW, { key: line.key });
    tellAll(el, SHOW, { case_id: line.case_id });
  }

  // --- painting ----------------------------------------------------------------------

  function paint() {
    if (!bench) return;
    const { runs } = bench;
    const shown = runs.find((each) => each.shown);
    line.hidden = !runs.length;
    empty.hidden = Boolean(shown);
    paintEmpty(bench);
    reconcile(which, [...(shown ? [] : [choice("Show an earlier run …")]), ...grouped(runs)]);
    if (shown && document.activeElement !== which) which.value = shown.run_id;
    paintCompare(runs, shown);
    paintFailed(shown);
  }

  /** @param {Bench} bench what Run will do, and what that takes */
  function paintEmpty({ counts, agent, estimate }) {
    const wrong = agent.problem || estimate.problem;
    const able = counts.cases && agent.name && !wrong;
    const said = able
      ? `Run plays ${whatPlays(counts)} ${agentWords(agent)}, as the notebook defines it at that moment.`
      : "Run plays the cases of the grid, or those that are marked, against your agent as the notebook defines it at that moment.";
    setText(toPlay, said);
    setText(toTake, able && estimate.words ? `That takes ${estimate.words.join(", ")}.` : "");
    toTake.hidden = !toTake.textContent;
  }

  /**
   * @param {RunLine[]} runs
   * @param {RunLine | undefined} shown
   */
  function paintCompare(runs, shown) {
    const others = runs.filter((each) => each !== shown && each.ended);
    const alike = others.filter((each) => each.shared); // a folder has runs of other notebooks, too
    const before = alike.find((each) => shown && runs.indexOf(each) > runs.indexOf(shown)) ?? alike[0];
    pair.hidden = !shown?.ended || !others.length;
    reconcile(against, [...(before ? [] : [choice("another run …")]), ...grouped(others)]);
    if (!others.some((each) => each.run_id === other)) other = "";
    if (document.activeElement !== against) against.value = other || (before?.run_id ?? "");
    for (const each of [which, against]) paintTitle(each);
  }

  /** @param {RunLine | undefined} shown what failed in it, as it comes, is one click away in the grid and in the run */
  function paintFailed(shown) {
    const lines = shown ? (bench?.failed ?? []) : [];
    failed.hidden = !shown;
    none.hidden = Boolean(lines.length);
    setText(none, shown?.ended ? "none" : "none so far");
    const left = (shown?.not_reached ?? 0) - lines.length;
    const more = left > 0 ? [{ key: "more", version: left, make: () => h("span", { class: "cs-wb-quiet" }, `and ${left} more`) }] : [];
    reconcile(chips, [...lines.map(chip), ...more]);
    again.hidden = !lines.length || !shown?.ended;
    setAttribute(again, "aria-disabled", bench?.playing ? "true" : null);
  }

  /**
   * @param {Failed} line
   * @returns {Item}
   */
  function chip(line) {
    const name = line.trial > 1 ? `${line.case_id}, trial ${line.trial}` : line.case_id;
    const make = () =>
      h("button", { type: "button", class: "cs-wb-chip", title: `${line.goal}: ${line.why}`, onclick: () => show(line) }, h("span", { "aria-hidden": "true" }, "✗ "), name);
    return { key: `case ${line.key}`, version: line.why, make };
  }

  return {
    node,
    start: kernel.hello,
    close() {
      kernel.close();
      node.remove();
    },
  };
}

/**
 * The wheel goes along a line that is longer than its place.
 * @param {WheelEvent} event
 */
function scrollAcross(event) {
  const line = event.currentTarget;
  if (!(line instanceof HTMLElement) || event.deltaX || line.scrollWidth <= line.clientWidth) return;
  event.preventDefault();
  line.scrollLeft += event.deltaY;
}

/** @param {HTMLSelectElement} select where it is cut short, its choice is said whole */
function paintTitle(select) {
  setAttribute(select, "title", select.selectedOptions[0]?.textContent ?? null);
}

/**
 * @param {string} started
 * @returns {Intl.DateTimeFormatOptions} the hour of today's, the day too of others
 */
function whenWords(started) {
  const hour = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const isToday = new Date(started).toDateString() === new Date().toDateString();
  return isToday ? hour : { day: "numeric", month: "short", ...hour };
}

/**
 * @param {RunLine[]} runs
 * @returns {Item[]} the runs of this kernel, then those that only the disk has
 */
function grouped(runs) {
  const here = runs.filter((each) => each.here);
  const earlier = runs.filter((each) => !each.here);
  return [group("Here", here), group("Earlier", earlier)].filter((each) => each !== null);
}

/**
 * @param {string} label
 * @param {RunLine[]} runs
 * @returns {Item | null}
 */
function group(label, runs) {
  if (!runs.length) return null;
  const options = runs.map(option);
  const update = (/** @type {HTMLElement} */ node) => reconcile(node, options);
  const make = () => {
    const node = h("optgroup", { label });
    update(node);
    return node;
  };
  return { key: label, version: options.map((each) => `${each.key} ${each.version}`).join(), make, update };
}

/**
 * @param {string} text
 * @returns {Item}
 */
const choice = (text) => ({ key: "choice", version: 0, make: () => h("option", { value: "" }, text) });

/**
 * @param {RunLine} run
 * @returns {Item}
 */
function option(run) {
  const rate = run.ended ? (run.rate.split(",")[0] ?? "") : run.playing ? "playing" : "cut short";
  const far = run.ended && run.stopped ? `stopped, ${run.done} of ${run.total} done` : "";
  const when = run.started ? new Date(run.started).toLocaleString([], whenWords(run.started)) : "";
  // Where there is little room the end is cut off: what tells two versions apart comes first. A run that nobody named
  // has its id for a name.
  const version = `${run.hash.slice(0, 7)} ${when}`.trim();
  const said = [version, rate, far, run.agent, run.name].filter(Boolean).join(" · ");
  const update = (/** @type {HTMLElement} */ node) => {
    setText(node, said);
    setAttribute(node, "title", said);
  };
  return { key: run.run_id, version: said, make: () => h("option", { value: run.run_id, title: said }, said), update };
}
