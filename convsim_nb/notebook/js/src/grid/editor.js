// A cell while it is edited, in its place: a field as high as its text, or a form for what is withheld.

import { h } from "../dom.js";
import { entriesOf, entriesText } from "./cells.js";

/**
 * @import {Column, Entry} from "./cells.js"
 */

/**
 * @typedef {"stay" | "next" | "before" | "below"} Then where the person goes afterwards
 * @typedef {object} Editor
 * @property {() => string} text what stands in it
 * @property {() => void} focus
 */

const HINTS = {
  text: "Enter keeps · Shift+Enter new line · Esc reverts",
  lines: "one a line · Ctrl+Enter keeps · Esc reverts",
  mapping: "YAML or JSON · Ctrl+Enter keeps · Esc reverts",
  withheld: "Ctrl+Enter keeps · Esc reverts",
};
const KINDS = /** @type {const} */ ([
  ["correction", "correction: of the agent’s fault"],
  ["answer", "answer: to something surprising it asked"],
  ["follow_up", "follow-up: to what it offered or refused"],
  ["afterthought", "afterthought: it came to mind"],
]);

/**
 * @param {HTMLElement} cell emptied, and filled with the editor
 * @param {Column} column
 * @param {string} text
 * @param {object} actions
 * @param {string} actions.label for screen readers
 * @param {(then: Then) => void} actions.onKeep
 * @param {() => void} actions.onRevert
 * @param {() => void} actions.onTyped
 * @returns {Editor}
 */
export function openEditor(cell, column, text, { label, onKeep, onRevert, onTyped }) {
  const editor = column.kind === "withheld" ? entriesEditor(text, label) : fieldEditor(column, text, label);
  const box = h("div", { class: "cs-g-editor" }, ...editor.nodes, h("div", { class: "cs-g-hint", "aria-hidden": "true" }, hint(column)));
  box.addEventListener("input", onTyped);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // an Enter that ends the writing of a Chinese or Japanese word
    const then = meant(event, column, editor.ends(event));
    if (!then) return;
    event.preventDefault();
    event.stopPropagation();
    if (then === "revert") onRevert();
    else onKeep(then);
  });
  cell.replaceChildren(box);
  editor.focus();
  return editor;
}

/** @param {Column} column */
const hint = ({ name, kind }) => (name === "tags" ? `name: value, ${HINTS.lines}` : HINTS[kind]);

/**
 * @param {KeyboardEvent} event
 * @param {Column} column
 * @param {{first: boolean, last: boolean}} at whether this is the first or last field of the editor
 * @returns {Then | "revert" | undefined} what a key means here
 */
function meant(event, { kind }, { first, last }) {
  const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (key === "Escape") return "revert";
  if (key === "Tab" && !ctrlKey && !altKey) {
    if (shiftKey) return first ? "before" : undefined;
    return last ? "next" : undefined;
  }
  if (key !== "Enter" || altKey) return undefined;
  if (ctrlKey || metaKey) return "stay";
  return kind === "text" && !shiftKey ? "below" : undefined;
}

/**
 * @param {Column} column
 * @param {string} text
 * @param {string} label
 */
function fieldEditor({ kind, hint: placeholder }, text, label) {
  const field = area(text, label, placeholder);
  if (kind === "mapping") field.spellcheck = false;
  return {
    nodes: [field],
    text: () => field.value,
    focus() {
      field.focus({ preventScroll: true });
      field.setSelectionRange(field.value.length, field.value.length);
      fit(field);
    },
    ends: () => ({ first: true, last: true }),
  };
}

/**
 * @param {string} text
 * @param {string} label
 */
function entriesEditor(text, label) {
  const list = h("div", { class: "cs-g-entries" });
  const add = h("button", { type: "button", class: "cs-control" }, "Add another");
  const found = entriesOf(text);
  for (const entry of found.length ? found : [blank()]) list.append(entryNode(entry));
  add.addEventListener("click", () => {
    list.append(entryNode(blank()));
    list.lastElementChild?.querySelector("textarea")?.focus();
    rename();
  });
  rename();

  function rename() {
    [...list.children].forEach((node, place) => {
      for (const field of node.querySelectorAll("[data-part]")) {
        field.setAttribute("aria-label", `${label} ${place + 1}, ${/** @type {HTMLElement} */ (field).dataset["part"]}`);
      }
    });
  }

  /** @param {Entry} entry */
  function entryNode(entry) {
    const known = KINDS.some(([value]) => value === entry.kind);
    const options = [...KINDS, ...(known ? [] : [/** @type {const} */ ([entry.kind, entry.kind])])];
    const kind = h("select", { "data-part": "kind" }, ...options.map(([value, words]) => h("option", { value, selected: value === entry.kind }, words)));
    const gone = h("button", { type: "button", class: "cs-cross", "data-part": "take out", title: "Take out" }, "×");
    const fact = area(entry.fact, "", "what they come to know");
    const after = area(entry.after, "", "what the agent does first");
    fact.dataset["part"] = "fact";
    after.dataset["part"] = "after";
    const node = h(
      "div",
      { class: "cs-g-entry" },
      ...[h("span", { "aria-hidden": "true" }, "fact"), fact, h("span", { "aria-hidden": "true" }, "after"), after],
      h("span", { "aria-hidden": "true" }, "kind"),
      h("div", { class: "cs-g-entry-end" }, kind, gone),
    );
    gone.addEventListener("click", () => {
      const other = node.previousElementSibling ?? node.nextElementSibling;
      node.remove();
      if (!list.children.length) list.append(entryNode(blank()));
      /** @type {HTMLElement | null} */ ((other ?? list.firstElementChild)?.querySelector("textarea") ?? null)?.focus();
      rename();
      list.dispatchEvent(new Event("input", { bubbles: true }));
    });
    return node;
  }

  // Enter goes on to the next field, as in a form; it makes no line in one.
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    const fields = [...list.querySelectorAll("textarea")];
    const there = fields[fields.indexOf(event.target) + 1];
    if (there) there.focus();
    else add.click();
  });

  return {
    nodes: [list, add],
    text() {
      const entries = [...list.children].map((node) => {
        const [fact, after] = node.querySelectorAll("textarea");
        return { fact: fact?.value ?? "", after: after?.value ?? "", kind: node.querySelector("select")?.value ?? "correction" };
      });
      return entriesText(entries);
    },
    focus() {
      const field = list.querySelector("textarea");
      field?.focus({ preventScroll: true });
      field?.setSelectionRange(field.value.length, field.value.length);
      for (const each of list.querySelectorAll("textarea")) fit(each);
    },
    /** @param {KeyboardEvent} event */
    ends: (event) => ({ first: event.target === list.querySelector("textarea"), last: event.target === add }),
  };
}

const blank = () => ({ fact: "", after: "", kind: "correction" });

/**
 * A field as high as its text.
 * @param {string} text
 * @param {string} label
 * @param {string} placeholder
 */
function area(text, label, placeholder) {
  const field = h("textarea", { rows: 1, dir: "auto", "aria-label": label || null, placeholder });
  field.value = text;
  field.addEventListener("input", () => fit(field));
  return field;
}

/** @param {HTMLTextAreaElement} field */
function fit(field) {
  if (CSS.supports("field-sizing: content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + 2}px`;
}
