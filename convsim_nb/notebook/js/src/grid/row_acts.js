// What is done with whole rows: the person's own, or all that are marked; and the menu that offers it.

import { BY_NAME } from "./cells.js";
import { NUMBER } from "./select.js";

/**
 * @import {Choice} from "../menu.js"
 * @import {Op, Sheet} from "./rows.js"
 */

/**
 * @param {object} of
 * @param {Sheet} of.sheet
 * @param {ReturnType<typeof import("./place.js").createPlace>} of.place
 * @param {(label: string, ops: Op[]) => void} of.edit
 * @param {(words: string) => void} of.say
 * @param {() => void} of.follow the focus follows the rows
 * @param {() => void} of.add
 * @param {() => ReturnType<typeof import("./beside.js").createBeside>} of.beside
 * @param {() => string} of.newKey
 */
export function createRowActs({ sheet, place, edit, say, follow, add, beside, newKey }) {
  /** @param {string} what @param {number} number */
  const label = (what, number) => (number === 1 ? `${what} case` : `${what} ${number} cases`);

  function copy() {
    const made = place.rows.map((of) => ({ of, key: newKey() }));
    if (!made.length) return;
    edit(label("Duplicate", made.length), made.map(({ of, key }) => ({ op: "copy", key, of })));
    place.drop();
    place.go({ key: made[0]?.key ?? "", column: place.at?.column ?? NUMBER });
    say(`Duplicated ${made.length}`);
  }

  function remove() {
    const keys = place.rows;
    if (!keys.length) return;
    place.drop();
    edit(label("Delete", keys.length), [{ op: "delete", keys }]);
    follow();
    say(`Deleted ${keys.length}; Ctrl+Z brings ${keys.length === 1 ? "it" : "them"} back`);
  }

  /** @param {-1 | 1} by */
  function move(by) {
    const keys = place.rows;
    if (!keys.length) return;
    edit(label("Move", keys.length), [{ op: "move", keys, by }]);
    follow();
    say(`Moved to row ${sheet.rows.order.indexOf(keys[0] ?? "") + 1}`);
  }

  /** @returns {Choice[]} what can be done where the person is */
  function choices() {
    const cell = place.at;
    const row = cell && sheet.row(cell.key);
    if (!cell || !row) return [];
    const column = row.source && BY_NAME.get(cell.column);
    return [
      { name: "Add a case below", key: "Ctrl+Enter", act: add },
      { name: "Duplicate", act: copy },
      { name: "Delete", act: remove },
      { name: "Move up", key: "Alt+Up", act: () => move(-1) },
      { name: "Move down", key: "Alt+Down", act: () => move(1) },
      ...(row.source ? [{ name: "Show the source", act: () => beside().show(true) }] : []),
      ...(column ? [{ name: `Distill ${column.title.toLowerCase()} again`, act: () => beside().distill(cell.key, cell.column) }] : []),
      ...(row.proposed ? [{ name: "Confirm the expectations", act: () => edit("Confirm expectations", [{ op: "confirm", keys: place.rows }]) }] : []),
    ];
  }

  return { copy, remove, move, choices };
}
