// The sheet under a conversation's name in which a person says what is to be done, and reads what came of it.

import { h } from "./dom.js";
import { prettyJson, secondsWords } from "./words.js";

/**
 * @import {SpanLine} from "./types"
 * @typedef {(what: string, given: Record<string, unknown>) => Promise<Record<string, any>>} Ask
 */

const LABELS = /** @type {const} */ ([
  ["reached", "Reached"],
  ["not_reached", "Not reached"],
  ["simulator_fault", "The simulator’s fault"],
]);

/** @param {{ask: Ask, onForked: (keys: string[]) => void}} actions */
export function createPanel({ ask, onForked }) {
  const node = h("div", { class: "cs-panel", hidden: true, role: "group" });
  /** @type {Element | null} */
  let before = null;
  let number = 0;

  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });

  /**
   * @param {string} title
   * @param {...Node} inside
   */
  function open(title, ...inside) {
    if (node.hidden) before = document.activeElement;
    const cross = h("button", { type: "button", class: "cs-cross", "aria-label": "Close", onclick: close }, "×");
    node.setAttribute("aria-label", title);
    node.replaceChildren(h("div", { class: "cs-panel-head" }, h("strong", {}, title), cross), ...inside);
    node.hidden = false;
    const first = node.querySelector("textarea, input, select, pre, button");
    if (first instanceof HTMLElement) first.focus({ preventScroll: true });
  }

  function close() {
    if (node.hidden) return;
    // An answer may come late, when the person has gone on to something else.
    const here = node.contains(document.activeElement);
    node.hidden = true;
    node.replaceChildren();
    if (here && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  }

  /**
   * A form whose button waits for the answer and then closes it; what the kernel refuses stands in it.
   * @param {string} verb the button
   * @param {HTMLElement[]} fields
   * @param {() => Promise<void>} act
   */
  function form(verb, fields, act) {
    const go = h("button", { type: "submit", class: "cs-main" }, verb);
    const problem = h("div", { class: "cs-problem", role: "alert" });
    const node = h("form", { class: "cs-form" }, ...fields, h("div", { class: "cs-row-of" }, go, problem));
    node.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      problem.textContent = "";
      try {
        await act();
        if (node.isConnected) close(); // else something else was opened in its place
      } catch (error) {
        problem.textContent = error instanceof Error ? error.message : String(error);
      }
      go.disabled = false;
    });
    return node;
  }

  /**
   * @param {string} name
   * @param {HTMLElement} input
   * @param {...Node} more
   */
  function field(name, input, ...more) {
    input.id = `cs-field-${Math.random().toString(36).slice(2)}`;
    return h("div", { class: "cs-field" }, h("label", { for: input.id }, name), input, ...more);
  }

  /** An input for an agent: its name in the notebook, or what `simulate` takes as text. */
  function agentField() {
    const names = h("datalist", { id: `cs-agents-${Math.random().toString(36).slice(2)}` });
    const input = h("input", { type: "text", placeholder: "the same", autocomplete: "off", spellcheck: "false", list: names.id });
    ask("agents", {}).then(
      ({ names: found }) => names.replaceChildren(...found.map((/** @type {string} */ each) => h("option", { value: each }))),
      () => {}, // without suggestions a name can be typed all the same
    );
    return { input, node: field("Agent", input, names) };
  }

  return {
    node,
    close,
    get isOpen() {
      return !node.hidden;
    },
    /**
     * @param {string} key
     * @param {number} turn
     * @param {string} said what the user said in it
     * @param {boolean} edit whether the words are there to be changed
     */
    fork(key, turn, said, edit) {
      const text = h("textarea", { rows: 3, dir: "auto", placeholder: "Empty: the simulated user speaks" });
      text.value = edit ? said : "";
      const agent = agentField();
      const fields = [field(`Instead of the user’s message in turn ${turn}`, text), agent.node];
      const act = async () => {
        const given = { key, turn, text: text.value.trim() ? text.value : null, agent: agent.input.value };
        const { key: forked } = await ask("fork", given);
        onForked([forked]);
      };
      open(`Fork from turn ${turn}`, form("Fork", fields, act));
      text.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) text.form?.requestSubmit();
      });
    },
    /** @param {string} key */
    again(key) {
      const times = h("input", { type: "number", min: 1, max: 100, value: 1 });
      const agent = agentField();
      const act = async () => {
        const { keys } = await ask("again", { key, times: Number(times.value), agent: agent.input.value });
        onForked(keys);
      };
      open("Run again", form("Run again", [field("Times", times), agent.node], act));
    },
    /**
     * @param {string} key
     * @param {{value: string, note: string} | undefined} now
     */
    label(key, now) {
      const name = `cs-label-${(number += 1)}`;
      const choices = LABELS.map(([value, word]) => {
        const radio = h("input", { type: "radio", name, value });
        radio.checked = now?.value === value;
        return h("label", { class: "cs-choice" }, radio, word);
      });
      const note = h("input", { type: "text", dir: "auto" });
      note.value = now?.note ?? "";
      const chosen = () => choices.map((each) => each.querySelector("input")).find((each) => each?.checked)?.value;
      const act = async () => {
        const value = chosen();
        if (!value) throw new Error("Choose one first.");
        await ask("label", { key, value, note: note.value });
      };
      const back = async () => {
        await ask("label", { key, value: null });
        if (kept.isConnected) close();
      };
      const choice = h("fieldset", {}, h("legend", {}, "What you say of it"), ...choices);
      const kept = form("Label", [choice, field("Note", note)], act);
      const away = h("button", { type: "button", class: "cs-plain-button", onclick: () => void back() }, "Take the label back");
      if (now) kept.lastElementChild?.append(away);
      open("Label", kept);
    },
    /**
     * @param {string} key
     * @param {number} turn
     */
    async testCase(key, turn) {
      await answered("A test case of this", () => ask("case", { key, turn }), ({ case_id: id, yaml, kept, new: fresh }) => {
        const said = `Kept${fresh ? "" : " already"}: run.kept has it as ${id}, ${kept} in all; in files it is kept.yaml in the run’s folder.`;
        const words = h("div", { class: "cs-why", role: "status" }, said);
        const undo = h("button", { type: "button", class: "cs-plain-button" }, "Undo");
        undo.addEventListener("click", async () => {
          try {
            const { kept: left } = await ask("drop_case", { case_id: id });
            words.textContent = `Kept no more: run.kept has ${left}.`;
            undo.remove();
          } catch (error) {
            words.textContent = error instanceof Error ? error.message : String(error);
          }
        });
        const shown = h("pre", { tabindex: 0, class: "cs-pre cs-yaml" }, yaml);
        const folded = h("details", {}, h("summary", {}, "As YAML"), shown);
        return [words, h("div", { class: "cs-row-of" }, undo, copyButton(() => yaml)), folded];
      });
    },
    /** @param {string} traceId */
    async spans(traceId) {
      await answered("What happened in this turn", () => ask("spans", { trace_id: traceId }), ({ spans }) => [
        h("div", { class: "cs-spans" }, ...spans.map(spanNode)),
        h("div", { class: "cs-why" }, `Trace ${traceId}. The mlflow ui command shows it in full.`),
      ]);
    },
  };

  /**
   * @param {string} title
   * @param {() => Promise<Record<string, any>>} asked
   * @param {(result: Record<string, any>) => Node[]} shown
   */
  async function answered(title, asked, shown) {
    open(title, h("div", { class: "cs-why", role: "status" }, "…"));
    try {
      const inside = shown(await asked());
      if (!node.hidden) open(title, ...inside);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      open(title, h("div", { class: "cs-problem", role: "alert" }, said));
    }
  }
}

