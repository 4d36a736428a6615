// Search, kind and order over what is loaded; and what is selected of it.

import { h, setAttribute, setText } from "../dom.js";

/**
 * @import {Kind, Order, View} from "./types"
 */

/** What a search goes through where sessions are in a store, and are not read whole. */
export const BEGINNINGS = "The search goes through the beginning of each session’s first message and of its last answer, 400 characters each.";

const KINDS = /** @type {const} */ ([
  ["all", "All"],
  ["marked", "With a mark"],
  ["picked", "Selected"],
  ["fresh", "Not distilled"],
  ["distilled", "Distilled"],
]);
const ORDERS = /** @type {const} */ ([
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["marks", "Most marks first"],
  ["turns", "Most turns first"],
  ["slowest", "Slowest first"],
  ["text", "By first words"],
]);

/** @param {{onChange: () => void, onAll: () => void, onNone: () => void, onDown: () => void, beside: HTMLElement}} actions */
export function createFind({ onChange, onAll, onNone, onDown, beside }) {
  const text = h("input", { type: "search", class: "cs-search", "aria-label": "Search the loaded sessions", placeholder: "Search" });
  const kind = h("select", { "aria-label": "Show" }, ...KINDS.map(([value, name]) => h("option", { value }, name)));
  const order = h("select", { "aria-label": "Order" }, ...ORDERS.map(([value, name]) => h("option", { value }, name)));
  const allWords = h("span", {}, "All");
  const every = h("button", { type: "button", class: "cs-all", role: "checkbox", "aria-checked": "false", onclick: onAll }, h("span", { class: "cs-tick", "aria-hidden": "true" }), h("span", { class: "cs-all-words" }, allWords, h("span", { class: "cs-where-wide" }, " shown")));
  const said = h("span", { class: "cs-picked" });
  const none = h("button", { type: "button", class: "cs-plain-button", onclick: onNone }, "None");
  const tally = h("div", { class: "cs-tally" }, every, said, none);
  const node = h("div", { class: "cs-find", role: "search" }, text, beside, kind, order);

  for (const each of [text, kind, order]) each.addEventListener("input", onChange);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && text.value) clear();
    else if (event.key === "ArrowDown") onDown();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function clear() {
    text.value = "";
    kind.value = "all";
    onChange();
  }

  return {
    node,
    tally,
    clear,
    focus: () => text.focus({ preventScroll: true }),
    /** @returns {View} */
    get view() {
      return { text: text.value, kind: /** @type {Kind} */ (kind.value), order: /** @type {Order} */ (order.value) };
    },
    get isCut() {
      return Boolean(text.value.trim()) || kind.value !== "all";
    },
    /** @param {{listed: number, shown: number, picked: number, pickedShown: number, complete: boolean, inStore: boolean}} how */
    paint({ listed, shown, picked, pickedShown, complete, inStore }) {
      const place = complete || !listed ? "Search" : `Search in the ${listed.toLocaleString("en-US")} loaded so far`;
      setAttribute(text, "placeholder", place);
      setAttribute(text, "title", inStore ? BEGINNINGS : null);
      const state = pickedShown === 0 ? "false" : pickedShown === shown ? "true" : "mixed";
      setAttribute(every, "aria-checked", state);
      every.disabled = shown === 0;
      setText(allWords, `All ${shown.toLocaleString("en-US")}`);
      setText(said, picked ? `${picked.toLocaleString("en-US")} selected` : "");
      none.hidden = picked === 0;
    },
  };
}
