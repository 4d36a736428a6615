// A question over the widget that the keyboard answers: what is asked for by one letter may have been meant for a field.

import { h, setText } from "./dom.js";

export function createQuestion() {
  const words = h("p", {});
  const yes = h("button", { type: "button", class: "cs-main", onclick: () => answer(true) });
  const no = h("button", { type: "button", class: "cs-plain-button", onclick: () => answer(false) });
  const node = h(
    "div",
    { class: "cs-help cs-question", hidden: true, role: "alertdialog", tabindex: -1 },
    words,
    h("div", { class: "cs-row-of" }, yes, no),
  );
  /** @type {Element | null} */
  let before = null;
  let act = () => {};

  node.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, repeat } = event;
    if (ctrlKey || metaKey || altKey || key === "Tab" || key === "Shift") return;
    const pressed = event.target === yes || event.target === no;
    if (pressed && (key === "Enter" || key === " ")) return event.stopPropagation();
    event.stopPropagation();
    event.preventDefault();
    // Any other key is of somebody who is typing, and means no.
    if (!repeat) answer(key === "Enter");
  });
  node.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && node.contains(event.relatedTarget))) node.hidden = true;
  });

  /** @param {boolean} said */
  function answer(said) {
    close();
    if (said) act();
  }

  function close() {
    if (node.hidden) return;
    const back = before;
    node.hidden = true;
    if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
  }

  return {
    node,
    close,
    /**
     * @param {string} question
     * @param {{yes: string, no: string, act: () => void}} answers
     */
    ask(question, answers) {
      before = document.activeElement;
      act = answers.act;
      setText(words, question);
      node.setAttribute("aria-label", question);
      yes.replaceChildren(`${answers.yes} `, h("kbd", {}, "Enter"));
      no.replaceChildren(`${answers.no} `, h("kbd", {}, "Esc"));
      node.hidden = false;
      node.focus({ preventScroll: true });
    },
  };
}
