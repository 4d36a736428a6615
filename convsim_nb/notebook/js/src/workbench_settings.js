// The run's settings: a field for each, with what it means.

import { h, reconcile, setAttribute, setText } from "./dom.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Bench, Field} from "./workbench_parts.js"
 */

/** @param {{onSet: (name: string, value: string) => void, onClose: () => void}} actions */
export function createSettings({ onSet, onClose }) {
  const id = `cs-wb-${Math.random().toString(36).slice(2)}`;
  const agents = h("datalist", { id: `${id}-agents` });
  const fields = h("div", { class: "cs-wb-fields" });
  const others = h("div", { class: "cs-wb-others", hidden: true });
  const basis = h("div", { class: "cs-wb-basis" });
  const close = h("button", { type: "button", class: "cs-cross", "aria-label": "Close the settings", onclick: onClose }, "×");
  const node = h("div", { class: "cs-wb-settings", role: "group", "aria-label": "Settings of the run", hidden: true }, close, fields, others, basis, agents);

  /**
   * @param {Field} field
   * @returns {Item}
   */
  function item(field) {
    const update = (/** @type {HTMLElement} */ node) => {
      const input = node.querySelector("input");
      if (!input || input === document.activeElement) return;
      if (field.kind === "flag") input.checked = field.value === "True" || field.value === "true";
      else if (input.value !== field.value) input.value = field.value;
    };
    const make = () => {
      const node = field.kind === "flag" ? flag(field) : typed(field);
      update(node);
      return node;
    };
    return { key: field.name, version: field.value, make, update };
  }

  /** @param {Field} field */
  function typed(field) {
    const number = field.kind === "number";
    const input = h("input", {
      id: `${id}-${field.name}`,
      type: "text",
      inputmode: number ? "decimal" : null,
      class: number ? "cs-wb-number" : null,
      placeholder: field.empty,
      title: field.about,
      autocomplete: "off",
      spellcheck: "false",
      list: field.name === "agent" ? agents.id : null,
    });
    input.addEventListener("change", () => onSet(field.name, input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) onSet(field.name, input.value);
    });
    return h("div", { class: "cs-field" }, h("label", { for: input.id }, field.label), input);
  }

  /** @param {Field} field */
  function flag(field) {
    const input = h("input", { type: "checkbox", title: field.about });
    input.addEventListener("change", () => onSet(field.name, String(input.checked)));
    return h("label", { class: "cs-choice" }, input, field.label);
  }

  return {
    node,
    get isOpen() {
      return !node.hidden;
    },
    /** @param {boolean} open */
    toggle(open) {
      node.hidden = !open;
    },
    /** The first field that is empty, or the first. */
    focus() {
      const every = [...node.querySelectorAll("input")];
      (every.slice(0, 2).find((each) => !each.value) ?? every[0])?.focus({ preventScroll: true });
    },
    /**
     * @param {Bench["settings"]} settings
     * @param {Bench["estimate"]} estimate
     */
    paint(settings, estimate) {
      reconcile(fields, settings.fields.map(item));
      others.hidden = !settings.others.length;
      setText(others, `From Python: ${settings.others.join(", ")}`);
      setText(basis, estimate.basis ?? "");
      const names = settings.agents.map((name) => ({ key: name, version: 0, make: () => h("option", { value: name }) }));
      reconcile(agents, names);
      setAttribute(agents, "data-known", names.length);
    },
  };
}