/** @param {SpanLine} span */
function spanNode({ depth, name, kind, seconds, failed, error, where, inputs, outputs }) {
  const took = seconds === null ? "" : secondsWords(seconds);
  const node = h(
    "details",
    { class: "cs-span", open: failed || depth === 0 },
    h(
      "summary",
      {},
      h("code", {}, name),
      h("span", { class: "cs-took" }, [kind, took].filter(Boolean).join(" · ")),
      failed && h("span", { class: "cs-chip cs-tone-bad" }, "✗ error"),
    ),
    error && part("Error", where ? `${error}\n${where}` : error),
    inputs !== null && part("Inputs", inputs),
    outputs !== null && part("Outputs", outputs),
  );
  node.style.marginInlineStart = `${Math.min(depth, 12) * 14}px`;
  return node;
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function part(name, value) {
  const text = prettyJson(value).slice(0, 20000);
  return h("div", { class: "cs-part" }, h("div", { class: "cs-label" }, name), h("pre", { class: "cs-pre", tabindex: 0 }, text));
}

/** @param {() => string} text */
export function copyButton(text) {
  const node = h("button", { type: "button", class: "cs-plain-button" }, "Copy");
  node.addEventListener("click", async () => {
    node.textContent = (await copied(text())) ? "Copied" : "Not allowed here";
    setTimeout(() => (node.textContent = "Copy"), 1500);
  });
  return node;
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is on the clipboard now
 */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // a page that is not secure, or a person who said no
  }
}
