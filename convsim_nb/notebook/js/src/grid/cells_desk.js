// Editing cells: the open editor, emptying, copy and paste, new rows.

import { BY_NAME, COLUMNS } from "./cells.js";
import { openEditor } from "./editor.js";
import { pasteOps } from "./paste.js";
import { fillCell } from "./row_view.js";
import { NUMBER } from "./select.js";
import { formatTsv, parseTsv } from "./tsv.js";
import { forgetText, keptText, rememberText } from "./unsent.js";

/**
 * @import {Editor, Then} from "./editor.js"
 * @import {Op, Sheet} from "./rows.js"
 * @import {Cell, Field} from "./select.js"
 */

/**
 * @param {object} of
 * @param {Sheet} of.sheet
 * @param {ReturnType<typeof import("./table.js").createTable>} of.table
 * @param {ReturnType<typeof import("./place.js").createPlace>} of.place
 * @param {() => Field} of.field
 * @param {(label: string, ops: Op[]) => void} of.edit
 * @param {(words: string, seen?: boolean) => void} of.say
 * @param {(key: string) => void} of.show makes a row be seen that the filter hides
 * @param {() => string} of.grid the kernel's name for the grid
 * @param {() => void} of.done nothing is edited any more
 * @param {() => string} of.newKey
 */
