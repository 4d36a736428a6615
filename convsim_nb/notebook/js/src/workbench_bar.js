// The bar over the panes: the steps where it is narrow, how far the run is, settings, Stop and Run.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { CHOSEN, SHOW, against, benchLink, benchOf, tellAll, whatPlays } from "./workbench_parts.js";
import { keepForm } from "./workbench_form.js";
import { createSettings } from "./workbench_settings.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Model} from "./types"
 * @import {Bench, RunLine, Step} from "./workbench_parts.js"
 */

const STEPS = /** @type {const} */ (["sessions", "cases", "runs"]);
const NAMES = { sessions: "Sessions", cases: "Cases", runs: "Runs" };
const EMPTY = "No case to run yet: select sessions and distill them, or add a case";
const RESTARTED = "The kernel was restarted: run %load_ext convsim_nb and the cells above, then this cell again.";
/** In the saved form, the hour since when it has been so. */
const KEPT = /, as of (\d\d:\d\d:\d\d)$/;
const SEGMENTS = /** @type {const} */ (["reached", "not_reached", "void"]);
const PANES = [".cs-wb-bar", ".cs-wb-sessions-pane", ".cs-wb-cases-pane", ".cs-wb-runs-pane"];

/**
 * @param {Model} model
 * @param {HTMLElement} el
 */
