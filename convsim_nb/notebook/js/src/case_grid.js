// Test cases in a grid: rows that are edited in place, shown at once, and held by Python.

import { channel } from "./channel.js";
import { h, setText } from "./dom.js";
import { createCells } from "./grid/cells_desk.js";
import { BY_NAME, COLUMNS } from "./grid/cells.js";
import { HELP, pressed } from "./grid/keyboard.js";
import { createPlace } from "./grid/place.js";
import { Sheet, holds, isDraft, passes } from "./grid/rows.js";
import { NUMBER } from "./grid/select.js";
import { createSourcePanel } from "./grid/source_panel.js";
import { createTable } from "./grid/table.js";
import { createToolbar } from "./grid/toolbar.js";
import { createHelp } from "./keys.js";
import { createMenu } from "./menu.js";
import { SHOW } from "./workbench_parts.js";

/**
 * @import {Model} from "./types"
 * @import {Head} from "./grid/toolbar.js"
 * @import {Op} from "./grid/rows.js"
 * @import {Field} from "./grid/select.js"
 */

/** After so long in one row, its source is asked for; in milliseconds. */
const LOOKS = 120;
/** A message for the person goes away after so long; in milliseconds. */
const TOAST = 8000;

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createCaseGrid(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createCaseGrid(model) {
  const sheet = new Sheet();
  /** @type {Head} */
  let head = { undo: "", redo: "", unsaved: false, path: "", busy: null, model: "", asks: true, offer: "", problem: "" };
  let seq = 0;
  let name = "";
  /** @type {string[] | null} as the person chose them; null for those that have something in them */
  let chosen = null;
  let sourceShown = false;
  /** @type {Field} */
  let field = { keys: [], columns: COLUMNS.map((column) => column.name), hasFindings: () => false };
  let painting = 0;
  let looking = 0;
  let moved = false;
  let fading = 0;
  /** The marked rows that the kernel knows of. */
  let told = new Set();
  /** @type {import("./grid/rows.js").Row | null} whose source stands in the panel */
  let looked = null;

  const line = channel(model, { onState: takeState, onMessage: heard, onLost: paintLost });
  const place = createPlace(() => field, placed);
  const table = createTable();
  const toolbar = createToolbar({
    add: () => cells.add(),
    copy: copyRows,
    remove: removeRows,
    move: moveRows,
    undo: () => go("undo"),
    redo: () => go("redo"),
    source: () => showSource(!sourceShown),
    find: () => refresh(true),
    columns(columns) {
      chosen = columns;
      refresh(true);
    },
    save,
    stop: () => ask("stop_again", {}),
    help: () => help.toggle(),
  });
  const panel = createSourcePanel({ onClose: () => showSource(false) });
  const help = createHelp(HELP);
  const menu = createMenu();
  const status = h("div", { class: "cs-status", role: "status" });
  const toast = h("div", { class: "cs-g-toast", role: "alert", hidden: true });
  const lost = h("div", { class: "cs-note cs-g-notice", hidden: true });
  const problem = h("div", { class: "cs-note cs-g-notice", hidden: true });
  const offered = h("span", {});
  const offer = h(
    "div",
    { class: "cs-g-notice cs-row-of", role: "status", hidden: true },
    offered,
    h("button", { type: "button", class: "cs-main", onclick: () => ask("bring_back", {}) }, "Bring them back"),
    h("button", { type: "button", class: "cs-control", onclick: () => ask("let_go", {}) }, "Let them go"),
  );
  const model_ = modelForm();
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-cases cs-unknown", role: "region", "aria-label": "Test cases" },
    toolbar.node,
    ...[lost, problem, offer],
    h("div", { class: "cs-g-panes" }, table.node, panel.node),
    model_.node,
    menu.node,
    help.node,
    toast,
    status,
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
  );
  const cells = createCells({ sheet, table, place, field: () => field, edit, say, show: showKey, grid: () => name, done: () => refresh(true), newKey });
  const ticking = setInterval(line.watch, 1000);

  // --- from and to the kernel --------------------------------------------------------

  /** @param {any} message */
  function takeState(message) {
    seq = message.seq;
    name = message.grid;
    head = message.head;
    for (const edit of sheet.takeState(message.rows)) send(edit);
    node.classList.remove("cs-unknown");
    if (message.marked?.length) place.mark(new Set(message.marked));
    refresh(true);
    paint();
    cells.bringBack();
  }

  /** @param {any} message */
  function heard(message) {
    if (message?.type !== "batch" || line.asking || message.seq <= seq) return;
    if (message.seq > seq + 1) return line.hello();
    seq = message.seq;
    sheet.takeBatch(message);
    if (message.head) head = message.head;
    if (message.said) show(message.said.words, message.said.bad);
    refresh(Boolean(message.order));
  }

  /** @param {string} label @param {Op[]} ops */
  function edit(label, ops) {
    if (!ops.length) return;
    const made = { id: newKey(), label, ops };
    sheet.edit(made);
    send(made);
    refresh(true);
  }

  /** @param {import("./grid/rows.js").Edit} edit */
  const send = ({ id, label, ops }) => line.say("edit", { id, base: seq, label, ops });

  /** @param {"undo" | "redo"} what */
  function go(what) {
    const words = what === "undo" ? head.undo : head.redo;
    if (!words) return say(`Nothing to ${what}`);
    line.say(what, { id: newKey() });
    say(`${what === "undo" ? "Taken back" : "Done again"}: ${words}`);
  }

  /** @param {string} what @param {Record<string, unknown>} given */
  async function ask(what, given) {
    try {
      return await line.ask(what, given);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** @param {string} path */
  async function save(path) {
    cells.keep();
    const { path: where, saved, left } = await line.ask("save", { path });
    say(`Saved ${saved} ${saved === 1 ? "case" : "cases"} to ${where}${left ? `; ${left} to fix left out` : ""}`, true);
  }

  // --- what is shown -----------------------------------------------------------------

  /** @param {boolean} whole whether rows, filter or columns changed, and not only what stands in rows */
  function refresh(whole) {
    if (whole) {
      const before = field.keys;
      const { order, byKey } = sheet.rows;
      const [wanted, filter] = [toolbar.wanted, toolbar.filter];
      const plain = !wanted && filter === "all";
      const keys = plain ? order : order.filter((key) => shows(byKey.get(key), wanted, filter));
      field = { keys, columns: chosen ?? filled(), hasFindings: (key) => (byKey.get(key)?.findings.length ?? 0) > 0 };
      place.stay(before);
    } else {
      const { byKey } = sheet.rows;
      field = { ...field, hasFindings: (key) => (byKey.get(key)?.findings.length ?? 0) > 0 };
    }
    painting ||= requestAnimationFrame(paint);
    if (sourceShown) lookSoon();
  }

  /**
   * @param {import("./grid/rows.js").Row | undefined} row
   * @param {string} wanted
   * @param {import("./grid/rows.js").Filter} filter
   */
  const shows = (row, wanted, filter) => row !== undefined && (cells.isAt(row.key) || (passes(row, filter) && holds(row, wanted)));

  /** The columns in which something stands, and those that every case has. */
  function filled() {
    const all = [...sheet.rows.byKey.values()];
    const always = new Set([1, 2, 3]);
    const inGroup = new Set(COLUMNS.filter(({ name: column }) => all.some(({ texts }) => texts[column])).map(({ group }) => group));
    return COLUMNS.filter(({ group }) => always.has(group) || inGroup.has(group)).map((column) => column.name);
  }

  function paint() {
    cancelAnimationFrame(painting);
    painting = 0;
    table.paint(sheet.rows, new Set(field.keys));
    table.showColumns(field.columns);
    toolbar.columns.set(field.columns);
    toolbar.paint(head, sourceShown);
    offer.hidden = !head.offer;
    setText(offered, head.offer ?? "");
    problem.hidden = !head.problem;
    setText(problem, head.problem ?? "");
    paintNumbers();
    paintPlace();
    cells.painted();
  }

  function paintNumbers() {
    const all = [...sheet.rows.byKey.values()];
    toolbar.count({
      all: all.length,
      shown: field.keys.length,
      drafts: all.filter(isDraft).length,
      found: all.filter(({ findings }) => findings.length).length,
      marked: place.marked.size,
      waiting: line.lost ? sheet.waiting.length : 0,
    });
    table.nobody.hidden = field.keys.length > 0;
    table.nobody.textContent = all.length ? "No case fits." : "No cases yet: add one, or paste rows from a spreadsheet.";
  }

  function paintPlace() {
    table.paintSelection(place.here(), place.range, place.marked);
    const cell = table.cell(place.at);
    if (moved && cell && !cells.open) {
      // Where its row went, or came in just now. Whoever is in a menu or at a button meanwhile stays there.
      const here = document.activeElement;
      if (here === null || here === document.body || table.grid.contains(here)) cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    moved = false;
  }

  /** @param {boolean} goes */
  function placed(goes) {
    moved ||= goes;
    if (goes && !cells.open) table.cell(place.at)?.focus({ preventScroll: true }); // the next key may come before the next frame
    if (told !== place.marked) line.say("marked", { keys: [...place.marked] });
    told = place.marked;
    painting ||= requestAnimationFrame(paint);
    if (sourceShown) lookSoon();
  }

  function paintLost() {
    lost.hidden = !line.lost;
    lost.textContent =
      "The kernel does not answer: it is busy, or was restarted. What is typed now is not in Python yet; after a restart run the cell again: %convsim edit brings unsaved edits back.";
    paintNumbers();
  }

  /** @param {string} words @param {boolean} [seen] whether it is shown as well */
  function say(words, seen = false) {
    status.textContent = words;
    if (seen) show(words, false);
  }

  /** @param {string} words */
  const complain = (words) => show(words, true);

  /** @param {string} words @param {boolean} bad */
  function show(words, bad) {
    toast.classList.toggle("cs-g-bad", bad);
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(fading);
    fading = window.setTimeout(() => (toast.hidden = true), TOAST);
  }

  // --- rows --------------------------------------------------------------------------

  /** @param {string} key of a row that has to be seen whatever is looked for */
  function showKey(key) {
    if (field.keys.includes(key)) return;
    toolbar.clear();
    refresh(true);
  }

  /** @param {unknown} id of the case that a workbench around shows a conversation of */
  function point(id) {
    const found = [...sheet.rows.byKey.values()].find((row) => row.id === id);
    for (const each of table.grid.querySelectorAll(".cs-g-pointed")) each.classList.remove("cs-g-pointed");
    if (!found) return;
    showKey(found.key);
    const node = table.row(found.key);
    node?.classList.add("cs-g-pointed");
    if (!node) return;
    // `scrollIntoView` would scroll the notebook too.
    const [box, line] = [table.node.getBoundingClientRect(), node.getBoundingClientRect()];
    const head = box.top + (table.grid.firstElementChild?.getBoundingClientRect().height ?? 0);
    if (line.top < head) table.node.scrollTop += line.top - head;
    else if (line.bottom > box.bottom) table.node.scrollTop += Math.min(line.bottom - box.bottom, line.top - head);
  }

  function copyRows() {
    const keys = place.rows;
    const made = keys.map((of) => ({ of, key: newKey() }));
    if (!made.length) return;
    edit(made.length === 1 ? "Duplicate case" : `Duplicate ${made.length} cases`, made.map(({ of, key }) => ({ op: "copy", key, of })));
    place.drop();
    place.go({ key: made[0]?.key ?? "", column: place.at?.column ?? NUMBER });
    say(`Duplicated ${made.length}`);
  }

  function removeRows() {
    const keys = place.rows;
    if (!keys.length) return;
    place.drop();
    edit(keys.length === 1 ? "Delete case" : `Delete ${keys.length} cases`, [{ op: "delete", keys }]);
    moved = true;
    say(`Deleted ${keys.length}; Ctrl+Z brings ${keys.length === 1 ? "it" : "them"} back`);
  }

  /** @param {-1 | 1} by */
  function moveRows(by) {
    const keys = place.rows;
    if (!keys.length) return;
    edit(keys.length === 1 ? "Move case" : `Move ${keys.length} cases`, [{ op: "move", keys, by }]);
    moved = true;
    say(`Moved to row ${sheet.rows.order.indexOf(keys[0] ?? "") + 1}`);
  }

  /** @param {HTMLElement} at */
  function openMenu(at) {
    const cell = place.at;
    const row = cell && sheet.row(cell.key);
    if (!cell || !row) return;
    const column = BY_NAME.get(cell.column);
    const source = row.source !== null;
    menu.open(at, [
      { name: "Add a case below", key: "Ctrl+Enter", act: () => cells.add() },
      { name: "Duplicate", act: copyRows },
      { name: "Delete", act: removeRows },
      { name: "Move up", key: "Alt+Up", act: () => moveRows(-1) },
      { name: "Move down", key: "Alt+Down", act: () => moveRows(1) },
      ...(source ? [{ name: "Show the source", act: () => showSource(true) }] : []),
      ...(source && column ? [{ name: `Distill ${column.title.toLowerCase()} again`, act: () => distill(cell.key, cell.column) }] : []),
      ...(row.proposed ? [{ name: "Confirm the expectations", act: () => edit("Confirm expectations", [{ op: "confirm", keys: place.rows }]) }] : []),
    ]);
  }

  // --- the source, and distilling again ----------------------------------------------

  /** @param {boolean} open */
  function showSource(open) {
    sourceShown = open;
    panel.node.hidden = !open;
    node.classList.toggle("cs-g-beside", open);
    toolbar.paint(head, sourceShown);
    if (open) lookSoon();
    else table.cell(place.at)?.focus({ preventScroll: true });
  }

  function lookSoon() {
    clearTimeout(looking);
    looking = window.setTimeout(look, LOOKS);
  }

  async function look() {
    const cell = place.here();
    const row = cell && sheet.row(cell.key);
    if (row !== looked) looked = null;
    if (!cell || !row) return panel.say("No case is chosen.");
    if (!row.source) return panel.say("This case was written by hand: it came from no session.");
    if (!row.source.at_hand) return panel.say(`It came from session ${row.source.session}, which is not at hand: give it as CaseGrid(cases, sessions=...).`);
    if (row !== looked) {
      const found = await ask("source", { key: row.key });
      if (!found || place.at?.key !== row.key) return;
      panel.show(row.key, /** @type {import("./grid/source_panel.js").Source} */ (found));
      looked = row;
    }
    panel.point(place.at?.column ?? "");
  }

  /** @param {string} key @param {string} column */
  function distill(key, column) {
    const go = (/** @type {string} */ named) => void ask("again", { key, column, model: named });
    if (!head.asks) return go("");
    model_.open(head.model || sheet.row(key)?.source?.model || "", go);
  }

  /** A line that asks which model is to distill again. */
  function modelForm() {
    const field_ = h("input", { type: "text", "aria-label": "Model that distills again", placeholder: "openai:/gpt-5-mini", spellcheck: "false" });
    /** @type {(named: string) => void} */
    let then = () => {};
    const close = () => {
      form.hidden = true;
      table.cell(place.at)?.focus({ preventScroll: true });
    };
    const form = h(
      "form",
      { class: "cs-g-model", hidden: true },
      h("span", {}, "Distill again with"),
      field_,
      h("button", { type: "submit", class: "cs-main" }, "Distill"),
      h("button", { type: "button", class: "cs-control", onclick: close }, "Cancel"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!field_.value.trim()) return;
      close();
      then(field_.value.trim());
    });
    return {
      node: form,
      /** @param {string} named @param {(named: string) => void} act */
      open(named, act) {
        then = act;
        field_.value = named;
        form.hidden = false;
        field_.focus();
        field_.select();
      },
    };
  }

  // --- keys and clicks ---------------------------------------------------------------

  const acts = {
    ...{ step: place.step, jump: place.jump, page: place.page },
    move: moveRows,
    edit: (/** @type {string | undefined} */ text) => (place.at?.column === NUMBER ? text === undefined && openAtRow() : cells.edit(text)),
    add: () => cells.add(),
    empty: () => cells.empty(),
    undo: () => go("undo"),
    redo: () => go("redo"),
    mark: () => place.at && place.toggle(place.at.key),
    markAll: () => place.mark(new Set(place.marked.size === field.keys.length ? [] : field.keys)),
    menu: openAtRow,
    search: () => toolbar.search.focus(),
    help: () => help.toggle(true),
    leave: () => place.drop(),
  };

  function openAtRow() {
    const button = table.row(place.at?.key ?? "")?.querySelector(".cs-more");
    if (button instanceof HTMLElement) openMenu(button);
  }

  table.grid.addEventListener("keydown", (event) => {
    if (cells.open || event.target instanceof HTMLButtonElement) return;
    if (!pressed(event, acts)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener(SHOW, (event) => {
    if (event instanceof CustomEvent && event.detail.case_id !== undefined) point(event.detail.case_id);
  });
  node.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && !help.node.hidden) help.toggle(false);
    // The notebook has keys of its own: `dd` would delete the cell. Ctrl+S saves the notebook, also from here.
    if (!control || cells.open || event.target instanceof HTMLInputElement) {
      if (!(control && event.key.toLowerCase() === "s")) event.stopPropagation();
    }
  });
  table.grid.addEventListener("pointerdown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const cell = target.closest("[data-column]");
    const key = target.closest("[data-key]")?.getAttribute("data-key");
    const column = cell?.getAttribute("data-column");
    if (event.button !== 0 || !key || !column || target.closest(".cs-g-editor, button")) return;
    event.preventDefault(); // the focus goes where the grid sends it
    cells.keep();
    const before = place.at?.key ?? key;
    if (column === NUMBER) {
      place.go({ key, column });
      if (event.shiftKey) place.markTo(before, key);
      else place.toggle(key);
    } else place.go({ key, column }, event.shiftKey);
  });
  table.grid.addEventListener("dblclick", (event) => {
    if (/** @type {HTMLElement} */ (event.target).closest(".cs-g-editor, button")) return;
    if (place.at?.column !== NUMBER) cells.edit();
  });
  table.grid.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest(".cs-more");
    const key = button?.closest("[data-key]")?.getAttribute("data-key");
    if (!(button instanceof HTMLElement) || !key) return;
    if (place.at?.key !== key) place.go({ key, column: NUMBER });
    openMenu(button);
  });
  toolbar.search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    place.go(place.here());
  });

  return {
    node,
    start: () => line.hello(),
    close() {
      clearInterval(ticking);
      clearTimeout(looking);
      clearTimeout(fading);
      cancelAnimationFrame(painting);
      cells.close();
      line.close();
      node.remove();
    },
  };
}

/** A name for a row or an edit that no other page gives. */
export const newKey = () => Math.random().toString(36).slice(2, 12);

export default { render };
