// Where the person is, what is selected, and which rows are marked for what comes next.

import { FINDINGS, NUMBER, between, columnAway, next, range, rowsAway, step, still } from "./select.js";

/**
 * @import {Cell, Field} from "./select.js"
 * @import {Way} from "./keyboard.js"
 */

const PAGE = 8;

/**
 * @param {() => Field} field
 * @param {(moved: boolean) => void} onChange `moved`: the focus goes to where the person is now
 */
export function createPlace(field, onChange) {
  /** @type {Cell | null} */
  let at = null;
  /** @type {Cell | null} */
  let from = null;
  /** @type {Set<string>} */
  let marked = new Set();

  /**
   * @param {Cell | null} there
   * @param {boolean} [grow] whether the range grows, or begins anew
   */
  function go(there, grow = false) {
    if (!there) return;
    from = grow ? (from ?? at) : null;
    at = there;
    onChange(true);
  }

  /** @returns {Cell | null} where the person is; at first the first cell */
  function here() {
    const { keys, columns } = field();
    if (!at && keys[0] !== undefined) at = { key: keys[0], column: columns[0] ?? NUMBER };
    return at;
  }

  /** @param {Set<string>} keys */
  function mark(keys) {
    marked = keys;
    onChange(false);
  }

  return {
    go,
    here,
    mark,
    get at() {
      return at;
    },
    get marked() {
      return marked;
    },
    get range() {
      return range(field(), { at, from });
    },
    /** The rows that an action is about: those that are marked, or those of the range. */
    get rows() {
      const { keys } = field();
      return marked.size ? keys.filter((key) => marked.has(key)) : range(field(), { at, from }).keys;
    },
    /** @param {Way} way @param {boolean} grow */
    step(way, grow) {
      const cell = here();
      if (!cell) return;
      if (!grow) return go(step(field(), cell, way));
      if (way === "up" || way === "down") return go(rowsAway(field(), cell, way === "up" ? -1 : 1), true);
      go(columnAway(field(), cell, way === "left" ? -1 : 1), true);
    },
    /** @param {"first" | "last" | "top" | "bottom"} where @param {boolean} grow */
    jump(where, grow) {
      const cell = here();
      const { keys, columns } = field();
      if (!cell) return;
      if (where === "first" || where === "last") return go({ ...cell, column: (where === "first" ? columns[0] : columns.at(-1)) ?? NUMBER }, grow);
      go({ key: (where === "top" ? keys[0] : keys.at(-1)) ?? cell.key, column: cell.column === FINDINGS ? (columns[0] ?? NUMBER) : cell.column }, grow);
    },
    /** @param {-1 | 1} by @param {boolean} grow */
    page(by, grow) {
      const cell = here();
      if (cell) go(rowsAway(field(), cell, by * PAGE), grow);
    },
    /** @param {-1 | 1} by */
    next(by) {
      const cell = here();
      if (cell) go(next(field(), cell, by));
    },
    /** @param {string} key */
    toggle(key) {
      const keys = new Set(marked);
      if (!keys.delete(key)) keys.add(key);
      mark(keys);
    },
    /** Mark all rows between two. @param {string} one @param {string} other */
    markTo: (one, other) => mark(new Set([...marked, ...between(field().keys, one, other)])),
    /** Drop the range and the marks; false where there was neither. */
    drop() {
      const had = from !== null || marked.size > 0;
      from = null;
      marked = new Set();
      if (had) onChange(false);
      return had;
    },
    /** Rows have come or gone. @param {string[]} before their keys as they were shown */
    stay(before) {
      const now = field();
      at = still(before, now, at);
      from = from && now.keys.includes(from.key) && at ? from : null;
      const kept = new Set([...marked].filter((key) => now.keys.includes(key)));
      if (kept.size !== marked.size) marked = kept;
    },
  };
}
