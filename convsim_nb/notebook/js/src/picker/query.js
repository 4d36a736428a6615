// What the store is asked for: experiment, time, MLflow's filter, simulated sessions.

import { h, setAttribute, setText } from "../dom.js";
import { createCombobox } from "./combobox.js";

/**
 * @import {Ask, Head, Query} from "./types"
 */

const SPANS = /** @type {const} */ ([
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["90d", "Last 90 days"],
]);
const RANGE = "between";

/** @param {{ask: Ask, onQuery: (query: Partial<Query>) => void}} actions */
export function createQuery({ ask, onQuery }) {
  const combo = createCombobox({
    label: "Experiment",
    look: async (text) => /** @type {any} */ (await ask("experiments", { text })),
    onChoose: (experiment) => onQuery({ experiment }),
  });
  const given = h("strong", { class: "cs-given", hidden: true });
  const time = h("select", { "aria-label": "Time" }, ...SPANS.map(([value, name]) => h("option", { value }, name)), h("option", { value: RANGE }, "Between two days"));
  const since = h("input", { type: "date", "aria-label": "From day" });
  const until = h("input", { type: "date", "aria-label": "To day" });
  const days = h("div", { class: "cs-days", hidden: true }, since, h("span", { "aria-hidden": "true" }, "–"), until);
  const where = h("input", {
    type: "text",
    class: "cs-where",
    placeholder: "tags.team = 'billing'",
    spellcheck: "false",
    autocomplete: "off",
    "aria-label": "MLflow filter",
    title: "A filter on traces in MLflow’s language: Enter applies it",
  });
  const simulated = h("input", { type: "checkbox" });
  const apply = h("button", { type: "submit", class: "cs-button" }, "Apply");
  const sheet = h(
    "form",
    { class: "cs-more-query", hidden: true },
    h("div", { class: "cs-where-row" }, where, apply),
    h("label", { class: "cs-choice" }, simulated, "Simulated sessions too"),
  );
  const dot = h("span", { class: "cs-dot", hidden: true });
  const unfold = h("button", { type: "button", class: "cs-button", "aria-expanded": "false", onclick: toggle }, "Filter", dot);
  const node = h("div", { class: "cs-query" }, h("div", { class: "cs-query-row" }, combo.node, given, unfold), sheet);
  /** @type {Query | null} */
  let query = null;

  time.addEventListener("change", () => {
    days.hidden = time.value !== RANGE;
    if (time.value === RANGE) since.focus({ preventScroll: true });
    else onQuery({ last: time.value || null, since: null, until: null });
  });
  for (const each of [since, until]) {
    each.addEventListener("change", () => {
      const [from, to] = [dayAt(since.value, 0), dayAt(until.value, 1)];
      onQuery({ last: null, since: from, until: to });
    });
  }
  sheet.addEventListener("submit", (event) => {
    event.preventDefault();
    onQuery({ where: where.value.trim() });
  });
  where.addEventListener("input", paintApply);
  simulated.addEventListener("change", () => onQuery({ simulated: simulated.checked }));

  function toggle() {
    sheet.hidden = !sheet.hidden;
    setAttribute(unfold, "aria-expanded", sheet.hidden ? "false" : "true");
    if (!sheet.hidden) where.focus({ preventScroll: true });
  }

  function paintApply() {
    apply.disabled = where.value.trim() === (query?.where ?? "");
  }

  return {
    node,
    /** How far back: it stands beside the search. */
    time,
    days,
    close: combo.close,
    focus: () => combo.input.focus({ preventScroll: true }),
    /** @param {Head} head */
    paint(head) {
      combo.paint(head.place);
      const own = !head.store;
      time.hidden = !head.dated;
      for (const each of [combo.node, unfold]) each.hidden = own;
      given.hidden = !own;
      setText(given, "Sessions given");
      const before = query;
      query = head.query;
      if (before && JSON.stringify(before) === JSON.stringify(query)) return;
      paintTime(query);
      if (document.activeElement !== where) where.value = query.where;
      simulated.checked = query.simulated;
      const narrowed = [query.where && "filtered", query.simulated && "simulated too"].filter(Boolean).join(", ");
      dot.hidden = !narrowed;
      setAttribute(unfold, "aria-label", narrowed ? `Filter: ${narrowed}` : null);
      if (!before && query.where) toggleOpen();
      paintApply();
    },
  };

  function toggleOpen() {
    sheet.hidden = false;
    setAttribute(unfold, "aria-expanded", "true");
  }

  /** @param {Query} now */
  function paintTime({ last, since: from, until: to }) {
    const ranged = from !== null || to !== null;
    if (ranged) {
      since.value = dayOf(from, 0);
      until.value = dayOf(to, 1);
    }
    const value = ranged ? RANGE : (last ?? "");
    if (![...time.options].some((each) => each.value === value)) time.add(new Option(`Last ${last}`, value), 1);
    if (!ranged && time.value === RANGE && value === "" && !days.hidden) return; // the days are being chosen
    time.value = value;
    days.hidden = !ranged;
  }
}

/**
 * @param {string} day `2026-11-21`
 * @param {number} add days
 * @returns {number | null} its midnight here, in milliseconds since the epoch
 */
function dayAt(day, add) {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  return parts ? new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + add).getTime() : null;
}

/**
 * @param {number | null} at
 * @param {number} less days
 */
function dayOf(at, less) {
  if (at === null) return "";
  const day = new Date(at);
  day.setDate(day.getDate() - less);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
