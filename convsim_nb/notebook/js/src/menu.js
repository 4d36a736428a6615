// What can be done with one message: a menu that opens at its button.

import { h } from "./dom.js";

/** @typedef {{name: string, key?: string, act?: () => void, href?: string}} Choice */

export function createMenu() {
  const node = h("div", { class: "cs-menu", role: "menu", hidden: true });
  /** @type {HTMLElement | null} */
  let opener = null;
  /** @type {HTMLElement | null} */
  let before = null;

  node.addEventListener("keydown", (event) => {
    const all = /** @type {HTMLElement[]} */ ([...node.querySelectorAll("[role=menuitem]")]);
    const here = all.findIndex((each) => each === document.activeElement);
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 });
    if (event.key in steps) all.at((steps[event.key] ?? 0) % all.length)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.stopPropagation();
    if (event.key !== "Tab") event.preventDefault();
  });
  node.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && node.contains(event.relatedTarget))) close(false);
  });

  /** @param {boolean} [back] whether the focus goes back to where it was */
  function close(back = true) {
    if (node.hidden) return;
    node.hidden = true;
    opener?.setAttribute("aria-expanded", "false");
    if (back) before?.focus({ preventScroll: true });
  }

  /**
   * @param {HTMLElement} at the button that was pressed
   * @param {Choice[]} choices
   * @param {HTMLElement} [from] what has the focus afterwards
   */
  function open(at, choices, from = at) {
    const was = !node.hidden && opener === at;
    close(false);
    if (was) return;
    opener = at;
    before = from;
    node.replaceChildren(...choices.map(item));
    node.hidden = false;
    at.setAttribute("aria-expanded", "true");
    place(at);
    /** @type {HTMLElement | null} */ (node.querySelector("[role=menuitem]"))?.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} at */
  function place(at) {
    const around = /** @type {HTMLElement} */ (node.offsetParent ?? at.parentElement);
    const [box, button] = [around.getBoundingClientRect(), at.getBoundingClientRect()];
    const left = Math.min(button.left - box.left, box.width - node.offsetWidth - 6);
    const below = button.bottom - box.top;
    const top = below + node.offsetHeight > box.height ? button.top - box.top - node.offsetHeight : below;
    node.style.insetInlineStart = `${Math.max(6, left)}px`;
    node.style.insetBlockStart = `${Math.max(6, top)}px`;
  }

  /** @param {Choice} choice */
  function item({ name, key, act, href }) {
    const inside = [name, key && h("kbd", {}, key)];
    if (href) {
      return h("a", { role: "menuitem", tabindex: -1, href, target: "_blank", rel: "noopener noreferrer" }, ...inside);
    }
    const chosen = () => {
      close();
      act?.();
    };
    return h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: chosen }, ...inside);
  }

  return { node, open, close };
}
