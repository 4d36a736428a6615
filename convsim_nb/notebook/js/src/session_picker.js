// Recorded sessions to pick from: anywidget calls `render` once for each place where the widget is shown.

import { h, setText } from "./dom.js";
import { createHelp } from "./keys.js";
import { createCopy } from "./picker/copy.js";
import * as core from "./picker/core.js";
import { createDistill } from "./picker/distill.js";
import { createFind } from "./picker/find.js";
import { createList } from "./picker/list.js";
import { createNobody } from "./picker/nobody.js";
import { createPreview } from "./picker/preview.js";
import { createQuery } from "./picker/query.js";
import { count } from "./words.js";

/**
 * @import {Pick} from "./picker/core.js"
 * @import {Head, Query, Row} from "./picker/types"
 * @import {Model} from "./types"
 */

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createSessionPicker(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createSessionPicker(model) {
  const copy = createCopy(model, { onChange, onLost });
  const { ask, outcomes, rows } = copy;
  const query = createQuery({ ask, onQuery });
  const find = createFind({
    onChange: () => (recut(), list.toTop()),
    onAll: () => change(core.all(copy.picked, ids())),
    onNone: () => change({ add: [], remove: [...copy.picked] }),
    onDown: () => (list.node.focus({ preventScroll: true }), active === null && move(0)),
    beside: query.time,
  });
  const list = createList({ onClick: clicked, onRead: read });
  const preview = createPreview({ ask, onClose: closePreview, onPick: (id) => change(core.toggled(copy.picked, id)), onStep: step });
  const distill = createDistill({ ask, onShow: reach, nameOf: (id) => rows.get(id)?.name ?? id, onToggle: paintSoon });
  const nobody = createNobody({
    onRetry: () => void tried("retry", {}),
    onSimulated: () => onQuery({ simulated: true }),
    onClear: () => find.clear(),
    onMore: () => void tried("more", {}),
    onExperiment: () => query.focus(),
  });
  const note = h("div", { class: "cs-note", hidden: true });
  const said = h("span", { class: "cs-loaded" });
  const more = h("button", { type: "button", class: "cs-plain-button", onclick: () => void tried("more", {}) }, "Load 100 more");
  const whole = h("button", { type: "button", class: "cs-plain-button", onclick: () => void tried("more", { sessions: null }) }, "Load all");
  const halt = h("button", { type: "button", class: "cs-plain-button", onclick: () => void tried("halt", {}) }, "Stop loading");
  const begin = h("button", { type: "button", class: "cs-main", onclick: () => openDistill() }, "Distill selected");
  const help = createHelp(core.KEYS);
  const status = h("div", { class: "cs-status", role: "status" });
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-picker cs-unknown", role: "region", "aria-label": "Recorded sessions" },
    query.node,
    find.node,
    query.days,
    note,
    h(
      "div",
      { class: "cs-halves" },
      h("div", { class: "cs-half" }, find.tally, h("div", { class: "cs-listing" }, list.node, nobody.node)),
      preview.node,
    ),
    distill.node,
    h("footer", { class: "cs-foot" }, h("div", { class: "cs-loading" }, said, more, whole, halt), begin),
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
    help.node,
    status,
  );

  /** What fits, in order. @type {Row[]} */
  let shown = [];
  /** @type {string | null} */
  let active = null;
  /** Where a range begins. @type {string | null} */
  let anchor = null;
  /** What was selected before Shift and an arrow began to select more. @type {ReadonlySet<string> | null} */
  let base = null;
  let stretching = false;
  let stale = false;
  let frame = 0;
  let jobSaid = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saying;
  const clock = setInterval(tick, 1000);
  let minute = 0;

  const ids = () => shown.map((row) => row.id);

  // --- what came from the kernel -----------------------------------------------------

  /**
   * @param {Head | null} before
   * @param {boolean} reset another list begins
   */
  function onChange(before, reset) {
    node.classList.remove("cs-unknown");
    if (reset) {
      active = anchor = base = null;
      preview.forget();
      distill.forget();
      closePreview();
      list.toTop();
    }
    if (copy.head) announce(before, copy.head);
    recut();
  }

  function onLost() {
    note.hidden = !copy.lost;
    const why = copy.gone ? "The kernel was restarted." : "The kernel does not answer: it is busy, or was restarted.";
    setText(note, `${why} Run the cell again to go on; a distilling that was cut short goes on from where it was.`);
    if (copy.lost) say("The kernel does not answer.");
  }

  // --- what a person wants -----------------------------------------------------------

  /**
   * @param {string} what
   * @param {Record<string, unknown>} given
   */
  async function tried(what, given) {
    try {
      await ask(what, given);
    } catch (error) {
      note.hidden = false;
      setText(note, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Partial<Query>} changes */
  function onQuery(changes) {
    if (!copy.head) return;
    note.hidden = !copy.lost;
    void tried("query", { ...copy.head.query, ...changes });
  }

  /** @param {Pick} pick */
  function change(pick) {
    if (!pick.add.length && !pick.remove.length) return;
    if (!stretching) base = null;
    copy.change(pick);
    sayPicked();
    if (find.view.kind === "picked") recut();
    else paintSoon();
  }

  /**
   * @param {string} id
   * @param {{shift: boolean}} how
   */
  function clicked(id, { shift }) {
    if (shift && anchor !== null) change(core.ranged(copy.picked, ids(), anchor, id));
    else {
      change(core.toggled(copy.picked, id));
      anchor = id;
    }
    go(id);
  }

  /** @param {string} id */
  function read(id) {
    const again = preview.shown === id;
    go(id);
    if (again) return closePreview();
    const row = rows.get(id);
    if (!row) return;
    preview.open();
    preview.show(row, copy.picked.has(id), true);
    paint();
    if (getComputedStyle(list.node).visibility === "hidden") preview.focus();
  }

  function closePreview() {
    const inside = preview.node.contains(document.activeElement);
    preview.hide();
    paintSoon();
    if (inside) requestAnimationFrame(() => list.node.focus({ preventScroll: true }));
  }

  /** @param {string} id that may be cut away now */
  function reach(id) {
    if (!rows.has(id)) return;
    if (!shown.some((row) => row.id === id)) find.clear();
    list.node.focus({ preventScroll: true });
    go(id);
    read(id);
  }

  function openDistill() {
    if (copy.picked.size) distill.open();
  }

  // --- moving ------------------------------------------------------------------------

  /** @param {string} id becomes the row that keys act on */
  function go(id) {
    active = id;
    const row = rows.get(id);
    if (row && preview.isOpen) preview.show(row, copy.picked.has(id));
    paint();
    list.reveal(id);
  }

  /** @param {number} by so many rows @returns {string | null} */
  function move(by) {
    if (!shown.length) return null;
    const at = shown.findIndex((row) => row.id === active);
    const to = at < 0 ? (by < 0 ? shown.length - 1 : 0) : Math.max(0, Math.min(shown.length - 1, at + by));
    const { id } = /** @type {Row} */ (shown[to]);
    go(id);
    return id;
  }

  /** @param {number} by */
  function step(by) {
    move(by);
    anchor = active;
    base = null;
  }

  list.node.addEventListener("focus", () => {
    if (active === null || !shown.some((row) => row.id === active)) active = shown[0]?.id ?? null;
    paint();
  });
  list.node.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      change(core.all(copy.picked, ids()));
    } else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (!onKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it meant something
   */
  function onKey({ key, shiftKey }) {
    const far = shown.length;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: list.page, PageUp: -list.page, Home: -far, End: far }[key];
    if (by !== undefined && shiftKey) stretch(by);
    else if (by !== undefined) step(by);
    else if (key === " " && active !== null) {
      if (shiftKey && anchor !== null) change(core.ranged(copy.picked, ids(), anchor, active));
      else {
        change(core.toggled(copy.picked, active));
        anchor = active;
      }
    } else if (key === "Enter" && active !== null) read(active);
    else return false;
    return true;
  }

  /** @param {number} by with Shift held */
  function stretch(by) {
    if (active === null) return void step(0);
    anchor ??= active;
    if (base === null) {
      base = copy.picked;
      anchor = active;
    }
    const to = move(by);
    stretching = true;
    if (to !== null) change(core.stretched(base, copy.picked, ids(), anchor, to));
    stretching = false;
  }

  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook has keys of its own: `dd` would delete the cell.
    event.stopPropagation();
    if (event.target instanceof Element && event.target.closest("textarea, select, input:not([type=checkbox])")) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      "/": () => find.focus(),
      e: () => query.focus(),
      d: openDistill,
      j: () => step(1),
      k: () => step(-1),
      "?": () => help.toggle(),
      Escape: () => (help.toggle(false), closePreview()),
    };
    const act = keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  });

  // --- painting ----------------------------------------------------------------------

  /** What fits may have changed. */
  function recut() {
    stale = true;
    paintSoon();
  }

  function paintSoon() {
    frame ||= requestAnimationFrame(() => paint());
  }

  function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    const { head } = copy;
    if (!head) return;
    if (stale) shown = core.fitting(rows.values(), find.view, copy.picked, outcomes);
    stale = false;
    query.paint(head);
    list.paint({
      rows: shown,
      picked: copy.picked,
      outcomes,
      words: core.wordsOf(find.view.text),
      active,
      opened: preview.shown,
      complete: head.complete && !find.isCut,
    });
    distill.paint(head, copy.picked.size);
    paintAround(head);
    const row = rows.get(preview.shown ?? "");
    if (row) preview.paint(row, copy.picked.has(row.id));
    node.classList.toggle("cs-reading", preview.isOpen);
  }

  /** @param {Head} now */
  function paintAround(now) {
    const { complete, loading } = now;
    let pickedShown = 0;
    for (const row of shown) if (copy.picked.has(row.id)) pickedShown += 1;
    find.paint({ listed: rows.size, shown: shown.length, picked: copy.picked.size, pickedShown, complete, inStore: Boolean(now.store) });
    const words = core.tallyWords({ listed: rows.size, shown: shown.length, complete, cut: find.isCut });
    setText(said, loading && !rows.size ? "Looking …" : now.problem && !rows.size ? "" : words);
    said.classList.toggle("cs-busy", loading);
    more.hidden = whole.hidden = loading || complete || (Boolean(now.problem) && !rows.size);
    halt.hidden = !loading || !rows.size;
    begin.disabled = !copy.picked.size;
    setText(begin, copy.picked.size ? `Distill ${copy.picked.size.toLocaleString("en-US")} selected` : "Distill selected");
    begin.hidden = distill.isBusy;
    nobody.paint(now, rows.size, shown.length, Boolean(find.view.text.trim()));
  }

  // --- saying ------------------------------------------------------------------------

  /** @param {string} text to those who do not see the page */
  function say(text) {
    clearTimeout(saying);
    saying = setTimeout(() => setText(status, text), 150);
  }

  function sayPicked() {
    say(copy.picked.size ? `${count(copy.picked.size, "session")} selected` : "None selected");
  }

  /**
   * @param {Head | null} before
   * @param {Head} now
   */
  function announce(before, now) {
    if (before?.loading && !now.loading && !now.problem) say(core.tallyWords({ listed: rows.size, shown: 0, complete: now.complete, cut: false }));
    const job = now.job ? `${now.job.number} ${now.job.stage}` : "";
    if (now.job && before && job !== jobSaid) say(core.jobWords(now.job));
    jobSaid = job;
  }

  function tick() {
    copy.watch();
    const now = Math.floor(Date.now() / 60000);
    if (now === minute) return;
    minute = now; // "5 min ago" goes on
    list.forget();
    paintSoon();
  }

  return {
    node,
    start: copy.start,
    close() {
      clearInterval(clock);
      clearTimeout(saying);
      cancelAnimationFrame(frame);
      for (const each of [list, preview, query]) each.close();
      distill.dispose();
      copy.close();
      node.remove();
    },
  };
}

export default { render };
