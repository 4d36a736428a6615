// The keys of the grid, while a cell has the focus and is not edited.

/** @typedef {"up" | "down" | "left" | "right"} Way */

export const HELP = [
  ["Arrows  Home  End  PgUp  PgDn", "go from cell to cell; with Shift select"],
  ["Enter  F2", "edit the cell; any letter replaces what stands in it"],
  ["Enter  Ctrl+Enter", "while editing: keep a text; keep a list"],
  ["Shift+Enter  Tab  Esc", "while editing: new line; keep and go on; revert"],
  ["Ctrl+Enter", "add a case below"],
  ["Delete", "empty the selected cells"],
  ["Ctrl+C  Ctrl+X  Ctrl+V", "copy, cut, paste: also from and to a spreadsheet"],
  ["Ctrl+Z  Ctrl+Shift+Z", "undo, redo"],
  ["Space  Ctrl+A", "select the row; all rows"],
  ["Alt+Up  Alt+Down", "move the row, or the selected rows"],
  ["Shift+F10", "actions on the row"],
  ["/", "search"],
  ["?", "this help"],
  ["!  ⚠  ≈", "to fix; a check found something; nearly the same as another case"],
  ["✎  ◥", "a row, a cell that a person wrote; ◥ stands in its corner"],
  ["⊘  ◻", "withheld until something happens; what is checked"],
];

/** Keys with Ctrl or Alt that are the grid's, and not the notebook's: see `ownKeys`. */
export const OURS = [
  ...["z", "y", "a", "c", "x", "v", "Enter", "Home", "End"].map((key) => `Control+${key}`),
  ...["ArrowUp", "ArrowDown"].map((key) => `Alt+${key}`),
].join(" ");

const WAYS = /** @type {Record<string, Way>} */ ({ ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" });

/**
 * @typedef {object} Acts
 * @property {(way: Way, grow: boolean) => void} step
 * @property {(where: "first" | "last" | "top" | "bottom", grow: boolean) => void} jump
 * @property {(by: -1 | 1, grow: boolean) => void} page
 * @property {(by: -1 | 1) => void} move
 * @property {(text?: string) => void} edit
 * @property {() => void} add
 * @property {() => void} empty
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} mark
 * @property {() => void} markAll
 * @property {() => void} menu
 * @property {() => void} search
 * @property {() => void} help
 * @property {() => boolean} leave drop what is selected; false where nothing was
 */

/**
 * What a key does; true where it meant something here, and the notebook must not hear of it.
 * @param {KeyboardEvent} event
 * @param {Acts} acts
 * @returns {boolean}
 */
export function pressed(event, acts) {
  if (event.isComposing) return true;
  const { key, shiftKey, altKey } = event;
  const control = event.ctrlKey || event.metaKey;
  if (control) return withControl(key.toLowerCase(), shiftKey, acts);
  if (altKey) {
    if (key !== "ArrowUp" && key !== "ArrowDown") return false;
    acts.move(key === "ArrowUp" ? -1 : 1);
    return true;
  }
  const way = WAYS[key];
  if (way) return done(acts.step(way, shiftKey));
  switch (key) {
    case "Home":
    case "End":
      return done(acts.jump(key === "Home" ? "first" : "last", shiftKey));
    case "PageUp":
    case "PageDown":
      return done(acts.page(key === "PageUp" ? -1 : 1, shiftKey));
    case "Enter":
    case "F2":
      return done(acts.edit());
    case "Delete":
    case "Backspace":
      return done(acts.empty());
    case " ":
      return done(acts.mark());
    case "ContextMenu":
      return done(acts.menu());
    case "F10":
      return shiftKey && done(acts.menu());
    case "/":
      return done(acts.search());
    case "?":
      return done(acts.help());
    case "Escape":
      return acts.leave();
  }
  return key.length === 1 && done(acts.edit(key));
}

/**
 * @param {string} key
 * @param {boolean} shift
 * @param {Acts} acts
 */
function withControl(key, shift, acts) {
  switch (key) {
    case "z":
      return done(shift ? acts.redo() : acts.undo());
    case "y":
      return done(acts.redo());
    case "a":
      return done(acts.markAll());
    case "enter":
      return done(acts.add());
    case "home":
    case "end":
      return done(acts.jump(key === "home" ? "top" : "bottom", shift));
  }
  return false;
}

/** @param {void} _ */
const done = (_) => true;
