// Test cases in a grid: rows that are edited in place, shown at once, and held by Python.

import { channel } from "./channel.js";
import { h } from "./dom.js";
import { createBeside } from "./grid/beside.js";
import { createCells } from "./grid/cells_desk.js";
import { COLUMNS } from "./grid/cells.js";
import { HELP, pressed } from "./grid/keyboard.js";
import { createNotices } from "./grid/notices.js";
import { createPlace } from "./grid/place.js";
import { createRowActs } from "./grid/row_acts.js";
import { Sheet, holds, isDraft, passes } from "./grid/rows.js";
import { NUMBER } from "./grid/select.js";
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
  /** @type {Field} */
  let field = { keys: [], columns: COLUMNS.map((column) => column.name), hasFindings: () => false };
  let painting = 0;
  let moved = false;
  let arriving = false;
  /** The marked rows that the kernel knows of. */
  let told = new Set();

  const line = channel(model, { onState: takeState, onMessage: heard, onLost: lostOrFound });
  const place = createPlace(() => field, placed);
  const table = createTable();
  const toolbar = createToolbar({
    add: () => cells.add(),
    copy: () => rows.copy(),
    remove: () => rows.remove(),
    move: (by) => rows.move(by),
    undo: () => go("undo"),
    redo: () => go("redo"),
    source: () => beside.show(!beside.shown),
    find: () => refresh(true),
    columns(columns) {
      chosen = columns;
      line.say("columns", { names: columns });
      refresh(true);
    },
    save,
    stop: () => ask("stop_again", {}),
    help: () => help.toggle(),
  });
  const notices = createNotices((what) => ask(what, {}));
  const { say } = notices;
  const beside = createBeside({ sheet, place, ask, head: () => head, onShow: () => toolbar.paint(head, beside.shown), back: toGrid });
  const help = createHelp(HELP);
  const menu = createMenu();
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-cases cs-unknown", role: "region", "aria-label": "Test cases" },
    toolbar.node,
    ...notices.above,
    h("div", { class: "cs-g-panes" }, table.node, beside.panel),
    beside.form,
    menu.node,
    help.node,
    ...notices.below,
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
  );
  const cells = createCells({ sheet, table, place, field: () => field, edit, say, show: showKey, grid: () => name, done: () => refresh(true), newKey });
  const follow = () => (moved = true);
  const rows = createRowActs({ sheet, place, edit, say, follow, add: () => cells.add(), beside: () => beside, newKey });
  const ticking = setInterval(line.watch, 1000);

  // --- from and to the kernel --------------------------------------------------------

  /** @param {any} message */
  function takeState(message) {
    seq = message.seq;
    name = message.grid;
    head = message.head;
    for (const edit of sheet.takeState(message.rows)) send(edit);
    node.classList.remove("cs-unknown");
    chosen = message.columns ?? chosen;
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
    if (message.said) notices.show(message.said.words, message.said.bad);
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
      notices.complain(error);
      return null;
    }
  }

  /** @param {string} path @param {boolean} replace */
  async function save(path, replace) {
    cells.keep();
    const { there, path: where, saved, left } = await line.ask("save", { path, replace });
    if (there) return there;
    say(`Saved ${saved} ${saved === 1 ? "case" : "cases"} to ${where}${left ? `; ${left} to fix left out` : ""}`, true);
    return "";
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
    beside.lookSoon();
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
    const inside = table.grid.contains(document.activeElement);
    table.paint(sheet.rows, new Set(field.keys), place.at?.key);
    table.showColumns(field.columns);
    toolbar.columns.set(field.columns);
    toolbar.paint(head, beside.shown);
    notices.paint(head);
    paintNumbers();
    if (inside && !table.grid.contains(document.activeElement)) moved = arriving = true; // the row under the person is gone
    paintPlace();
    cells.painted();
  }

  function paintNumbers() {
    node.dataset["waiting"] = String(sheet.waiting.length); // edits that Python has not answered yet
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
    if (moved && cell && !cells.open && !cells.opens(cell)) {
      // Where its row went, or came in just now. Whoever is in a menu or at a button meanwhile stays there.
      const here = document.activeElement;
      if (arriving || here === null || here === document.body || table.grid.contains(here)) cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    moved = arriving = false;
  }

  /** @param {boolean} goes */
  function placed(goes) {
    moved ||= goes;
    const cell = table.cell(place.at);
    if (!cell) arriving = goes; // a row that is not on the page yet
    else if (goes && !cells.open) cell.focus({ preventScroll: true }); // the next key may come before the next frame
    if (told !== place.marked) line.say("marked", { keys: [...place.marked] });
    told = place.marked;
    painting ||= requestAnimationFrame(paint);
    beside.lookSoon();
  }

  function lostOrFound() {
    notices.paintLost(line);
    paintNumbers();
  }

  function toGrid() {
    table.cell(place.at)?.focus({ preventScroll: true });
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

  // --- keys and clicks ---------------------------------------------------------------

  const acts = {
    ...{ step: place.step, jump: place.jump, page: place.page },
    move: rows.move,
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
    if (button instanceof HTMLElement) menu.open(button, rows.choices(), table.cell(place.at) ?? button);
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
    menu.open(button, rows.choices());
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
      beside.close();
      notices.close();
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
