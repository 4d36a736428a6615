// What pasted cells do to the rows: they fill from where the person is, and grow rows where there are too few.

import { columnNamed } from "./cells.js";
import { NUMBER } from "./select.js";

/**
 * @import {Op, Rows} from "./rows.js"
 * @import {Cell, Field} from "./select.js"
 */

/**
 * @param {string[][]} table
 * @param {object} where
 * @param {Rows} where.rows
 * @param {Field} where.field
 * @param {Cell} where.at the upper left cell of the range
 * @param {{keys: string[], columns: string[]}} where.range what is selected: one pasted cell fills it all
 * @param {() => string} where.newKey
 * @returns {{ops: Op[], cells: number, grown: number}}
 */
export function pasteOps(table, { rows, field, at, range, newKey }) {
  if (table.length === 1 && table[0]?.length === 1 && at.column !== NUMBER) {
    const text = table[0][0] ?? "";
    const ops = range.keys.flatMap((key) => range.columns.map((column) => /** @type {Op} */ ({ op: "set", key, column, text })));
    return { ops, cells: ops.length, grown: 0 };
  }
  const headed = heads(table);
  const columns = headed ?? shifted(field.columns, at.column);
  const lines = headed ? table.slice(1) : table;
  const below = at.column === NUMBER ? [] : field.keys.slice(field.keys.indexOf(at.key));
  const end = place(rows, at, below);
  /** @type {Op[]} */
  const ops = [];
  let grown = 0;
  lines.forEach((line, number) => {
    const cells = line.slice(0, columns.length).flatMap((text, n) => (columns[n] ? [[columns[n], text]] : []));
    const key = below[number];
    if (key === undefined) {
      const texts = Object.fromEntries(cells.filter(([, text]) => (text ?? "").trim()));
      ops.push({ op: "insert", key: newKey(), at: end + grown, texts });
      grown += 1;
    } else for (const [column, text] of cells) ops.push({ op: "set", key, column: column ?? "", text: text ?? "" });
  });
  const cells = lines.reduce((total, line) => total + Math.min(line.length, columns.length), 0);
  return { ops, cells, grown };
}

/**
 * Where rows that grow are put: below the person's row, or below the last that is filled.
 * @param {Rows} rows
 * @param {Cell} at
 * @param {string[]} below
 */
function place(rows, at, below) {
  const last = below.at(-1) ?? at.key;
  const found = rows.order.indexOf(last);
  return found < 0 ? rows.order.length : found + 1;
}

/**
 * @param {string[]} columns
 * @param {string} first
 */
const shifted = (columns, first) => (first === NUMBER ? columns : columns.slice(Math.max(0, columns.indexOf(first))));

/**
 * The columns that the first line names, if it is a table's head: a head names the goal and nothing that is unknown to us
 * stands alone in it.
 * @param {string[][]} table
 * @returns {(string | undefined)[] | null}
 */
function heads(table) {
  const named = (table[0] ?? []).map(columnNamed);
  return table.length > 1 && named.includes("goal") && named.filter(Boolean).length >= Math.min(2, named.length) ? named : null;
}
