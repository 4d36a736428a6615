// The live view of a run: anywidget calls `render` once for each place where the widget is shown.

import { h, setText } from "./dom.js";
import { TRACE, createDoing } from "./choices.js";
import { createFilters } from "./filters.js";
import { createHeader, endWords, stopWords } from "./header.js";
import { createHelp, listen } from "./keys.js";
import { lacks, link } from "./link.js";
import { createMenu } from "./menu.js";
import { firstToShow, listed, neighbour, nextFailure, relatives } from "./order.js";
import { createList, createStrip } from "./overview.js";
import { createPanel } from "./panel.js";
import { createQuestion } from "./question.js";
import { sidesOf } from "./side_by_side.js";
import { createComposer, createControls } from "./steer.js";
import { createTranscript } from "./transcript.js";
import { CHOSEN, SHOW } from "./workbench_parts.js";

/** @import {Model, RunEvent} from "./types" */

/** How long a conversation that ended stays before the next one that runs is shown, in milliseconds. */
const LINGER = 1500;
/** With so many conversations, lists are painted at most four times a second. */
const MANY = 150;
const SELDOM = 250;

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createRunView(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createRunView(model) {
  const kernel = link(model, { onState, onEvents, onDetails, onLost, shown: () => shown });
  const { copy, ask } = kernel;
  const header = createHeader({
    onStop: stop,
    onPause: (paused) => void tried(paused ? "pause" : "resume", {}),
    onConcurrency: (value) => void tried("concurrency", { value }),
  });
  const strip = createStrip({ onChoose: choose });
  const filters = createFilters({ onChange: () => paintSoon("list") });
  const list = createList({ onChoose: choose });
  const menu = createMenu();
  const panel = createPanel({ ask, onForked });
  const controls = createControls({
    onHold: (key, hold) => void (hold ? takeOver(key) : tried("resume", { key })),
    onStop: (key) => void tried("stop", { key }),
    onLabel: labelIt,
    onAgain: () => shown !== null && panel.again(shown),
    onBeside: (key) => stand(key || null),
  });
  const composer = createComposer({ ask, onLeave: () => paintSoon("transcript") });
  const transcript = createTranscript({
    onFollow: follow,
    onBack: () => toList(true),
    onTouch: pin,
    onMore: (place, at) => menu.open(at, doing.choices(place)),
    onTrace: (place) => doing.at(place, ...TRACE),
    controls: controls.node,
    panel: panel.node,
    composer: composer.node,
  });
  const doing = createDoing(copy, { shown: () => shown, here: () => transcript.here, panel, say });
  const help = createHelp();
  const question = createQuestion();
  const status = h("div", { class: "cs-status", role: "status" });
  const notice = h("div", { class: "cs-toast", role: "alert", hidden: true });
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-either cs-run cs-unknown", role: "region", "aria-label": "Simulation run" },
    header.node,
    strip.node,
    h("div", { class: "cs-panes" }, h("div", { class: "cs-side" }, filters.node, list.node), transcript.node),
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
    menu.node,
    help.node,
    question.node,
    notice,
    status,
  );
  /** @type {string | null} */
  let shown = null;
  /** What stands beside it. @type {string | null} */
  let beside = null;
  let following = true;
  /** @type {Set<"header" | "list" | "transcript">} */
  const stale = new Set();
  let frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let leaving;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saying;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let painting;
  let listedAt = 0;
  /** A fork that was asked for, and is not told of yet. @type {string | null} */
  let awaited = null;
  const clock = setInterval(tick, 1000);

  function tick() {
    kernel.watch();
    if (!copy.known || copy.state.ended || copy.lost) return;
    header.tick(copy);
    paintSoon("list"); // who is idle
  }

  listen(node, {
    j: () => transcript.move(1),
    k: () => transcript.move(-1),
    n: () => chooseNext(neighbour(keys(), shown, 1)),
    p: () => chooseNext(neighbour(keys(), shown, -1)),
    f: () => chooseNext(nextFailure(inList(), shown)),
    " ": () => transcript.fold(),
    "/": () => {
      toList(true);
      filters.focus();
    },
    b: () => stand(beside === null ? (others()[0]?.[0] ?? null) : null),
    t: controls.toggle,
    e: () => doing.here("Edit and fork"),
    o: () => doing.here(...TRACE),
    c: () => doing.here("Copy"),
    l: labelIt,
    s: askToStop,
    "?": () => help.toggle(),
    Escape: () => (help.toggle(false), panel.close()),
  });

  list.node.addEventListener("keydown", (event) => onArrow(event, list.node, ["ArrowUp", "ArrowDown"]));
  list.node.addEventListener("keydown", ({ key }) => key === "Enter" && toList(false));
  strip.node.addEventListener("keydown", (event) => onArrow(event, strip.node, ["ArrowLeft", "ArrowRight"]));

  // In a workbench another view asks for a conversation, and hears which one a person chose.
  node.addEventListener(SHOW, (event) => {
    const key = event instanceof CustomEvent ? event.detail.key : undefined;
    if (copy.state.conversations.has(key)) choose(key, false);
  });

  // --- what came from the kernel -----------------------------------------------------

  function onState() {
    node.classList.remove("cs-unknown");
    if (shown === null || !copy.state.conversations.has(shown)) look(firstToShow(copy.state));
    fetchMissing();
    paintSoon("header", "list", "transcript");
  }

  /** Ask for the HTML and the scores of what is shown, where they are not here. */
  function fetchMissing() {
    for (const key of [shown, beside]) if (key !== null && lacks(copy, key)) kernel.open(key);
  }

  /** @param {RunEvent[]} events */
  function onEvents(events) {
    for (const event of events) {
      if (event.kind === "run_ended") announce();
      if (event.kind !== "message_delta" && event.kind !== "usage_reported") paintSoon("list");
      if (event.kind === "conversation_started" && event.key === awaited) choose(event.key);
    }
    if (!events.length) {
      paintSoon("list"); // somebody steered, labelled or scored
      fetchMissing();
    }
    paintSoon("header", "transcript");
    if (following) lookOn();
  }

  /** @param {string} key */
  function onDetails(key) {
    if (key === shown || key === beside) paintSoon("transcript");
  }

  function onLost() {
    node.classList.toggle("cs-lost", copy.lost);
    node.classList.toggle("cs-gone", copy.gone);
    paintSoon("header", "list", "transcript");
    if (copy.lost) setText(status, "The kernel does not answer.");
  }

  // --- stepping in -------------------------------------------------------------------

  /**
   * @param {string} what
   * @param {Record<string, unknown>} given
   * @returns {Promise<boolean>} whether it was done
   */
  async function tried(what, given) {
    try {
      await ask(what, given);
      return true;
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** @param {string} key the next key that is pressed begins the person's words, whenever the kernel answers */
  async function takeOver(key) {
    pin();
    panel.close();
    composer.expect(key);
    stale.add("transcript");
    paint();
    composer.focus();
    if (await tried("pause", { key })) return;
    composer.expect("");
    paintSoon("transcript");
  }

  /** @param {string} problem */
  function say(problem) {
    setText(notice, problem);
    notice.hidden = false;
    clearTimeout(saying);
    saying = setTimeout(() => (notice.hidden = true), 8000);
  }

  function labelIt() {
    const { labels = {}, live } = copy.header.steering;
    if (shown !== null && live !== undefined) panel.label(shown, labels[shown]);
  }

  /** @param {string[]} forked */
  function onForked([first = ""]) {
    if (copy.state.conversations.has(first)) choose(first);
    else awaited = first;
  }

  // --- which conversation ------------------------------------------------------------

  /** Somebody reads here, or steps in: another conversation must not come in its place. */
  function pin() {
    clearTimeout(leaving);
    leaving = undefined;
    if (!following) return;
    following = false;
    paintSoon("transcript");
  }

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
    panel.close();
    menu.close(false);
    shown = key;
    beside = null;
    if (key === awaited) awaited = null;
    fetchMissing();
    paintSoon("list", "transcript");
  }

  /**
   * @param {string} key
   * @param {boolean} [tell] whether a workbench around hears of it
   */
  function choose(key, tell = true) {
    following = false;
    toList(false);
    look(key);
    paintSoon("transcript");
    const detail = { key, case_id: copy.state.conversations.get(key)?.case_id };
    if (tell) node.dispatchEvent(new CustomEvent(CHOSEN, { detail, bubbles: true }));
  }

  /** @param {string | null} key what is to stand beside what is shown */
  function stand(key) {
    beside = key;
    panel.close();
    following = false;
    fetchMissing();
    paintSoon("transcript");
  }

  const others = () => {
    const conversation = copy.state.conversations.get(shown ?? "");
    return conversation ? relatives(copy.state, conversation) : [];
  };

  /** @param {boolean} list where only one has room: the list, or the conversation */
  function toList(list) {
    node.classList.toggle("cs-at-list", list);
  }

  /** @param {string | null} key */
  function chooseNext(key) {
    if (key === null) return;
    choose(key);
    requestAnimationFrame(() => list.reveal(key));
  }

  function follow() {
    following = true;
    toList(false);
    look(firstToShow(copy.state));
    paintSoon("transcript");
  }

  const inList = () => listed(copy.state, filters.filter, copy.header.steering.labels);
  const keys = () => inList().map((each) => each.key);

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
    toList(part === list.node);
    paint();
    /** @type {HTMLElement | null} */ (part.querySelector("[tabindex='0']"))?.focus();
  }

  function stop() {
    if (copy.known && !copy.state.ended && !copy.header.stopping) kernel.stop();
  }

  /** By key: the letter may have been meant for a field. */
  function askToStop() {
    if (!copy.known || copy.state.ended || copy.header.stopping) return;
    question.ask(stopWords(copy), { yes: "Stop the run", no: "Go on", act: stop });
  }

  // --- painting ----------------------------------------------------------------------

  /** @param {...("header" | "list" | "transcript")} parts */
  function paintSoon(...parts) {
    for (const part of parts) stale.add(part);
    frame ||= requestAnimationFrame(() => paint(true));
  }

  /** @param {boolean} [gently] a long list may wait for its turn */
  function paint(gently = false) {
    frame = 0;
    const { conversations } = copy.state;
    if (stale.has("header")) header.paint(copy);
    if (stale.has("transcript")) {
      const conversation = conversations.get(shown ?? "");
      controls.paint(copy, conversation, others(), beside);
      composer.paint(copy, conversation);
      transcript.paint(copy, conversation, following, sidesOf(copy, shown, beside));
    }
    const wait = gently && conversations.size > MANY ? listedAt + SELDOM - performance.now() : 0;
    if (stale.has("list") && wait <= 0) paintLists();
    else if (stale.has("list")) painting ??= setTimeout(paintLists, wait);
    stale.clear();
  }

  function paintLists() {
    clearTimeout(painting);
    painting = undefined;
    listedAt = performance.now();
    strip.paint(copy, shown);
    filters.paint(copy);
    list.paint(copy, inList(), shown);
  }

  function announce() {
    question.close();
    setText(status, endWords(copy));
  }

  return {
    node,
    start: kernel.start,
    close() {
      clearInterval(clock);
      for (const each of [leaving, saying, painting]) clearTimeout(each);
      cancelAnimationFrame(frame);
      kernel.close();
      node.remove();
    },
  };
}

export default { render };
