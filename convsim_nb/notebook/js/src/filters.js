// What the list is cut down to: by status, guard and words; and how it is ordered.

import { h, setAttribute } from "./dom.js";
import { everyGuard } from "./order.js";

/**
 * @import {Copy} from "./link.js"
 * @import {Filter} from "./order.js"
 */

const STANDINGS = /** @type {const} */ ([
  ["", "All"],
  ["running", "Running"],
  ["paused", "Paused"],
  ["waiting", "Waiting"],
  ["not_reached", "Not reached"],
  ["void", "Void"],
  ["reached", "Reached"],
  ["corrected", "Corrected"],
  ["assisted", "Assisted"],
  ["forked", "Forked, run again"],
  ["labelled", "Labelled"],
]);

/** @param {{onChange: () => void}} actions */
export function createFilters({ onChange }) {
  const text = h("input", { type: "search", class: "cs-search", placeholder: "Search", "aria-label": "Search conversations" });
  const standing = h(
    "select",
    { "aria-label": "Status" },
    ...STANDINGS.map(([value, name]) => h("option", { value }, name)),
  );
  const guard = h("select", { "aria-label": "Guard finding", hidden: true });
  const order = h(
    "select",
    { "aria-label": "Order" },
    h("option", { value: "" }, "By status"),
    h("option", { value: "case" }, "By case"),
  );
  const left = h("button", { type: "button", class: "cs-clear", hidden: true, onclick: clear }, "Clear");
  const node = h("div", { class: "cs-filters", role: "search" }, text, standing, guard, order, left);
  let known = "";

  for (const each of [text, standing, guard, order]) each.addEventListener("input", changed);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && text.value) {
      event.stopPropagation();
      clear();
    }
  });

  function changed() {
    left.hidden = !(text.value || standing.value || guard.value);
    onChange();
  }

  function clear() {
    text.value = standing.value = guard.value = "";
    changed();
  }

  return {
    node,
    clear,
    focus: () => text.focus({ preventScroll: true }),
    /** @returns {Filter} */
    get filter() {
      const guarded = guard.hidden ? "" : guard.value;
      return { standing: standing.value, guard: guarded, text: text.value.trim(), byCase: order.value === "case" };
    },
    get isCut() {
      const { standing: one, guard: two, text: three } = this.filter;
      return Boolean(one || two || three);
    },
    /** @param {Copy} copy */
    paint({ state }) {
      const guards = everyGuard(state);
      if (guards.join("\n") === known) return;
      known = guards.join("\n");
      const before = guard.value;
      const options = [["", "Any finding or none"], ["any", "Any guard finding"], ...guards.map((each) => [each, each])];
      guard.replaceChildren(...options.map(([value, name]) => h("option", { value: value ?? "" }, name ?? "")));
      guard.value = guards.includes(before) || before === "any" ? before : "";
      setAttribute(guard, "hidden", guards.length === 0);
    },
  };
}

