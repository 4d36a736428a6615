// Test cases in a grid: rows that are edited in place.

import { channel } from "./channel.js";
import { h } from "./dom.js";

/** @import {Model} from "./types" */

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const node = h("div", { class: "cs-look cs-frame cs-grid cs-unknown", role: "region", "aria-label": "Test cases" });
  const rows = h("div", { role: "grid", "aria-label": "Test cases" });
  node.append(rows, h("div", { class: "cs-hint" }, "Waiting for the kernel …"));
  const line = channel(model, {
    onState: (state) => {
      node.classList.remove("cs-unknown");
      const made = state.rows.map((/** @type {any} */ row) => h("div", { role: "row" }, h("div", { role: "gridcell" }, row.texts.goal ?? "")));
      rows.replaceChildren(...made);
    },
    onMessage: (message) => message.type === "batch" && line.hello(),
  });
  el.append(node);
  line.hello();
  return line.close;
}

export default { render };
