// A field that offers names while one types: they are looked up where they are, however many there may be.

import { h, setAttribute, setText } from "../dom.js";

/** @typedef {{name: string, shown: string}} Name what is chosen, and what stands for it */

/** After so many milliseconds without a key, names are looked up. */
const PAUSE = 150;

/**
 * @param {{label: string, look: (text: string) => Promise<{names: Name[], complete: boolean}>, onChoose: (name: string) => void}} how
 */
export function createCombobox({ label, look, onChoose }) {
  const id = `cs-c${Math.random().toString(36).slice(2)}`;
  const input = h("input", {
    type: "text",
    role: "combobox",
    class: "cs-combo-input",
    "aria-label": label,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": id,
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
  });
  const popup = h("div", { class: "cs-popup", id, role: "listbox", "aria-label": `${label}: names`, hidden: true });
  const said = h("div", { class: "cs-popup-said", hidden: true });
  const sheet = h("div", { class: "cs-popup-sheet", hidden: true }, popup, said);
  const node = h("div", { class: "cs-combo" }, input, sheet);
  let value = "";
  /** @type {Name[]} */
  let names = [];
  let active = -1;
  let typed = false;
  /** Whether the names are those for what stands in the field. */
  let settled = true;
  let asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;

  input.addEventListener("focus", () => {
    input.select();
    void open("");
  });
  input.addEventListener("click", () => sheet.hidden && void open(""));
  input.addEventListener("input", () => {
    typed = true;
    // What was offered for other letters is no answer to these.
    names = [];
    active = -1;
    settled = false;
    clearTimeout(pause);
    pause = setTimeout(() => void open(input.value.trim()), PAUSE);
  });
  input.addEventListener("blur", () => close(true));
  input.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (sheet.hidden) void open("");
      else move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") void enter();
    else if (event.key === "Escape" && !sheet.hidden) close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // The field must keep the focus, or the click comes too late.
  sheet.addEventListener("mousedown", (event) => event.preventDefault());
  popup.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target.closest("[data-at]")?.getAttribute("data-at") : null;
    if (at) choose(names[Number(at)]?.name);
  });

  /** @param {string} text */
  async function open(text) {
    const mine = (asked += 1);
    const patience = setTimeout(() => mine === asked && tell("Looking …"), 250);
    try {
      const found = await look(text);
      if (mine !== asked || document.activeElement !== input) return;
      names = found.names;
      settled = true;
      const same = names.findIndex((each) => each.name === (typed ? text : value));
      active = typed && same < 0 ? Math.min(0, names.length - 1) : same;
      popup.replaceChildren(...names.map(option));
      tell(foundWords(names.length, found.complete, text));
      show();
    } catch (error) {
      if (mine !== asked || document.activeElement !== input) return;
      names = [];
      settled = true;
      popup.replaceChildren();
      tell(error instanceof Error ? error.message : String(error));
      show();
    } finally {
      clearTimeout(patience);
    }
  }

  /**
   * @param {number} number
   * @param {boolean} complete
   * @param {string} text
   */
  function foundWords(number, complete, text) {
    if (!complete) return `The ${number} changed last: type to find others.`;
    return number ? "" : `No experiment has “${text}” in its name.`;
  }

  /** @param {string} text */
  function tell(text) {
    setText(said, text);
    said.hidden = !text;
    if (text) show();
  }

  function show() {
    sheet.hidden = false;
    popup.hidden = names.length === 0;
    setAttribute(input, "aria-expanded", "true");
    mark();
  }

  /** @param {Name} each @param {number} at */
  function option(each, at) {
    const chosen = each.name === value;
    return h("div", { role: "option", id: `${id}-${at}`, "data-at": at, "aria-selected": chosen ? "true" : "false", dir: "auto" }, each.shown);
  }

  function mark() {
    [...popup.children].forEach((each, at) => each.classList.toggle("cs-active", at === active));
    setAttribute(input, "aria-activedescendant", active >= 0 ? `${id}-${active}` : null);
    const line = popup.children[active];
    if (!(line instanceof HTMLElement)) return;
    if (line.offsetTop < popup.scrollTop) popup.scrollTop = line.offsetTop;
    else if (line.offsetTop + line.offsetHeight > popup.scrollTop + popup.clientHeight) popup.scrollTop = line.offsetTop + line.offsetHeight - popup.clientHeight;
  }

  /** @param {number} step */
  function move(step) {
    if (!names.length) return;
    active = (active + step + names.length) % names.length;
    mark();
  }

  /** A name of the list; where there is none like it, what was typed: it may be an id or a path. */
  async function enter() {
    const text = input.value.trim();
    clearTimeout(pause);
    if (typed && !settled) await open(text);
    choose(active >= 0 ? names[active]?.name : text);
  }

  /** @param {string | undefined} name */
  function choose(name) {
    close(!name);
    if (name && name !== value) {
      input.value = name;
      onChoose(name);
    }
  }

  /** @param {boolean} back whether the field shows what holds again */
  function close(back) {
    clearTimeout(pause);
    asked += 1;
    typed = false;
    settled = true;
    sheet.hidden = true;
    setAttribute(input, "aria-expanded", "false");
    setAttribute(input, "aria-activedescendant", null);
    if (back) input.value = value;
  }

  return {
    node,
    input,
    /** @param {string} now what holds */
    paint(now) {
      if (now === value) return;
      value = now;
      if (document.activeElement !== input || sheet.hidden) input.value = now;
      input.title = now;
    },
    close() {
      clearTimeout(pause);
    },
  };
}
