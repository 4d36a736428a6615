// The keyboard, while the widget has the focus and only then.

import { h } from "./dom.js";

/** @typedef {Record<string, () => void | false>} Bindings what each key does; false leaves it to the browser */

const HELP = [
  ["j  k", "next, previous message"],
  ["n  p", "next, previous conversation"],
  ["f", "next failure"],
  ["space", "unfold or fold tool calls"],
  ["/", "search the conversations"],
  ["b", "side by side with its origin, a fork or a trial; alone"],
  ["t", "take the conversation over, hand it back"],
  ["e", "edit the user’s message, and fork"],
  ["o", "what happened in the turn: its trace"],
  ["c", "copy the message"],
  ["l", "label the conversation"],
  ["s", "stop the run: asks first"],
  ["?", "this help"],
];

/**
 * @param {HTMLElement} root
 * @param {Bindings} bindings
 */
export function listen(root, bindings) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook has keys of its own: `dd` would delete the cell.
    event.stopPropagation();
    if (isTypedIn(event.target)) return;
    const act = bindings[event.key];
    if (!act || (event.key === " " && pressesSomething(event.target))) return;
    if (act() !== false) event.preventDefault();
  });
}

/**
 * @param {EventTarget | null} target
 * @returns {boolean} whether the space bar already means something here
 */
function pressesSomething(target) {
  return target instanceof Element && target.closest("button, summary, a, input, textarea, select") !== null;
}

/**
 * @param {EventTarget | null} target
 * @returns {boolean} whether a letter is text here
 */
function isTypedIn(target) {
  return target instanceof Element && target.closest("textarea, select, input:not([type=radio])") !== null;
}

/**
 * A sheet over the widget that names the keys.
 * @param {string[][]} [lines] keys, parted by two spaces, and what they do
 */
export function createHelp(lines = HELP) {
  const node = h(
    "div",
    { class: "cs-help", hidden: true, role: "dialog", "aria-label": "Keys" },
    h("dl", {}, ...lines.flatMap(([keys, what]) => [h("dt", {}, ...kbds(keys ?? "")), h("dd", {}, what)])),
    h("button", { type: "button", class: "cs-close", onclick: () => toggle(false) }, "Close"),
  );
  /** @type {Element | null} */
  let before = null;

  /** @param {boolean} [open] */
  function toggle(open = node.hidden !== false) {
    if (open === (node.hidden === false)) return;
    if (open) before = document.activeElement;
    node.hidden = !open;
    const target = open ? node.querySelector("button") : before;
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  }

  return { node, toggle };
}

/** @param {string} keys */
const kbds = (keys) => keys.split("  ").map((key) => h("kbd", {}, key));
