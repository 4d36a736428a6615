// The form that a saved notebook keeps, in the notebook that the page holds. After a reload JupyterLab no longer knows
// which output an update of the kernel's is for; the page does.

/**
 * @typedef {object} Output
 * @property {() => {data?: Record<string, unknown>}} toJSON
 *
 * @typedef {object} Outputs
 * @property {number} length
 * @property {(place: number) => Output} get
 * @property {(place: number, output: object) => void} set
 *
 * @typedef {{context?: {model?: {cells?: Iterable<{outputs?: Outputs}>}}}} Manager of JupyterLab's widgets; other hosts have no such context
 */

/**
 * Put the form in the place of the one that was drawn at that hour.
 * @param {unknown} manager what the host gives as the manager of its widgets
 * @param {string} hour
 * @param {Record<string, string>} form by its kinds
 * @returns {boolean} whether it is in the notebook now; where two could be meant, none is touched
 */
export function keepForm(manager, hour, form) {
  const cells = /** @type {Manager | undefined} */ (manager)?.context?.model?.cells;
  if (!cells) return false;
  /** @type {[Outputs, number][]} */
  const found = [];
  for (const { outputs } of cells) {
    for (let place = 0; place < (outputs?.length ?? 0); place += 1) {
      if (outputs && isOf(outputs.get(place), hour)) found.push([outputs, place]);
    }
  }
  const [only] = found;
  if (found.length !== 1 || !only) return false;
  const [outputs, place] = only;
  const before = outputs.get(place).toJSON();
  outputs.set(place, { ...before, data: { ...before.data, ...form } });
  return true;
}

/**
 * @param {Output} output
 * @param {string} hour
 */
function isOf(output, hour) {
  const html = output.toJSON().data?.["text/html"];
  const text = Array.isArray(html) ? html.join("") : String(html ?? "");
  return text.startsWith("<details><summary>As the saved notebook shows it,") && text.includes(`, as of ${hour}</summary>`);
}
