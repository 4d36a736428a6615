// What stands above the rows: what can be done, what is looked for, what is shown, and what is not saved yet.

import { h, setAttribute, setText } from "../dom.js";
import { count } from "../words.js";
import { COLUMNS } from "./cells.js";

/** @import {Filter} from "./rows.js" */

/**
 * @typedef {object} Head what the kernel says of the whole
 * @property {string} undo what Undo takes back; empty where there is nothing
 * @property {string} redo
 * @property {boolean} unsaved
 * @property {string} path
 * @property {{key: string, column: string, words: string} | null} busy what is being distilled again
 * @property {string} model the one that distilled again last
 * @property {boolean} asks whether a model has to be named before anything is distilled again
 * @property {string} offer unsaved edits of an earlier kernel that may be brought back
 * @property {string} problem what is wrong with the whole
 *
 * @typedef {object} Actions
 * @property {() => void} add
 * @property {() => void} copy
 * @property {() => void} remove
 * @property {(by: -1 | 1) => void} move
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} source
 * @property {() => void} find something else is looked for, or shown
 * @property {(columns: string[]) => void} columns
 * @property {(path: string, replace: boolean) => Promise<string>} save gives the file that is there already, and has to be replaced
 * @property {() => void} stop
 * @property {() => void} help
 */

/** @type {[Filter, string][]} */
const FILTERS = [
  ["all", "All rows"],
  ["draft", "To fix"],
  ["findings", "With findings"],
  ["alike", "Nearly the same"],
  ["edited", "Edited"],
];

/** @param {Actions} actions */
export function createToolbar(actions) {
  const button = (/** @type {string} */ name, /** @type {() => void} */ act, title = "") =>
    h("button", { type: "button", class: "cs-g-tool", title: title || null, onclick: act }, name);
  const undo = button("Undo", actions.undo);
  const redo = button("Redo", actions.redo);
  const source = button("Source", actions.source, "The session that the case came from, with what was quoted");
  const search = h("input", { type: "search", class: "cs-search", placeholder: "Search", "aria-label": "Search the cases" });
  const filter = h("select", { "aria-label": "Rows" }, ...FILTERS.map(([value, name]) => h("option", { value }, name)));
  const counts = h("span", { class: "cs-g-counts" });
  const unsavedWords = h("span", {});
  const unsaved = h("span", { class: "cs-g-unsaved", hidden: true }, unsavedWords);
  let [isUnsaved, toFix] = [false, 0];
  const busy = h("span", { class: "cs-g-busy", hidden: true });
  const busyWords = h("span", {});
  busy.append(busyWords, h("button", { type: "button", class: "cs-stop", onclick: actions.stop }, "Stop"));
  const columns = columnsPop(actions.columns);
  const save = savePop(actions.save);
  search.addEventListener("input", actions.find);
  filter.addEventListener("change", actions.find);

  const node = h(
    "div",
    { class: "cs-g-tools", role: "toolbar", "aria-label": "Edit test cases" },
    h(
      "div",
      { class: "cs-g-line" },
      button("Add case", actions.add, "Ctrl+Enter"),
      spare(button("Duplicate", actions.copy)),
      button("Delete", actions.remove),
      h("button", { type: "button", class: "cs-g-tool cs-g-spare", title: "Move up: Alt+Up", "aria-label": "Move up", onclick: () => actions.move(-1) }, "↑"),
      h("button", { type: "button", class: "cs-g-tool cs-g-spare", title: "Move down: Alt+Down", "aria-label": "Move down", onclick: () => actions.move(1) }, "↓"),
      undo,
      redo,
      h("span", { class: "cs-g-space" }),
      busy,
      unsaved,
      save.node,
      button("?", actions.help, "Keys, and what the marks mean"),
    ),
    h("div", { class: "cs-g-line" }, search, filter, columns.node, source, h("span", { class: "cs-g-space" }), counts),
  );

  /** A row that is not valid yet is in no file, whatever was saved. */
  function paintUnsaved() {
    const said = isUnsaved ? "unsaved edits" : toFix ? `${toFix} to fix ${toFix === 1 ? "is" : "are"} not saved` : "";
    unsaved.hidden = !said;
    setText(unsavedWords, said);
    setAttribute(unsaved, "title", said);
  }

  return {
    node,
    search,
    get wanted() {
      return search.value.trim().toLowerCase();
    },
    get filter() {
      return /** @type {Filter} */ (filter.value);
    },
    /** Show all rows again. */
    clear() {
      search.value = "";
      filter.value = "all";
    },
    columns,
    openSave: save.open,
    /**
     * @param {Head} head
     * @param {boolean} sourceShown
     */
    paint(head, sourceShown) {
      setAttribute(undo, "aria-disabled", head.undo ? null : "true");
      setAttribute(redo, "aria-disabled", head.redo ? null : "true");
      setAttribute(undo, "title", head.undo ? `Take back: ${head.undo} (Ctrl+Z)` : "Nothing to take back");
      setAttribute(redo, "title", head.redo ? `Do again: ${head.redo} (Ctrl+Shift+Z)` : "Nothing to do again");
      setAttribute(source, "aria-pressed", sourceShown ? "true" : "false");
      isUnsaved = head.unsaved;
      paintUnsaved();
      busy.hidden = !head.busy;
      setText(busyWords, head.busy?.words ?? "");
      save.paint(head);
    },
    /** @param {{all: number, shown: number, drafts: number, found: number, marked: number, waiting: number}} numbers */
    count({ all, shown, drafts, found, marked, waiting }) {
      toFix = drafts;
      paintUnsaved();
      const parts = [
        shown < all ? `${shown} of ${count(all, "case")}` : count(all, "case"),
        ...(drafts ? [`${drafts} to fix`] : []),
        ...(found ? [`${found} with findings`] : []),
        ...(marked ? [`${marked} selected`] : []),
        ...(waiting ? [`${waiting} not in Python yet`] : []),
      ];
      setText(counts, parts.join(" · "));
      setAttribute(counts, "title", parts.join(" · ")); // where there is little room, its end is cut off
    },
  };
}

