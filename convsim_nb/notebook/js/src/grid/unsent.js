// What stands in an open editor is kept in this tab, so that a reload of the page loses nothing that was typed.

/**
 * @typedef {{key: string, column: string, text: string}} Unsent
 */

/** @param {string} grid */
const nameOf = (grid) => `convsim-grid-${grid}`;

/**
 * @param {string} grid the kernel's name for the grid
 * @param {Unsent} unsent
 */
export function rememberText(grid, unsent) {
  withStorage((storage) => storage.setItem(nameOf(grid), JSON.stringify(unsent)));
}

/** @param {string} grid */
export function forgetText(grid) {
  withStorage((storage) => storage.removeItem(nameOf(grid)));
}

/**
 * @param {string} grid
 * @returns {Unsent | null}
 */
export function keptText(grid) {
  let kept = null;
  withStorage((storage) => {
    kept = JSON.parse(storage.getItem(nameOf(grid)) ?? "null");
  });
  return kept;
}

/**
 * A page in a frame without an origin of its own has no storage: then nothing is kept, and all else works.
 * @param {(storage: Storage) => void} act
 */
function withStorage(act) {
  try {
    act(globalThis.sessionStorage);
  } catch {
    // no storage
  }
}