export function createCells({ sheet, table, place, field, edit, say, show, grid, done, newKey }) {
  /** @type {{cell: Cell, node: HTMLElement, editor: Editor, was: string} | null} */
  let open = null;
  /** @type {(Cell & {text?: string | undefined}) | null} opened as soon as its row stands on the page */
  let wanted = null;

  /** @param {Cell} cell @param {string} [text] in the place of what stands there */
  function openAt(cell, text) {
    const column = BY_NAME.get(cell.column);
    const row = sheet.row(cell.key);
    const node = table.cell(cell);
    if (!column || !row || !node) return;
    keep();
    const was = row.texts[column.name] ?? "";
    node.classList.add("cs-g-editing");
    const editor = openEditor(node, column, text ?? was, {
      label: column.title,
      onKeep: close,
      onRevert: revert,
      onTyped: () => rememberText(grid(), { ...cell, text: editor.text() }),
    });
    open = { cell, node, editor, was };
    node.addEventListener("focusout", left);
    if (text !== undefined) rememberText(grid(), { ...cell, text });
    node.scrollIntoView({ block: "nearest" });
  }

  /** @param {FocusEvent} event */
  function left(event) {
    if (!open || !document.hasFocus()) return; // another window: the person comes back
    const { node } = open;
    if (event.relatedTarget instanceof Node && node.contains(event.relatedTarget)) return;
    setTimeout(() => open?.node === node && !node.contains(document.activeElement) && keep(), 0);
  }

  /** @returns {{cell: Cell, text: string, was: string} | null} what was edited; the cell is as it was */
  function shut() {
    if (!open) return null;
    const { cell, node, editor, was } = open;
    const text = editor.text();
    open = null;
    node.removeEventListener("focusout", left);
    node.classList.remove("cs-g-editing");
    forgetText(grid());
    const row = sheet.row(cell.key);
    const column = BY_NAME.get(cell.column);
    if (row && column) fillCell(node, row, column);
    return { cell, text, was };
  }

  /** Keep what was typed, and stay where the focus is. */
  function keep() {
    const typed = shut();
    if (!typed) return;
    const { cell, text, was } = typed;
    const title = BY_NAME.get(cell.column)?.title.toLowerCase() ?? "cell";
    if (!sheet.row(cell.key)) {
      // Another view deleted the row meanwhile: what was typed is not lost with it.
      const key = newKey();
      edit(`Add case`, [{ op: "insert", key, at: sheet.rows.order.length, texts: { [cell.column]: text } }]);
      place.go({ key, column: cell.column });
      say("The row was deleted elsewhere: what you typed stands in a new one, at the end", true);
    } else if (text !== was) edit(`Edit ${title}`, [{ op: "set", key: cell.key, column: cell.column, text }]);
    else done();
  }

  /** @param {Then} then */
  function close(then) {
    const cell = open?.cell;
    keep();
    if (!cell || !sheet.row(cell.key)) return;
    if (then === "next") place.next(1);
    else if (then === "before") place.next(-1);
    else place.go(cell);
  }

  function revert() {
    const shown = shut();
    if (shown) place.go(shown.cell);
    done();
  }

  /** @param {string} [text] */
  function editHere(text) {
    const cell = place.here();
    if (cell && BY_NAME.has(cell.column)) openAt(cell, text);
  }

  function add() {
    keep();
    const at = place.at ? sheet.rows.order.indexOf(place.at.key) + 1 : sheet.rows.order.length;
    const key = newKey();
    edit("Add case", [{ op: "insert", key, at, texts: {} }]);
    show(key);
    place.drop();
    const column = field().columns[0] ?? COLUMNS[0]?.name ?? "goal";
    place.go({ key, column });
    wanted = { key, column };
    say(`Added row ${at + 1}`);
  }

  function empty() {
    const { keys, columns } = place.range;
    const ops = keys.flatMap((key) => columns.flatMap((column) => (sheet.row(key)?.texts[column] ? [/** @type {Op} */ ({ op: "set", key, column, text: "" })] : [])));
    edit(ops.length === 1 ? "Empty a cell" : `Empty ${ops.length} cells`, ops);
    if (ops.length) say(`Emptied ${ops.length}`);
  }

  // --- copy and paste ----------------------------------------------------------------

  /** @param {ClipboardEvent} event */
  function copied(event) {
    if (open || !isHere(event)) return;
    const rows = place.at?.column === NUMBER ? place.rows : place.range.keys;
    const { columns } = place.range;
    const table_ = rows.map((key) => columns.map((column) => sheet.row(key)?.texts[column] ?? ""));
    if (!table_.length || !columns.length) return;
    event.clipboardData?.setData("text/plain", formatTsv(table_));
    event.preventDefault();
    event.stopPropagation();
    say(`Copied ${rows.length * columns.length} cells`);
    if (event.type === "cut") empty();
  }

  /** @param {ClipboardEvent} event */
  function pasted(event) {
    const at = place.here();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (open || !isHere(event) || !text) return;
    event.preventDefault();
    event.stopPropagation();
    const range = place.range;
    const from = at && { key: range.keys[0] ?? at.key, column: at.column === NUMBER ? NUMBER : (range.columns[0] ?? field().columns[0] ?? "goal") };
    const start = from ?? { key: "", column: NUMBER };
    const { ops, cells, grown } = pasteOps(parseTsv(text), { rows: sheet.rows, field: field(), at: start, range, newKey });
    edit(cells === 1 ? "Paste a cell" : `Paste ${cells} cells`, ops);
    say(`Pasted ${cells} cells${grown ? `, ${grown} new rows` : ""}`);
  }

  /** @param {Event} event */
  const isHere = (event) => event.target instanceof Element && !event.target.closest("input, textarea, select");

  const scroller = table.node;
  scroller.addEventListener("copy", copied);
  scroller.addEventListener("cut", copied);
  scroller.addEventListener("paste", pasted);

  return {
    add,
    empty,
    keep,
    edit: editHere,
    /** Whether a cell is edited. */
    get open() {
      return open !== null;
    },
    /** @param {string} key */
    isAt: (key) => open?.cell.key === key || wanted?.key === key,
    /**
     * Whether an editor opens in a cell as soon as it is drawn: it takes the focus, and each change of focus lays the page out.
     * @param {HTMLElement} node
     */
    opens: (node) => wanted !== null && table.cell(wanted) === node,
    /** The rows are on the page: an editor that waited for its row is opened; one whose row is gone is shut. */
    painted() {
      if (open && !sheet.row(open.cell.key)) keep();
      if (!wanted || !table.cell(wanted)) return;
      const { text, ...cell } = wanted;
      wanted = null;
      openAt(cell, text);
    },
    /** After a reload: what stood in an open editor, and was never sent. */
    bringBack() {
      const kept = keptText(grid());
      if (open || !kept || !sheet.row(kept.key)) return;
      show(kept.key);
      place.go({ key: kept.key, column: kept.column });
      openAt({ key: kept.key, column: kept.column }, kept.text);
      say("What you were typing before the page was reloaded is back", true);
    },
    /** The view goes: the editor's text stays where a reload finds it. */
    close() {
      open = null;
    },
  };
}
