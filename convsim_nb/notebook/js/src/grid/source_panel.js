// The session that a case came from, beside the grid: bubbles, and in them the words that were quoted.

import { h, setText } from "../dom.js";
import { BY_NAME, fieldWords } from "./cells.js";

/**
 * @typedef {{text: string, fields: string[]}} Piece of a message; with fields where it was quoted for them
 * @typedef {{n: number, role: "user" | "assistant", who: string, tools: string[], pieces: Piece[], inside: boolean}} Said
 * @typedef {{session: string, title: string, messages: Said[], lost: {field: string, text: string}[]}} Source
 */

/** @param {{onClose: () => void}} actions */
export function createSourcePanel({ onClose }) {
  const title = h("strong", { class: "cs-title" });
  const log = h("div", { class: "cs-g-log", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Source session" });
  const node = h(
    "aside",
    { class: "cs-g-source", "aria-label": "Source session", hidden: true },
    h("div", { class: "cs-g-source-head" }, title, h("button", { type: "button", class: "cs-cross", "aria-label": "Close the source", onclick: onClose }, "×")),
    log,
  );
  let shown = "";

  return {
    node,
    /** @param {string} words why there is nothing to show */
    say(words) {
      shown = "";
      setText(title, "Source");
      log.replaceChildren(h("div", { class: "cs-why" }, words));
    },
    /**
     * @param {string} key of the row
     * @param {Source} source
     */
    show(key, source) {
      setText(title, source.title);
      log.replaceChildren(...source.messages.map(saidNode), ...source.lost.map(lostNode));
      if (shown !== key) log.scrollTop = 0;
      shown = key;
    },
    /** @param {string} column whose quotes stand out */
    point(column) {
      /** @type {HTMLElement | null} */
      let first = null;
      for (const mark of log.querySelectorAll("mark")) {
        const own = BY_NAME.has(column) && (mark.dataset["fields"] ?? "").split(" ").some((field) => field.split(/[.[]/, 1)[0] === column);
        mark.classList.toggle("cs-g-own", own);
        if (own) first ??= mark;
      }
      if (first) intoView(log, first);
    },
  };
}

/**
 * @param {HTMLElement} scroller
 * @param {HTMLElement} node
 */
function intoView(scroller, node) {
  const [box, mark] = [scroller.getBoundingClientRect(), node.getBoundingClientRect()];
  if (mark.top < box.top || mark.bottom > box.bottom) scroller.scrollTop += mark.top - box.top - box.height / 3;
}

/** @param {Said} said */
function saidNode({ n, role, who, tools, pieces, inside }) {
  return h(
    "article",
    { class: `cs-turn cs-from-${role}${inside ? "" : " cs-g-outside"}`, "aria-label": `${who}, message ${n}` },
    h("div", { class: "cs-meta" }, h("span", { class: "cs-who" }, who), h("span", {}, String(n))),
    tools.length > 0 && h("div", { class: "cs-g-calls" }, `called ${tools.join(", ")}`),
    h("div", { class: "cs-bubble cs-plain", dir: "auto" }, ...pieces.map(pieceNode)),
  );
}

/** @param {Piece} piece */
function pieceNode({ text, fields }) {
  if (!fields.length) return text;
  const names = fields.map(fieldWords).join("; ");
  return h("mark", { "data-fields": fields.join(" "), title: `Quoted for ${names}` }, text);
}

/** @param {{field: string, text: string}} quote that stands nowhere in the session */
const lostNode = ({ field, text }) => h("div", { class: "cs-g-lost" }, `Not found in the session, quoted for ${fieldWords(field)}: “${text}”`);
