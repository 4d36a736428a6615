// Recorded sessions to pick from: anywidget calls `render` once for each place where the widget is shown.

import { channel } from "./channel.js";
import { h, reconcile } from "./dom.js";

/** @import {Model} from "./types" */

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createSessionPicker(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createSessionPicker(model) {
  const list = h("div", { role: "listbox", "aria-multiselectable": "true", "aria-label": "Sessions" });
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-picker cs-unknown", role: "region", "aria-label": "Recorded sessions" },
    list,
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
  );
  /** @type {Map<string, any>} */
  const rows = new Map();
  const selected = new Set();
  let seq = 0;
  const kernel = channel(model, {
    onState(message) {
      seq = message.seq;
      rows.clear();
      selected.clear();
      for (const row of message.rows) rows.set(row.id, row);
      for (const id of message.selected) selected.add(id);
      paint();
    },
    onMessage(message) {
      if (message?.type !== "batch" || kernel.asking || message.seq <= seq) return;
      if (message.seq > seq + 1) return kernel.hello();
      seq = message.seq;
      if (message.reset) (rows.clear(), selected.clear());
      for (const row of message.rows) rows.set(row.id, row);
      for (const id of message.added) selected.add(id);
      for (const id of message.removed) selected.delete(id);
      paint();
    },
  });
  list.addEventListener("click", (event) => {
    const id = event.target instanceof Element ? event.target.closest("[data-id]")?.getAttribute("data-id") : null;
    if (id) void kernel.ask("pick", selected.has(id) ? { remove: [id] } : { add: [id] });
  });

  function paint() {
    node.classList.remove("cs-unknown");
    reconcile(
      list,
      [...rows.values()].map((row) => ({
        key: row.id,
        version: `${row.turns} ${selected.has(row.id)}`,
        make: () =>
          h(
            "div",
            { role: "option", "data-id": row.id, "aria-selected": selected.has(row.id) ? "true" : "false" },
            row.first || row.name,
          ),
      })),
    );
  }

  return {
    node,
    start: kernel.hello,
    close() {
      kernel.close();
      node.remove();
    },
  };
}

export default { render };