export function createBar(model, el) {
  const kernel = benchLink(model, { onState: take, onLost: paint });
  /** @type {Bench | null} */
  let bench = null;
  /** @type {Step} */
  let step = "cases";
  let chosen = false;
  /** How much had changed when the kernel refused what stands in the bar. */
  let refusedAt = -1;
  /** The hour of the kernel's saved form when the page's was seen to be older; when it was asked for; and when it could not be put in. */
  let [seenBehind, askedFor, unmended] = ["", "", ""];
  /** Run was pressed, and the kernel has not answered. */
  let begins = false;

  const steps = h("nav", { class: "cs-wb-steps", "aria-label": "Steps" });
  const toggle = h("button", { type: "button", class: "cs-button cs-wb-toggle", onclick: toggleSessions }, "Sessions");
  const bar = h("div", { class: "cs-wb-progress", role: "progressbar", "aria-label": "Conversations ended", "aria-valuemin": 0 });
  const far = h("span", { class: "cs-wb-far" });
  const settingsButton = h("button", { type: "button", class: "cs-button", "aria-expanded": "false", onclick: () => openSettings() }, "Settings");
  const stop = h("button", { type: "button", class: "cs-stop cs-wb-stop cs-wb-unseen", onclick: () => void tried("stop") }, "Stop");
  const run = h("button", { type: "button", class: "cs-main cs-wb-run", onclick: play }, "Run");
  const plays = h("span", { class: "cs-wb-plays" });
  const problem = h("div", { class: "cs-wb-problem", role: "alert", hidden: true });
  const notice = h("div", { class: "cs-wb-notice", role: "status", hidden: true });
  const behind = h("div", { class: "cs-wb-notice cs-wb-behind", role: "status", hidden: true });
  const settings = createSettings({ onSet: (name, value) => void tried("set", { name, value }), onClose: () => openSettings(false) });
  const node = h(
    "div",
    { class: "cs-look cs-wb cs-wb-bar cs-unknown", role: "region", "aria-label": "Workbench", "data-step": step },
    h(
      "div",
      { class: "cs-wb-line" },
      h("strong", { class: "cs-wb-name" }, "convsim"),
      toggle,
      steps,
      h("div", { class: "cs-wb-meter" }, bar, far),
      stop,
      settingsButton,
      run,
    ),
    h("div", { class: "cs-wb-line cs-wb-second" }, plays, problem),
    notice,
    behind,
    settings.node,
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
  );
  const clock = setInterval(() => {
    kernel.watch();
    paintBehind();
  }, 1000);

  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "F6") return;
    event.stopPropagation(); // the notebook has keys of its own
    if (event.key === "Escape" && settings.isOpen) openSettings(false);
  });
  document.addEventListener(CHOSEN, onChosen);
  document.addEventListener("keydown", onF6, true); // before the grid, which keeps its keys to itself

  /** @param {Bench} now */
  function take(now) {
    if (bench === null) go(now.step, false);
    bench = now;
    if (!problem.hidden && refusedAt !== now.changes) say("");
    node.classList.remove("cs-unknown");
    paint();
  }

  // --- what a person does ------------------------------------------------------------

  /**
   * @param {string} what
   * @param {Record<string, unknown>} [given]
   * @returns {Promise<boolean>} whether it was done; what the kernel refuses stands in the bar
   */
  async function tried(what, given = {}) {
    try {
      await kernel.ask(what, given);
      say("");
      return true;
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async function play() {
    if (!bench || bench.playing || begins || kernel.gone) return;
    begins = true;
    paint();
    say("");
    // A field that has the focus has said nothing of its change yet.
    if (settings.node.contains(document.activeElement)) run.focus();
    const began = await tried("run");
    begins = false;
    paint();
    if (!began) {
      if (bench && needsSettings(bench)) openSettings(true);
      return;
    }
    if (steps.checkVisibility()) shut(); // another step is shown; where the panes stand beside each other, nothing moves
    go("runs");
  }

  /**
   * @param {Step} to
   * @param {boolean} [tell] whether the kernel is told, for the next page
   */
  function go(to, tell = true) {
    step = to;
    node.dataset.step = to;
    if (tell) void tried("step", { name: to });
    paint();
  }

  function toggleSessions() {
    void tried("sessions", { open: !bench?.sessions_open });
  }

  /** @param {boolean} [open] */
  function openSettings(open = !settings.isOpen) {
    settings.toggle(open);
    setAttribute(settingsButton, "aria-expanded", open ? "true" : "false");
    if (open) settings.focus();
    else settingsButton.focus();
    chosen = true;
  }

  function shut() {
    settings.toggle(false);
    setAttribute(settingsButton, "aria-expanded", "false");
  }

  /** @param {string} text */
  function say(text) {
    setText(problem, text);
    problem.hidden = !text;
    plays.hidden = Boolean(text);
    refusedAt = bench?.changes ?? -1;
  }

  /** @param {Event} event a conversation was chosen: its case is marked in the grid */
  function onChosen(event) {
    if (!(event instanceof CustomEvent && event.target instanceof Node && benchOf(el)?.contains(event.target))) return;
    tellAll(el, SHOW, { case_id: event.detail.case_id });
  }

  /** @param {KeyboardEvent} event F6 and Shift+F6 go from pane to pane, as in other desktop programs */
  function onF6(event) {
    const root = benchOf(el);
    if (event.key !== "F6" || !root || !(event.target instanceof Node && root.contains(event.target))) return;
    const panes = PANES.map((each) => root.querySelector(each)).filter((each) => each instanceof HTMLElement && each.checkVisibility());
    const here = panes.findIndex((each) => each?.contains(/** @type {Node} */ (event.target)));
    const next = panes[(here + (event.shiftKey ? panes.length - 1 : 1)) % panes.length];
    const first = next?.querySelector(".cs-look [tabindex='0'], .cs-look button, .cs-look input, .cs-look select");
    if (!(first instanceof HTMLElement)) return;
    event.preventDefault();
    event.stopPropagation();
    first.focus();
  }

  // --- painting ----------------------------------------------------------------------

  function paint() {
    if (!bench) return;
    const { counts, playing, runs } = bench;
    const shown = runs.find((each) => each.shown && each.here);
    node.classList.toggle("cs-wb-no-sessions", !bench.sessions_open);
    reconcile(steps, STEPS.map(stepItem));
    setAttribute(toggle, "aria-pressed", bench.sessions_open ? "true" : "false");
    setAttribute(toggle, "title", bench.sessions_open ? "Give the room of the sessions to the cases" : "Pick recorded sessions");
    paintMeter(shown);
    const live = runs.find((each) => each.playing && each.here);
    stop.classList.toggle("cs-wb-unseen", !runs.some((each) => each.here));
    setAttribute(stop, "aria-disabled", live && !live.ended && !live.stopping && !kernel.gone ? null : "true");
    setAttribute(stop, "title", playing && !kernel.gone ? "End all conversations and keep what was done" : "No run is playing");
    setAttribute(run, "aria-disabled", playing || begins || kernel.gone ? "true" : null);
    setAttribute(run, "title", kernel.gone ? RESTARTED : playing ? "A run is playing" : `Play ${whatPlays(counts)}`);
    paintWords();
    paintNotice();
    settings.paint(bench.settings, bench.estimate);
    if (!chosen && needsSettings(bench)) {
      settings.toggle(true);
      setAttribute(settingsButton, "aria-expanded", "true");
    }
    chosen = true;
  }

  /**
   * @param {Step} name
   * @returns {Item}
   */
  function stepItem(name) {
    const number = name === "runs" ? (bench?.runs.filter((each) => each.here).length ?? 0) : bench?.counts[name];
    const update = (/** @type {HTMLElement} */ node) => {
      setAttribute(node, "aria-current", name === step ? "step" : null);
      setText(/** @type {Node} */ (node.lastChild), number ? number.toLocaleString("en-US") : "");
    };
    const make = () => {
      const node = h("button", { type: "button", onclick: () => go(name) }, NAMES[name], " ", h("small"));
      update(node);
      return node;
    };
    return { key: name, version: `${number} ${name === step}`, make, update };
  }

  /** @param {RunLine | undefined} shown */
  function paintMeter(shown) {
    bar.hidden = !shown;
    if (!shown) return setText(far, "");
    setAttribute(bar, "aria-valuemax", shown.total);
    setAttribute(bar, "aria-valuenow", shown.total - shown.unfinished);
    reconcile(bar, SEGMENTS.map((place) => segment(place, shown[place], shown.total)));
    const parts = [`${shown.reached} reached`, `${shown.not_reached} not`, `${shown.void} void`];
    if (shown.unfinished) parts.push(`${shown.unfinished} ${kernel.gone ? "cut short" : "to go"}`);
    if (shown.ended && shown.playing) parts.push("being written …");
    else if (shown.stopping && !kernel.gone) parts.push("stopping …");
    setText(far, parts.join(" · "));
  }

  function paintWords() {
    if (!bench) return;
    const { agent, estimate } = bench;
    const wrong = [agent.problem, estimate.problem].filter(Boolean);
    const able = [bench.counts.cases ? `Run plays ${whatPlays(bench.counts)} ${against(agent)}` : EMPTY, ...(estimate.words ?? [])];
    const said = wrong.length ? `Run cannot play: ${wrong.join(" · ")}` : able.join(" · ");
    setText(plays, kernel.gone ? RESTARTED : kernel.lost ? "The kernel does not answer: it is busy, or was restarted." : said);
    setAttribute(plays, "title", wrong.length ? said : (estimate.basis ?? null));
    plays.classList.toggle("cs-wb-wrong", Boolean(wrong.length || kernel.gone || kernel.lost));
    if (kernel.gone) {
      problem.hidden = true;
      plays.hidden = false;
    }
  }

  function paintNotice() {
    const said = bench?.notice ?? null;
    notice.hidden = said === null;
    if (!said || notice.dataset.text === said.text) return;
    notice.dataset.text = said.text;
    const take = said.name && h("button", { type: "button", class: "cs-plain-button", onclick: () => void tried("bring_back") }, said.name);
    const cross = h("button", { type: "button", class: "cs-cross", "aria-label": "Dismiss", onclick: () => void tried("dismiss") }, "×");
    notice.replaceChildren(h("span", {}, said.text), ...(take ? [take] : []), cross);
  }

  /**
   * What the page holds of the saved form is not what the kernel drew last: updates do not reach a page that was loaded
   * since. It is put in its place; where the host does not let us, the person is told.
   */
  function paintBehind() {
    const hour = keptForm(el)?.match(KEPT)?.[1] ?? "";
    const kept = bench?.kept ?? "";
    const isBehind = Boolean(hour && kept && hour !== kept);
    if (isBehind && seenBehind === kept && askedFor !== kept) void mend(hour, kept); // an update may be on its way
    seenBehind = isBehind ? kept : "";
    behind.hidden = !isBehind || unmended !== kept;
    if (!behind.hidden) setText(behind, `What the notebook keeps, below, is as of ${hour}: before you save it, run this cell again. Nothing is lost by that.`);
  }

  /**
   * @param {string} hour
   * @param {string} kept
   */
  async function mend(hour, kept) {
    askedFor = kept;
    try {
      const { form } = await kernel.ask("form", {});
      unmended = keepForm(model.widget_manager, hour, form) ? "" : kept;
    } catch {
      unmended = kept; // the kernel is busy, or older than the page
    }
    paintBehind();
  }

  return {
    node,
    start: kernel.hello,
    close() {
      clearInterval(clock);
      document.removeEventListener(CHOSEN, onChosen);
      document.removeEventListener("keydown", onF6, true);
      kernel.close();
      node.remove();
    },
  };
}

/**
 * @param {HTMLElement} el
 * @returns {string | null} the summary of the saved form in the same output
 */
function keptForm(el) {
  const output = el.closest(".jp-OutputArea:not(.jp-OutputArea .jp-OutputArea)") ?? el.closest(".jp-OutputArea");
  const summaries = [...(output?.querySelectorAll("details > summary") ?? [])];
  return summaries.map((each) => each.textContent ?? "").find((each) => KEPT.test(each)) ?? null;
}

/** @param {Bench} bench */
function needsSettings({ settings, agent }) {
  const model = settings.fields.find((each) => each.name === "user_model");
  return !agent.name || !model?.value;
}

/**
 * @param {string} place
 * @param {number} number
 * @param {number} total
 * @returns {Item}
 */
function segment(place, number, total) {
  const width = `${total ? (100 * number) / total : 0}%`;
  const update = (/** @type {HTMLElement} */ node) => void (node.style.inlineSize = width);
  const make = () => {
    const node = h("span", { class: `cs-wb-segment cs-${place}` });
    update(node);
    return node;
  };
  return { key: place, version: width, make, update };
}