/** What the menu of a row offers too: it goes where there is little room. @param {HTMLElement} tool */
function spare(tool) {
  tool.classList.add("cs-g-spare");
  return tool;
}

/**
 * A button, and a box below it that it opens.
 * @param {HTMLButtonElement} opener
 * @param {HTMLElement} box
 */
function pop(opener, box) {
  const node = h("span", { class: "cs-g-pop" }, opener, box);
  box.hidden = true;
  setAttribute(opener, "aria-expanded", "false");
  function toggle(open = box.hidden !== false) {
    box.hidden = !open;
    setAttribute(opener, "aria-expanded", String(open));
    if (open) /** @type {HTMLElement | null} */ (box.querySelector("input, button"))?.focus();
    else if (box.contains(document.activeElement)) opener.focus();
  }
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    event.stopPropagation();
    toggle(false);
    opener.focus();
  });
  node.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !node.contains(event.relatedTarget)) toggle(false);
  });
  return { node, toggle };
}

/** @param {(columns: string[]) => void} choose */
function columnsPop(choose) {
  const boxes = COLUMNS.map(({ name, title }) => ({ name, title, box: h("input", { type: "checkbox", checked: true }) }));
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ name }) => name);
  const lines = boxes.map(({ title, box }) => h("label", { class: "cs-choice" }, box, title));
  const opener = h("button", { type: "button", class: "cs-g-tool" }, "Columns ▾");
  const { node, toggle } = pop(opener, h("fieldset", { class: "cs-g-box", "aria-label": "Columns" }, ...lines));
  opener.addEventListener("click", () => toggle());
  for (const { box } of boxes) {
    box.addEventListener("change", () => {
      if (!chosen().length) box.checked = true; // something has to be left
      choose(chosen());
    });
  }
  return {
    node,
    /** @param {string[]} columns */
    set(columns) {
      for (const { name, box } of boxes) box.checked = columns.includes(name);
    },
  };
}

/** @param {(path: string, replace: boolean) => Promise<string>} save */
function savePop(save) {
  const path = h("input", { type: "text", "aria-label": "Where to save", placeholder: "cases.yaml", spellcheck: "false" });
  const problem = h("div", { class: "cs-problem", role: "alert", hidden: true });
  const askWords = h("span", {});
  const replace = h("button", { type: "button", class: "cs-main", onclick: () => void go(wanted, true) }, "Replace");
  const keep = h("button", { type: "button", class: "cs-control", onclick: () => unask() }, "Keep it");
  const asking = h("div", { class: "cs-row-of", role: "alert", hidden: true }, askWords, replace, keep);
  const form = h(
    "form",
    { class: "cs-g-box cs-form cs-g-save-box" },
    h("div", { class: "cs-why" }, "A file (.yaml, .json, .jsonl, .csv), or mlflow:NAME for a dataset."),
    h("div", { class: "cs-row-of" }, path, h("button", { type: "submit", class: "cs-main" }, "Save")),
    problem,
    asking,
  );
  const opener = h("button", { type: "button", class: "cs-g-tool cs-g-save" }, "Save");
  const elsewhere = h("button", { type: "button", class: "cs-g-tool", "aria-label": "Save elsewhere", title: "Save elsewhere" }, "▾");
  const { node, toggle } = pop(elsewhere, form);
  node.prepend(opener);
  let known = "";
  let wanted = "";

  function unask() {
    asking.hidden = true;
    path.focus();
  }

  /** @param {string} where @param {boolean} [replaces] what is there, whatever it is */
  async function go(where, replaces = false) {
    if (asking.contains(document.activeElement)) path.focus({ preventScroll: true }); // its button goes
    problem.hidden = asking.hidden = true;
    try {
      const there = await save(where, replaces);
      toggle(Boolean(there));
      if (!there) return;
      wanted = where;
      asking.hidden = false;
      setText(askWords, `${there} is there already: replace it?`);
      keep.focus();
    } catch (error) {
      toggle(true);
      problem.hidden = false;
      setText(problem, error instanceof Error ? error.message : String(error));
    }
  }

  opener.addEventListener("click", () => (known ? void go("") : toggle(true)));
  elsewhere.addEventListener("click", () => toggle());
  path.addEventListener("input", () => (asking.hidden = problem.hidden = true));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (path.value.trim()) void go(path.value.trim());
  });
  return {
    node,
    open: () => toggle(true),
    /** @param {Head} head */
    paint(head) {
      if (known !== head.path || !path.value) path.value = head.path;
      known = head.path;
      setAttribute(opener, "title", known ? `Save to ${known}` : "Save to a file, or to MLflow");
    },
  };
}
