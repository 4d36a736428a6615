// The rows on the page: each a node that is made once, mended when its row changes, and put where it belongs.

import { h, setAttribute } from "../dom.js";
import { COLUMN_COUNT, cellOf, fillRow, headNode, numberRow, rowNode } from "./row_view.js";
import { COLUMNS } from "./cells.js";
import { OURS } from "./keyboard.js";

/**
 * @import {Row, Rows} from "./rows.js"
 * @import {Cell} from "./select.js"
 */

/** So many rows around the person get their numbers at once; a new row in front of a thousand is one frame so. */
const NEAR = 40;
/** The others get theirs a moment later, in milliseconds, and so many at a time. */
const LATER = 60;
const AT_ONCE = 200;

export function createTable() {
  const body = h("div", { class: "cs-g-body", role: "rowgroup" });
  const grid = h(
    "div",
    { class: "cs-g-table", role: "grid", "aria-label": "Test cases", "aria-multiselectable": "true", "aria-colcount": COLUMN_COUNT, "data-cs-keys": OURS },
    h("div", { class: "cs-g-top", role: "rowgroup" }, headNode()),
    body,
  );
  const nobody = h("div", { class: "cs-g-nobody", hidden: true });
  const scroller = h("div", { class: "cs-g-scroller" }, grid, nobody);
  /** @type {Map<string, HTMLElement>} */
  const nodes = new Map();
  /** @type {WeakMap<HTMLElement, Row>} */
  const shows = new WeakMap();
  let painted = "";
  /** @type {WeakMap<HTMLElement, number>} where a row lies, from 0 */
  const places = new WeakMap();
  /** @type {WeakMap<HTMLElement, number>} where its number says that it lies */
  const numbers = new WeakMap();
  /** @type {Set<HTMLElement>} rows whose number is not right yet */
  const late = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let numbering;
  /** @type {HTMLElement | null} */
  let current = null;
  /** @type {Set<HTMLElement>} */
  let ranged = new Set();
  /** @type {Set<HTMLElement>} */
  let marked = new Set();

  /**
   * Make the nodes those of the rows.
   * @param {Rows} rows
   * @param {Set<string>} shown the keys that pass the filter
   * @param {string | undefined} near the key of the row where the person is
   */
  function paint({ order, byKey }, shown, near) {
    const here = near === undefined ? 0 : order.indexOf(near);
    let cursor = body.firstElementChild;
    const focused = document.activeElement;
    order.forEach((key, place) => {
      const row = /** @type {Row} */ (byKey.get(key));
      let node = nodes.get(key);
      if (!node) {
        node = rowNode(row);
        nodes.set(key, node);
      } else if (shows.get(node) !== row) fillRow(node, row);
      shows.set(node, row);
      if (places.get(node) !== place) {
        places.set(node, place);
        if (numbers.has(node) && Math.abs(place - here) > NEAR) late.add(node);
        else number(node);
      }
      if (node.hidden === shown.has(key)) node.hidden = !node.hidden;
      if (cursor === node) cursor = cursor.nextElementSibling;
      else body.insertBefore(node, cursor);
    });
    while (cursor) {
      const following = cursor.nextElementSibling;
      nodes.delete(/** @type {HTMLElement} */ (cursor).dataset["key"] ?? "");
      cursor.remove();
      cursor = following;
    }
    setAttribute(grid, "aria-rowcount", order.length + 1);
    if (late.size) numbering ||= setTimeout(numberLate, LATER);
    // A node that moves loses the focus.
    if (focused instanceof HTMLElement && focused !== document.activeElement && grid.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} node of a row */
  function number(node) {
    const place = places.get(node) ?? 0;
    late.delete(node);
    if (numbers.get(node) === place) return;
    numbers.set(node, place);
    numberRow(node, place + 1);
  }

  function numberLate() {
    numbering = undefined;
    for (const node of [...late].slice(0, AT_ONCE)) number(node);
    if (late.size) numbering = setTimeout(numberLate, LATER);
  }

  /** @param {Cell | null} at */
  function cell(at) {
    const node = at && nodes.get(at.key);
    return node ? cellOf(node, at.column) : null;
  }

  /**
   * @param {Cell | null} at
   * @param {{keys: string[], columns: string[]}} range
   * @param {Set<string>} keys of the rows that are marked
   */
  function paintSelection(at, range, keys) {
    const now = cell(at);
    if (current !== now) {
      current?.classList.remove("cs-g-current");
      setAttribute(current ?? grid, "tabindex", current ? -1 : null);
      now?.classList.add("cs-g-current");
      if (now) now.tabIndex = 0;
      current = now;
    }
    const cells = new Set(range.keys.length * range.columns.length > 1 ? cellsOf(range) : []);
    for (const each of ranged) if (!cells.has(each)) setAttribute(each, "aria-selected", null);
    for (const each of cells) setAttribute(each, "aria-selected", "true");
    ranged = cells;
    const chosen = new Set([...keys].flatMap((key) => nodes.get(key) ?? []));
    for (const each of marked) if (!chosen.has(each)) setAttribute(each, "aria-selected", null);
    for (const each of chosen) setAttribute(each, "aria-selected", "true");
    marked = chosen;
  }

  /** @param {{keys: string[], columns: string[]}} range */
  const cellsOf = ({ keys, columns }) => keys.flatMap((key) => columns.flatMap((column) => cell({ key, column }) ?? []));

  return {
    node: scroller,
    grid,
    nobody,
    paint,
    paintSelection,
    cell,
    /** @param {string} key */
    row: (key) => nodes.get(key) ?? null,
    /** @param {string[]} columns that are shown */
    showColumns(columns) {
      if (columns.join() === painted) return;
      painted = columns.join();
      const hidden = COLUMNS.filter(({ name }) => !columns.includes(name));
      setAttribute(grid, "data-hidden", hidden.map(({ name }) => name).join(" ") || null);
      const groups = [...new Set(COLUMNS.filter(({ name }) => columns.includes(name)).map(({ group }) => group))];
      setAttribute(grid, "data-groups", groups.join(" "));
      grid.style.setProperty("--cs-g-least", `${40 + groups.length * 130}px`);
      grid.style.setProperty("--cs-g-columns", groups.map((group) => WIDTHS[group] ?? "").join(" "));
    },
  };
}

/** @type {Record<number, string>} */
const WIDTHS = { 1: "minmax(0, 1fr)", 2: "minmax(0, 1.1fr)", 3: "minmax(0, 1.1fr)", 4: "minmax(0, 1fr)", 5: "minmax(0, .6fr)" };
