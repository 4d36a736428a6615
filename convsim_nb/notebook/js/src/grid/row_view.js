// One row of the grid as nodes. Every text goes in as text.

import { h, setAttribute } from "../dom.js";
import { BY_NAME, COLUMNS, beginning, entriesOf, fieldWords, itemsOf, mappingLines, visible } from "./cells.js";
import { FINDINGS, NUMBER } from "./select.js";
import { isDraft } from "./rows.js";

/**
 * @import {Column} from "./cells.js"
 * @import {Row} from "./rows.js"
 */

/** The columns as a screen reader counts them. */
const PLACES = new Map([NUMBER, ...COLUMNS.map(({ name }) => name), FINDINGS].map((name, place) => [name, place + 1]));
export const COLUMN_COUNT = PLACES.size;

/** The head of the grid: what stands under each other is named beside each other. */
export function headNode() {
  /** @type {Map<number, Node[]>} */
  const groups = new Map();
  for (const { name, title, group } of COLUMNS) {
    const node = h("span", { role: "columnheader", "data-column": name, "aria-colindex": PLACES.get(name) }, title);
    groups.set(group, [...(groups.get(group) ?? []), node]);
  }
  const number = h("span", { role: "columnheader", "data-column": NUMBER, "aria-colindex": 1, "aria-label": "Number" }, "#");
  const stacks = [...groups].map(([group, nodes]) => h("div", { class: "cs-g-heads", role: "none", "data-group": group }, ...nodes));
  return h("div", { class: "cs-g-head", role: "row", "aria-rowindex": 1 }, h("div", { class: "cs-g-heads", role: "none", "data-group": 0 }, number), ...stacks);
}

/** @param {Row} row */
export function rowNode(row) {
  const node = h("div", { class: "cs-g-row", role: "row", "data-key": row.key });
  node.append(numberNode(), ...stacks());
  fillRow(node, row);
  return node;
}

/** Columns of a group lie under each other, however high those of another are. */
function stacks() {
  const groups = [...new Set(COLUMNS.map(({ group }) => group))];
  return groups.map((group) => {
    const cells = COLUMNS.filter((column) => column.group === group).map(({ name }) => cellNode(name));
    return h("div", { class: "cs-g-stack", role: "none", "data-group": group }, ...cells);
  });
}

/** @param {string} name */
const cellNode = (name) =>
  h("div", { class: "cs-g-cell", role: "gridcell", tabindex: -1, "data-column": name, "aria-colindex": PLACES.get(name) });

function numberNode() {
  const more = { type: "button", class: "cs-more", tabindex: -1, "aria-haspopup": "menu", "aria-expanded": "false", title: "Actions", "aria-label": "Actions on the row" };
  return h(
    "div",
    { class: "cs-g-cell cs-g-number", role: "rowheader", tabindex: -1, "data-column": NUMBER, "aria-colindex": 1 },
    h("div", { class: "cs-g-beside-number" }, h("span", { class: "cs-g-place" }, "0"), h("span", { class: "cs-g-marks" })),
    h("button", more, "⋯"),
  );
}

/**
 * Make a row's node show the row; a cell that is being edited is left alone.
 * @param {HTMLElement} node
 * @param {Row} row
 */
export function fillRow(node, row) {
  const draft = isDraft(row);
  node.classList.toggle("cs-g-draft", draft);
  setAttribute(/** @type {HTMLElement} */ (node.firstChild), "title", row.id || "a draft: it has no id yet");
  fillMarks(/** @type {HTMLElement} */ (node.querySelector(".cs-g-marks")), row, draft);
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[role=gridcell]"))) {
    const column = BY_NAME.get(cell.dataset["column"] ?? "");
    if (column && !cell.classList.contains("cs-g-editing")) fillCell(cell, row, column);
  }
  fillFindings(node, row);
}

/**
 * @param {HTMLElement} node of a row
 * @param {string} column
 */
export const cellOf = (node, column) => /** @type {HTMLElement | null} */ (node.querySelector(`[data-column="${CSS.escape(column)}"]`));

/**
 * @param {HTMLElement} node of a row
 * @param {number} place from 1
 */
export function numberRow(node, place) {
  node.setAttribute("aria-rowindex", String(place + 1));
  // Where a row comes in at the top, all below it get another number: straight to the text, without a search.
  /** @type {Text} */ (node.firstChild?.firstChild?.firstChild?.firstChild).data = String(place);
}

