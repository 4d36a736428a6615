// What stands beside the grid: the session that the person's row came from; and the line that asks which model reads
// it once more.

import { h } from "../dom.js";
import { createSourcePanel } from "./source_panel.js";

/**
 * @import {Row, Sheet} from "./rows.js"
 * @import {Source} from "./source_panel.js"
 * @import {Head} from "./toolbar.js"
 */

/** After so long in one row, its source is asked for; in milliseconds. */
const LOOKS = 120;

/**
 * @param {object} of
 * @param {Sheet} of.sheet
 * @param {ReturnType<typeof import("./place.js").createPlace>} of.place
 * @param {(what: string, given: Record<string, unknown>) => Promise<Record<string, any> | null>} of.ask
 * @param {() => Head} of.head
 * @param {(shown: boolean) => void} of.onShow
 * @param {() => void} of.back gives the grid the focus
 */
export function createBeside({ sheet, place, ask, head, onShow, back }) {
  const panel = createSourcePanel({ onClose: () => show(false) });
  const form = modelForm(back);
  let shown = false;
  let looking = 0;
  /** @type {Row | null} whose source stands in the panel */
  let looked = null;

  /** @param {boolean} open */
  function show(open) {
    shown = open;
    panel.node.hidden = !open;
    onShow(open);
    if (open) lookSoon();
    else back();
  }

  /** Where the person is, or what stands there, has changed. */
  function lookSoon() {
    if (!shown) return;
    clearTimeout(looking);
    looking = window.setTimeout(look, LOOKS);
  }

  async function look() {
    const cell = place.here();
    const row = cell && sheet.row(cell.key);
    if (row !== looked) looked = null;
    if (!cell || !row) return panel.say("No case is chosen.");
    if (!row.source) return panel.say("This case was written by hand: it came from no session.");
    if (!row.source.at_hand) return panel.say(`It came from session ${row.source.session}, which is not at hand: give it as CaseGrid(cases, sessions=...).`);
    if (row !== looked) {
      const found = await ask("source", { key: row.key });
      if (!found || place.at?.key !== row.key) return;
      panel.show(row.key, /** @type {Source} */ (found));
      looked = row;
    }
    panel.point(place.at?.column ?? "");
  }

  return {
    panel: panel.node,
    form: form.node,
    show,
    lookSoon,
    get shown() {
      return shown;
    },
    /** @param {string} key @param {string} column */
    distill(key, column) {
      const go = (/** @type {string} */ model) => void ask("again", { key, column, model });
      if (!head().asks) return go("");
      form.open(head().model || sheet.row(key)?.source?.model || "", go);
    },
    close: () => clearTimeout(looking),
  };
}

/** @param {() => void} back */
function modelForm(back) {
  const model = h("input", { type: "text", "aria-label": "Model that distills again", placeholder: "openai:/gpt-5-mini", spellcheck: "false" });
  /** @type {(named: string) => void} */
  let then = () => {};
  const close = () => {
    node.hidden = true;
    back();
  };
  const node = h(
    "form",
    { class: "cs-g-model", hidden: true },
    h("span", {}, "Distill again with"),
    model,
    h("button", { type: "submit", class: "cs-main" }, "Distill"),
    h("button", { type: "button", class: "cs-control", onclick: close }, "Cancel"),
  );
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!model.value.trim()) return;
    close();
    then(model.value.trim());
  });
  return {
    node,
    /** @param {string} named @param {(named: string) => void} act */
    open(named, act) {
      then = act;
      model.value = named;
      node.hidden = false;
      model.focus();
      model.select();
    },
  };
}
