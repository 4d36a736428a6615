// What stands in the place of rows: why there are none, or no more, and what to do about it.

import { h } from "../dom.js";
import { BEGINNINGS } from "./find.js";

/** @import {Head} from "./types" */

/**
 * @typedef {object} Ways
 * @property {() => void} onRetry
 * @property {() => void} onSimulated
 * @property {() => void} onClear
 * @property {() => void} onMore
 * @property {() => void} onExperiment
 */

/** @param {Ways} ways */
export function createNobody({ onRetry, onSimulated, onClear, onMore, onExperiment }) {
  const node = h("div", { class: "cs-nothing", hidden: true });
  let painted = "";

  return {
    node,
    /**
     * @param {Head} head
     * @param {number} listed
     * @param {number} shown
     * @param {boolean} searched whether words are looked for
     */
    paint({ problem, slow, loading, empty, hidden, complete, store }, listed, shown, searched) {
      const why = problem || slow || (listed || loading ? "" : empty);
      const cut = !problem && !slow && listed > 0 && !shown;
      const text = why || (cut ? `No session that is loaded fits.${store && searched ? ` ${BEGINNINGS}` : ""}` : "");
      node.hidden = !text;
      node.classList.toggle("cs-below", Boolean(problem || slow) && listed > 0);
      const version = JSON.stringify([text, hidden, complete]);
      if (version === painted) return;
      painted = version;
      /** @type {[string, () => void, unknown][]} */
      const offers = [
        ["Try again", onRetry, problem || slow],
        ["Show simulated sessions", onSimulated, !problem && !listed && hidden],
        ["Clear the search", onClear, cut],
        ["Load 100 more", onMore, cut && !complete],
        ["Choose another experiment", onExperiment, why && !listed && store],
      ];
      const buttons = offers
        .filter(([, , fits]) => fits)
        .map(([name, act]) => h("button", { type: "button", class: "cs-button", onclick: act }, name));
      node.replaceChildren(
        h("div", problem ? { class: "cs-problem", role: "alert" } : slow ? { role: "status" } : {}, text),
        h("div", { class: "cs-row-of" }, ...buttons),
      );
    },
  };
}