/**
 * @param {HTMLElement} node
 * @param {Row} row
 * @param {boolean} draft
 */
function fillMarks(node, row, draft) {
  const alike = row.findings.some(({ check }) => check === "duplicate");
  const marks = [
    draft && mark("cs-g-todo", "!", "to fix"),
    !draft && row.findings.length > (alike ? 1 : 0) && mark("cs-g-found", "⚠", "a check found something"),
    alike && mark("cs-g-found", "≈", "nearly the same as another case"),
    row.new && mark("cs-g-by-hand", "✎", "written by a person"),
  ];
  node.replaceChildren(...marks.filter((each) => each !== false));
}

/**
 * @param {string} name
 * @param {string} sign
 * @param {string} words
 */
const mark = (name, sign, words) => h("span", { class: name, role: "img", "aria-label": words, title: words }, sign);

/**
 * @param {HTMLElement} cell
 * @param {Row} row
 * @param {Column} column
 */
export function fillCell(cell, row, column) {
  const text = row.texts[column.name] ?? "";
  const problem = row.problems[column.name] ?? (column.name === "goal" && !text.trim() ? "A goal is needed" : "");
  const edited = row.edited.includes(column.name);
  const parts = [
    ...shortened(column, text),
    column.name === "expectations" && row.proposed && h("span", { class: "cs-g-proposed", title: "A model’s proposal, which no person has confirmed yet" }, "proposed"),
    problem && h("div", { class: "cs-g-problem" }, visible(problem)),
    edited && h("span", { class: "cs-g-edited", role: "img", "aria-label": "edited", title: "Edited by a person" }),
  ];
  cell.replaceChildren(...parts.filter((each) => each !== false && each !== ""));
  setAttribute(cell, "aria-invalid", problem ? "true" : null);
  setAttribute(cell, "data-hint", text || problem ? null : column.title.toLowerCase());
}

/**
 * What stands in a cell; of what is long its beginning, the whole stands in the editor.
 * @param {Column} column
 * @param {string} text
 * @returns {Node[]}
 */
function shortened(column, text) {
  const begins = beginning(text);
  if (begins === text) return contents(column, text);
  return [
    h("div", { class: "cs-g-cut", role: "none" }, ...contents(column, begins)),
    h("div", { class: "cs-g-whole" }, `… ${text.length.toLocaleString("en-US")} characters in all: Enter shows them`),
  ];
}

/**
 * @param {Column} column
 * @param {string} text
 * @returns {Node[]}
 */
function contents({ name, kind }, text) {
  if (!text) return [];
  if (name === "tags") return itemsOf(text).map((each) => h("span", { class: "cs-g-tag" }, visible(each)));
  switch (kind) {
    case "text":
      return [h("div", { class: "cs-g-text" }, visible(text))];
    case "lines":
      return itemsOf(text).map((each) => h("div", { class: "cs-g-item" }, visible(each)));
    case "withheld":
      return entriesOf(text).map(entryNode);
    case "mapping":
      return mappingLines(text).map(({ label, text: said, bullet }) =>
        h("div", { class: bullet ? "cs-g-item" : "cs-g-pair" }, label && h("span", { class: "cs-g-label" }, `${visible(label)}: `), visible(said)),
      );
  }
}

/** @param {import("./cells.js").Entry} entry */
function entryNode({ fact, after, kind }) {
  const name = kind === "correction" ? "" : `${kind.replaceAll("_", " ")}, `;
  return h(
    "div",
    { class: "cs-g-hidden" },
    h("span", { class: "cs-g-sign", "aria-hidden": "true" }, "⊘"),
    h("div", { dir: "auto" }, visible(fact)),
    h("div", { class: "cs-g-after" }, `${visible(name)}after: `, visible(after) || "…"),
  );
}

/**
 * @param {HTMLElement} node
 * @param {Row} row
 */
function fillFindings(node, row) {
  const before = cellOf(node, FINDINGS);
  if (!row.findings.length) return before?.remove();
  const lines = row.findings.map(({ field, reason }) =>
    h("div", {}, h("span", { class: "cs-g-found", "aria-hidden": "true" }, "⚠ "), fieldWords(field) && h("span", { class: "cs-g-label" }, `${fieldWords(field)}: `), reason),
  );
  const cell = before ?? cellNode(FINDINGS);
  cell.replaceChildren(...lines);
  if (!before) node.append(cell);
}
