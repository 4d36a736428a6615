// Making and mending nodes. Text goes in as text; the one place for HTML is `setSanitised`.

/**
 * @typedef {object} Item one child of a list
 * @property {string} key what it is
 * @property {string | number} version changes when the node has to
 * @property {() => HTMLElement} make
 * @property {(node: HTMLElement) => void} [update] mends the node for a new version; without it, it is made anew
 */

/** @type {WeakMap<Element, Map<string, {node: HTMLElement, version: string | number}>>} */
const children = new WeakMap();

/**
 * An element. Attributes that are null, undefined or false are left out; functions listen; children that are
 * strings become text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined | false)} inside
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...inside.filter((each) => each !== null && each !== undefined && each !== false));
  return node;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return node.removeAttribute(name);
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * HTML that the kernel has cleaned: the only HTML that ever goes into the page.
 * @param {HTMLElement} node
 * @param {string} html
 */
export function setSanitised(node, html) {
  node.innerHTML = html;
  // A link must not take the notebook away.
  for (const anchor of node.querySelectorAll("a")) anchor.target = "_blank";
}

/** Where Lumino, under JupyterLab and Notebook, is told to leave keys alone. */
const NOT_THE_NOTEBOOKS = "data-lm-suppress-shortcuts";
let keysAreOurs = false;

/**
 * See to it that a key that is pressed within a view is no command of the notebook: `dd` would delete the cell.
 * Notebook 7 hears keys before any node does, so the event's way cannot be cut off; those with Ctrl, Alt or Cmd,
 * such as to save, stay the notebook's, but for the ones that a node names in `data-cs-keys`: `Control+z Alt+ArrowUp`.
 */
export function ownKeys() {
  if (keysAreOurs || typeof window === "undefined") return;
  keysAreOurs = true;
  const tell = (/** @type {KeyboardEvent} */ event) => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    if (!(target instanceof Element && target.closest(".cs-look"))) return;
    const held = `${ctrlKey || metaKey ? "Control+" : ""}${altKey ? "Alt+" : ""}`;
    const named = target.closest("[data-cs-keys]")?.getAttribute("data-cs-keys")?.split(" ") ?? [];
    const ours = !held || named.includes(held + (key.length === 1 ? key.toLowerCase() : key));
    // On the very element: Lumino asks it first whether a command's selector fits.
    setAttribute(target, NOT_THE_NOTEBOOKS, ours);
  };
  window.addEventListener("keydown", tell, true);
}

/**
 * Change what stands in a node; where the focus was on something that goes, `keeper` has it then. With it lost, the
 * next key would be the notebook's.
 * @param {HTMLElement} node
 * @param {HTMLElement} keeper
 * @param {() => void} change
 */
export function keepingFocus(node, keeper, change) {
  const inside = node.contains(document.activeElement);
  change();
  if (inside && !node.contains(document.activeElement)) keeper.focus({ preventScroll: true });
}

/**
 * Make the children of `parent` those of `items`, keeping every node that need not change.
 * @param {HTMLElement} parent
 * @param {Item[]} items
 */
export function reconcile(parent, items) {
  const before = children.get(parent) ?? new Map();
  const after = new Map();
  const focused = document.activeElement;
  let cursor = parent.firstChild;
  for (const item of items) {
    let entry = before.get(item.key);
    if (entry === undefined || (entry.version !== item.version && !item.update)) {
      const node = item.make();
      if (entry && cursor === entry.node) cursor = entry.node.nextSibling;
      entry?.node.remove();
      entry = { node, version: item.version };
    } else if (entry.version !== item.version) {
      item.update?.(entry.node);
      entry.version = item.version;
    }
    after.set(item.key, entry);
    if (cursor === entry.node) cursor = entry.node.nextSibling;
    else parent.insertBefore(entry.node, cursor);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
  children.set(parent, after);
  // A node that moves loses the focus.
  if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}
