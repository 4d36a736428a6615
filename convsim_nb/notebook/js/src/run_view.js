// The live view of a run: anywidget calls `render` once for each place where the widget is shown.

import { h, setText } from "./dom.js";
import { createHeader } from "./header.js";
import { createHelp, listen } from "./keys.js";
import { link } from "./link.js";
import { firstToShow, listed, neighbour, nextFailure } from "./order.js";
import { createList, createStrip } from "./overview.js";
import { createTranscript } from "./transcript.js";

/** @import {Model, RunEvent} from "./types" */

/** How long a conversation that ended stays before the next one that runs is shown, in milliseconds. */
const LINGER = 1500;

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createRunView(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createRunView(model) {
  const kernel = link(model, { onState, onEvents, onDetails, shown: () => shown });
  const { copy } = kernel;
  const header = createHeader({ onStop: stop });
  const strip = createStrip({ onChoose: choose });
  const list = createList({ onChoose: choose });
  const transcript = createTranscript({ onFollow: follow });
  const help = createHelp();
  const status = h("div", { class: "cs-status", role: "status" });
  const node = h(
    "div",
    { class: "cs-run cs-unknown", role: "region", "aria-label": "Simulation run" },
    header.node,
    strip.node,
    h("div", { class: "cs-panes" }, list.node, transcript.node),
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
    help.node,
    status,
  );
  /** @type {string | null} */
  let shown = null;
  let following = true;
  /** @type {Set<"header" | "list" | "transcript">} */
  const stale = new Set();
  let frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let leaving;
  const clock = setInterval(() => copy.known && !copy.state.ended && header.tick(copy), 1000);

  listen(node, {
    j: () => transcript.move(1),
    k: () => transcript.move(-1),
    n: () => chooseNext(neighbour(keys(), shown, 1)),
    p: () => chooseNext(neighbour(keys(), shown, -1)),
    f: () => chooseNext(nextFailure(listed(copy.state), shown)),
    " ": () => transcript.fold(),
    s: stop,
    "?": () => help.toggle(),
    Escape: () => help.toggle(false),
  });

  list.node.addEventListener("keydown", (event) => onArrow(event, list.node, ["ArrowUp", "ArrowDown"]));
  strip.node.addEventListener("keydown", (event) => onArrow(event, strip.node, ["ArrowLeft", "ArrowRight"]));

  // --- what came from the kernel -----------------------------------------------------

  function onState() {
    node.classList.remove("cs-unknown");
    if (shown === null || !copy.state.conversations.has(shown)) look(firstToShow(copy.state));
    paintSoon("header", "list", "transcript");
  }

  /** @param {RunEvent[]} events */
  function onEvents(events) {
    for (const event of events) {
      if (event.kind === "run_ended") announce();
      if (event.kind !== "message_delta" && event.kind !== "usage_reported") paintSoon("list");
      if (!("key" in event) || event.key === shown) paintSoon("transcript");
    }
    paintSoon("header");
    if (following) lookOn();
  }

  /** @param {string} key */
  function onDetails(key) {
    if (key === shown) paintSoon("transcript");
  }

  // --- which conversation ------------------------------------------------------------

  /** While the person has chosen none: show one that runs, and after the end the first failure. */
  function lookOn() {
    const now = shown === null ? undefined : copy.state.conversations.get(shown);
    if (now?.status === "running" || leaving !== undefined) return;
    const next = firstToShow(copy.state);
    if (next === null || next === shown) return;
    if (!now || now.status === "waiting") return look(next);
    leaving = setTimeout(() => {
      leaving = undefined;
      if (following && transcript.atEnd) look(firstToShow(copy.state));
    }, LINGER);
  }

  /** @param {string | null} key */
  function look(key) {
    if (key === null || key === shown) return;
    shown = key;
    if (lacksHtml(key)) kernel.open(key);
    paintSoon("list", "transcript");
  }

  /**
   * @param {string} key
   * @returns {boolean} whether it has messages from before this page knew the run
   */
  function lacksHtml(key) {
    const conversation = copy.state.conversations.get(key);
    const { messages = [], attempt = 0 } = conversation ?? {};
    return messages.some((_, place) => !copy.html.has(`${key}#${attempt}.${place}`));
  }

  /** @param {string} key */
  function choose(key) {
    following = false;
    look(key);
    paintSoon("transcript");
  }

  /** @param {string | null} key */
  function chooseNext(key) {
    if (key === null) return;
    choose(key);
    requestAnimationFrame(() => list.reveal(key));
  }

  function follow() {
    following = true;
    look(firstToShow(copy.state));
    paintSoon("transcript");
  }

  const keys = () => listed(copy.state).map((each) => each.key);

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} part
   * @param {[string, string]} arrows back, and on
   */
  function onArrow(event, part, arrows) {
    const step = arrows.indexOf(event.key) * 2 - 1;
    if (event.ctrlKey || event.metaKey || event.altKey || !arrows.includes(event.key)) return;
    event.preventDefault();
    const order = part === strip.node ? [...copy.state.conversations.keys()] : keys();
    const next = neighbour(order, shown, step);
    if (next === null) return;
    choose(next);
    paint();
    /** @type {HTMLElement | null} */ (part.querySelector("[tabindex='0']"))?.focus();
  }

  function stop() {
    if (copy.known && !copy.state.ended && !copy.header.stopping) kernel.stop();
  }

  // --- painting ----------------------------------------------------------------------

  /** @param {...("header" | "list" | "transcript")} parts */
  function paintSoon(...parts) {
    for (const part of parts) stale.add(part);
    frame ||= requestAnimationFrame(paint);
  }

  function paint() {
    frame = 0;
    const { conversations } = copy.state;
    if (stale.has("header")) header.paint(copy);
    if (stale.has("list")) {
      strip.paint(copy, shown);
      list.paint(copy, listed(copy.state), shown);
    }
    if (stale.has("transcript")) transcript.paint(copy, conversations.get(shown ?? ""), following);
    stale.clear();
  }

  function announce() {
    const { reached = 0, not_reached: not = 0, void: none = 0 } = copy.header.counts;
    const how = copy.state.stopped ? "stopped" : "ended";
    setText(status, `Run ${how}: ${reached} reached, ${not} not reached, ${none} void.`);
  }

  return {
    node,
    start: kernel.start,
    close() {
      clearInterval(clock);
      clearTimeout(leaving);
      cancelAnimationFrame(frame);
      kernel.close();
      node.remove();
    },
  };
}

export default { render };
