// Where the person is in the grid, and what is selected: moves and ranges, without the page.

import { BY_NAME, COLUMNS } from "./cells.js";

/** The column of row numbers: there a whole row is meant. */
export const NUMBER = "#";
/** What was found stands in a line of its own below the row; it can be read, and not edited. */
export const FINDINGS = "findings";

/**
 * @typedef {{key: string, column: string}} Cell
 * @typedef {{at: Cell | null, from: Cell | null}} Selection `at` has the focus; the range goes from `from` to it
 * @typedef {object} Field what can be walked over
 * @property {string[]} keys of the rows that are shown, in their order
 * @property {string[]} columns that are shown, in the order of reading
 * @property {(key: string) => boolean} hasFindings whether the row has a line of findings
 */

/**
 * The columns of a row as they lie: lines of groups.
 * @param {string[]} columns
 */
function lines(columns) {
  /** @type {Map<number, string[]>} */
  const groups = new Map();
  for (const { name, group } of COLUMNS) {
    if (columns.includes(name)) groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const stacks = [[NUMBER], ...groups.values()];
  const height = Math.max(...stacks.map((stack) => stack.length));
  return { stacks, height };
}

/**
 * A step to where the cell beside it lies on the screen.
 * @param {Field} field
 * @param {Cell} at
 * @param {"up" | "down" | "left" | "right"} way
 * @returns {Cell}
 */
export function step(field, at, way) {
  const { stacks } = lines(field.columns);
  if (at.column === FINDINGS) return stepFromFindings(field, at, way, stacks);
  const place = Math.max(0, stacks.findIndex((stack) => stack.includes(at.column)));
  const stack = stacks[place] ?? [NUMBER];
  const line = stack.indexOf(at.column);
  if (way === "left" || way === "right") {
    const next = stacks[place + (way === "left" ? -1 : 1)];
    return next ? { ...at, column: next[Math.min(line, next.length - 1)] ?? NUMBER } : at;
  }
  if (way === "down" && line + 1 < stack.length) return { ...at, column: stack[line + 1] ?? NUMBER };
  if (way === "up" && line > 0) return { ...at, column: stack[line - 1] ?? NUMBER };
  if (way === "down" && field.hasFindings(at.key)) return { ...at, column: FINDINGS };
  const row = field.keys.indexOf(at.key) + (way === "up" ? -1 : 1);
  const key = field.keys[row];
  if (key === undefined) return at;
  if (way === "up" && field.hasFindings(key)) return { key, column: FINDINGS };
  return { key, column: (way === "up" ? stack.at(-1) : stack[0]) ?? NUMBER };
}

/**
 * @param {Field} field
 * @param {Cell} at
 * @param {"up" | "down" | "left" | "right"} way
 * @param {string[][]} stacks
 * @returns {Cell}
 */
function stepFromFindings(field, at, way, stacks) {
  const first = stacks[1] ?? [NUMBER];
  if (way === "left") return { ...at, column: NUMBER };
  if (way === "right") return at;
  if (way === "up") return { ...at, column: first.at(-1) ?? NUMBER };
  const key = field.keys[field.keys.indexOf(at.key) + 1];
  return key === undefined ? at : { key, column: first[0] ?? NUMBER };
}

/**
 * The next cell that can be edited, in the order of reading; from the last one on, the next row's first.
 * @param {Field} field
 * @param {Cell} at
 * @param {-1 | 1} by
 * @returns {Cell}
 */
export function next(field, at, by) {
  const column = field.columns.indexOf(at.column) + by;
  if (column >= 0 && column < field.columns.length) return { ...at, column: field.columns[column] ?? at.column };
  const key = field.keys[field.keys.indexOf(at.key) + by];
  const there = by > 0 ? field.columns[0] : field.columns.at(-1);
  return key === undefined || there === undefined ? at : { key, column: there };
}

/**
 * The same column, so many rows away, or as far as there are rows.
 * @param {Field} field
 * @param {Cell} at
 * @param {number} by
 * @returns {Cell}
 */
export function rowsAway(field, at, by) {
  const row = Math.max(0, Math.min(field.keys.length - 1, field.keys.indexOf(at.key) + by));
  const column = at.column === FINDINGS ? field.columns[0] ?? NUMBER : at.column;
  return { key: field.keys[row] ?? at.key, column };
}

/**
 * The next column to the side in the order of reading: how a range grows.
 * @param {Field} field
 * @param {Cell} at
 * @param {-1 | 1} by
 * @returns {Cell}
 */
export function columnAway(field, at, by) {
  const column = field.columns.indexOf(at.column) + by;
  return field.columns[column] === undefined ? at : { ...at, column: field.columns[column] ?? at.column };
}

/**
 * What is selected: the rows and the columns between the two ends.
 * @param {Field} field
 * @param {Selection} selection
 * @returns {{keys: string[], columns: string[]}}
 */
export function range(field, { at, from }) {
  if (!at) return { keys: [], columns: [] };
  const start = from ?? at;
  const keys = between(field.keys, start.key, at.key);
  if (!BY_NAME.has(at.column)) return { keys, columns: at.column === NUMBER ? field.columns : [] };
  return { keys, columns: between(field.columns, BY_NAME.has(start.column) ? start.column : at.column, at.column) };
}

/**
 * @param {string[]} all
 * @param {string} one
 * @param {string} other
 */
export function between(all, one, other) {
  const [a, b] = [all.indexOf(one), all.indexOf(other)];
  if (a < 0 || b < 0) return all.includes(other) ? [other] : [];
  return all.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/**
 * Where the person is once rows have gone: the same place, or the last.
 * @param {string[]} before the keys as they were
 * @param {Field} field
 * @param {Cell | null} at
 * @returns {Cell | null}
 */
export function still(before, field, at) {
  if (!at || !field.keys.length) return null;
  const column = at.column === NUMBER || field.columns.includes(at.column) ? at.column : at.column === FINDINGS && field.hasFindings(at.key) ? FINDINGS : field.columns[0] ?? NUMBER;
  if (field.keys.includes(at.key)) return column === at.column ? at : { ...at, column };
  const place = before.indexOf(at.key);
  const later = before.slice(place + 1).find((key) => field.keys.includes(key));
  return { key: later ?? field.keys.at(-1) ?? at.key, column };
}
