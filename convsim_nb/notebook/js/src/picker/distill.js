// "Distill selected": the model and what it will take, then how far each session is, then what came of it.

import { h, setAttribute, setText } from "../dom.js";
import { count, secondsWords } from "../words.js";
import { jobWords } from "./core.js";

/**
 * @import {Ask, Head, Job} from "./types"
 */

/** After so long without a key in the model's field, the estimate is asked for again. */
const PAUSE = 400;

/** @param {{ask: Ask, onShow: (id: string) => void, nameOf: (id: string) => string, onToggle: () => void}} actions */
export function createDistill({ ask, onShow, nameOf, onToggle }) {
  const title = h("strong", {});
  const cross = h("button", { type: "button", class: "cs-cross", "aria-label": "Close", onclick: close }, "×");
  const model = h("input", { type: "text", id: `cs-m${Math.random().toString(36).slice(2)}`, placeholder: "openai:/gpt-5-mini", autocomplete: "off", spellcheck: "false" });
  const own = h("div", { hidden: true });
  const go = h("button", { type: "submit", class: "cs-main" }, "Distill");
  const field = h("div", { class: "cs-field" }, h("label", { for: model.id }, "Model that distills"), h("div", { class: "cs-model" }, model, own, go));
  const estimate = h("div", { class: "cs-estimate", role: "status" });
  const again = h("input", { type: "checkbox" });
  const knownWords = h("span", {});
  const known = h("label", { class: "cs-choice", hidden: true }, again, knownWords);
  const problem = h("div", { class: "cs-problem", role: "alert" });
  const form = h("form", { class: "cs-form" }, field, problem, estimate, known);
  const bar = h("div", { class: "cs-gauge", role: "progressbar", "aria-label": "Sessions distilled", "aria-valuemin": 0 }, h("span", { class: "cs-good" }), h("span", { class: "cs-bad" }));
  const words = h("span", { class: "cs-words" });
  const stop = h("button", { type: "button", class: "cs-stop", onclick: stopIt }, "Stop distilling");
  const spent = h("div", { class: "cs-why" });
  const fault = h("div", { class: "cs-problem", role: "alert" });
  const problems = h("ul", { class: "cs-problems", "aria-label": "Problems" });
  const progress = h("div", { class: "cs-job" }, h("div", { class: "cs-row-of" }, bar, words, stop), spent, fault, problems);
  const node = h("section", { class: "cs-distill", hidden: true, role: "group" }, h("div", { class: "cs-distill-head" }, title, cross), form, progress);
  /** Whether the person asked for the form, and has not sent it. */
  let asking = false;
  let typed = false;
  let selected = 0;
  let asked = 0;
  /** The job whose end was read. */
  let seen = 0;
  /** @type {Head | null} */
  let head = null;
  /** @type {Element | null} */
  let before = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  let listed = "";

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void begin();
  });
  model.addEventListener("input", () => {
    typed = true;
    problem.textContent = "";
    reckonSoon();
  });
  again.addEventListener("change", () => void reckon());
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });

  function open() {
    before = document.activeElement;
    asking = true;
    again.checked = false;
    problem.textContent = "";
    setText(estimate, "");
    paintAll();
    void reckon();
    (own.hidden ? model : go).focus({ preventScroll: true });
    onToggle();
  }

  function close() {
    asking = false;
    if (head?.job?.stage === "ended") seen = head.job.number;
    clearTimeout(pause);
    const inside = node.contains(document.activeElement);
    paintAll();
    if (node.hidden && inside && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    onToggle();
  }

  function reckonSoon() {
    clearTimeout(pause);
    pause = setTimeout(() => void reckon(), PAUSE);
  }

  async function reckon() {
    if (!asking) return;
    clearTimeout(pause);
    const mine = (asked += 1);
    const slow = setTimeout(() => mine === asked && setText(estimate, "Reading the sessions to reckon what it takes …"), 250);
    try {
      const found = await ask("estimate", { model: model.value.trim(), again: again.checked });
      if (mine !== asked) return;
      setText(estimate, found.said ?? "");
      estimate.title = found.basis ?? "";
      known.hidden = !found.known;
      setText(knownWords, knownSaid(found.known ?? 0));
      go.disabled = !again.checked && (found.known ?? 0) >= selected;
    } catch (error) {
      if (mine === asked) setText(estimate, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(slow);
    }
  }

  /** @param {number} number */
  const knownSaid = (number) =>
    number >= selected
      ? `${selected === 1 ? "This was" : `All ${selected} were`} distilled by this model already: distill again`
      : `${number} of ${selected} ${number === 1 ? "was" : "were"} distilled by this model already, and ${number === 1 ? "is" : "are"} left out: distill again too`;

  async function begin() {
    if (go.disabled) return;
    go.disabled = true;
    problem.textContent = "";
    try {
      await ask("distill", { model: model.value.trim(), again: again.checked });
      asking = false;
      paintAll();
      if (document.activeElement === document.body || node.contains(document.activeElement)) stay();
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      if (own.hidden) model.focus({ preventScroll: true });
    }
    go.disabled = false;
  }

  /** What had the focus is gone: it goes to what stands in its place. */
  function stay() {
    const here = [stop, cross].find((each) => !each.hidden && !node.hidden && !progress.hidden) ?? before;
    if (here instanceof HTMLElement && here.isConnected) here.focus({ preventScroll: true });
  }

  function stopIt() {
    if (head?.job && !head.job.stopping) void ask("stop").catch(() => {});
  }

  function paintAll() {
    const job = head?.job ?? null;
    const working = job !== null && (job.stage !== "ended" || job.number !== seen);
    node.hidden = !(asking || working);
    form.hidden = !asking;
    progress.hidden = asking || !working;
    cross.hidden = !asking && job?.stage !== "ended";
    setText(title, asking ? `Distill ${count(selected, "session")}` : job?.stage === "ended" ? "Distilled" : "Distilling");
    setAttribute(node, "aria-label", title.textContent);
    if (!progress.hidden && job) paintJob(job);
  }

  /** @param {Job} job */
  function paintJob(job) {
    const ended = job.stage === "ended";
    const [good, bad] = /** @type {HTMLElement[]} */ ([...bar.children]);
    const share = (/** @type {number} */ number) => `${job.total ? (100 * number) / job.total : 0}%`;
    if (good && bad) {
      good.style.inlineSize = share(job.done - job.failed);
      bad.style.inlineSize = share(job.failed);
    }
    setAttribute(bar, "aria-valuemax", job.total);
    setAttribute(bar, "aria-valuenow", job.done);
    setText(words, jobWords(job));
    const pressed = document.activeElement === stop;
    stop.hidden = ended;
    if (ended && pressed) stay();
    setAttribute(stop, "aria-disabled", job.stopping ? "true" : null);
    setText(stop, job.stopping ? "Stopping …" : "Stop distilling");
    const took = ended ? secondsWords(job.seconds) : "";
    const where = node.closest(".convsim-workbench") ? "added to the cases" : "kept as the picker’s cases";
    const kept = ended && job.cases ? where : "";
    setText(spent, [`by ${job.model}`, job.spent, took, kept].filter(Boolean).join(" · "));
    setText(fault, job.problem);
    const text = JSON.stringify([job.problems, job.more_problems]);
    if (text === listed) return;
    listed = text;
    problems.replaceChildren(...job.problems.map(([id, line]) => problemNode(id, line)));
    if (job.more_problems) problems.append(h("li", { class: "cs-why" }, `and ${count(job.more_problems, "more problem")}, which the cases’ problems name in Python`));
    problems.hidden = !job.problems.length;
  }

  /**
   * @param {string} id
   * @param {string} line
   */
  function problemNode(id, line) {
    const show = h("button", { type: "button", class: "cs-plain-button", onclick: () => onShow(id), dir: "auto", title: "Show the session" }, nameOf(id));
    return h("li", {}, show, h("span", { dir: "auto" }, line));
  }

  return {
    node,
    open,
    close,
    /** Whether there is nothing to begin here now. */
    get isBusy() {
      return asking || (head?.job ? head.job.stage !== "ended" : false);
    },
    /**
     * @param {Head} now
     * @param {number} number of sessions that are selected
     */
    paint(now, number) {
      head = now;
      own.hidden = !now.own_model || typed;
      model.hidden = !own.hidden;
      setText(own, now.own_model);
      if (!typed && document.activeElement !== model) model.value = now.model;
      if (number !== selected) {
        selected = number;
        if (asking) reckonSoon();
      }
      if (asking && !number) asking = false;
      paintAll();
    },
    /** Another list: what came of the one before is read. */
    forget() {
      if (head?.job?.stage === "ended") seen = head.job.number;
    },
    dispose: () => clearTimeout(pause),
  };
}
