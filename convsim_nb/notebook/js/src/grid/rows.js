// The rows as the page holds them: what the kernel said, and on top the edits that it has not answered yet.

/**
 * @typedef {{field: string, check: string, reason: string}} Finding
 * @typedef {object} Row
 * @property {string} key
 * @property {string} id the case's; empty for a draft that never was one
 * @property {Record<string, string>} texts by field; what is empty is left out
 * @property {Record<string, string>} problems by field, why the row is no case yet
 * @property {Finding[]} findings
 * @property {string[]} edited fields that a person changed
 * @property {boolean} new a person began it
 * @property {boolean} proposed its expectations are a model's, and wait for a person
 * @property {{session: string, first: number, last: number, model: string, at_hand: boolean} | null} source
 * @property {string[]} more what it holds that has no column
 *
 * @typedef {{op: "set", key: string, column: string, text: string}
 *   | {op: "insert", key: string, at: number, texts: Record<string, string>}
 *   | {op: "copy", key: string, of: string}
 *   | {op: "delete", keys: string[]}
 *   | {op: "confirm", keys: string[]}
 *   | {op: "move", keys: string[], by: -1 | 1}} Op
 *
 * @typedef {{order: string[], byKey: Map<string, Row>}} Rows not to be changed: every edit gives others
 * @typedef {{id: string, label: string, ops: Op[]}} Edit
 * @typedef {{answered?: string[], rows: Row[], order?: string[] | null, gone?: string[]}} Batch
 */

/**
 * @param {Row[]} rows
 * @returns {Rows}
 */
export const rowsOf = (rows) => ({ order: rows.map(({ key }) => key), byKey: new Map(rows.map((row) => [row.key, row])) });

/**
 * @param {Rows} rows
 * @param {Batch} batch what the kernel says has changed
 * @returns {Rows}
 */
export function withBatch(rows, { rows: other, order, gone = [] }) {
  const byKey = new Map(rows.byKey);
  for (const row of other) byKey.set(row.key, row);
  for (const key of gone) byKey.delete(key);
  return { order: order ?? rows.order, byKey };
}

/**
 * @param {Rows} rows
 * @param {Op[]} ops
 * @returns {Rows} as the kernel will most likely have them; what names a row that is gone is left alone
 */
export function withOps(rows, ops) {
  const draft = { order: [...rows.order], byKey: new Map(rows.byKey) };
  for (const op of ops) applyOp(draft, op);
  return draft;
}

/**
 * @param {Rows} draft
 * @param {Op} op
 */
function applyOp(draft, op) {
  const { byKey } = draft;
  switch (op.op) {
    case "set": {
      const row = byKey.get(op.key);
      if (row) byKey.set(op.key, withText(row, op.column, op.text));
      return;
    }
    case "insert":
      if (byKey.has(op.key)) return;
      byKey.set(op.key, { ...emptyRow(op.key), texts: { ...op.texts } });
      draft.order.splice(op.at, 0, op.key);
      return;
    case "copy": {
      const row = byKey.get(op.of);
      if (!row || byKey.has(op.key)) return;
      byKey.set(op.key, { ...row, key: op.key, id: "" });
      draft.order.splice(draft.order.indexOf(op.of) + 1, 0, op.key);
      return;
    }
    case "delete": {
      const gone = new Set(op.keys);
      for (const key of gone) byKey.delete(key);
      draft.order = draft.order.filter((key) => !gone.has(key));
      return;
    }
    case "confirm":
      for (const key of op.keys) {
        const row = byKey.get(key);
        if (row) byKey.set(key, { ...row, proposed: false });
      }
      return;
    case "move":
      draft.order = moved(draft.order, new Set(op.keys), op.by);
  }
}

/**
 * A step up or down for each of the keys, as far as there is room; those beside each other stay so.
 * @param {string[]} order
 * @param {Set<string>} keys
 * @param {-1 | 1} by
 */
export function moved(order, keys, by) {
  const all = by < 0 ? [...order] : [...order].reverse();
  for (let place = 1; place < all.length; place++) {
    const [before, here] = [all[place - 1] ?? "", all[place] ?? ""];
    if (keys.has(here) && !keys.has(before)) [all[place - 1], all[place]] = [here, before];
  }
  return by < 0 ? all : all.reverse();
}

/**
 * @param {string} key
 * @returns {Row}
 */
const emptyRow = (key) => ({ key, id: "", texts: {}, problems: {}, findings: [], edited: [], new: true, proposed: false, source: null, more: [] });

/**
 * @param {Row} row
 * @param {string} column
 * @param {string} text
 * @returns {Row}
 */
function withText(row, column, text) {
  const { [column]: _, ...problems } = row.problems;
  const texts = { ...row.texts, [column]: text };
  if (!text.trim()) delete texts[column];
  const edited = row.new || row.edited.includes(column) ? row.edited : [...row.edited, column];
  const findings = row.findings.filter(({ field }) => field.split(/[.[]/, 1)[0] !== column);
  return { ...row, texts, problems, edited, findings };
}

/** What the kernel said, what it has not answered, and both together. */
export class Sheet {
  constructor() {
    /** @type {Rows} */
    this.told = rowsOf([]);
    /** @type {Edit[]} */
    this.waiting = [];
    /** @type {Rows} what is shown */
    this.rows = this.told;
  }

  /**
   * The whole state: edits that are not answered are to be sent once more.
   * @param {Row[]} rows
   */
  takeState(rows) {
    this.told = rowsOf(rows);
    this.rows = this.waiting.reduce((all, { ops }) => withOps(all, ops), this.told);
    return this.waiting;
  }

  /** @param {Batch} batch */
  takeBatch(batch) {
    const answered = new Set(batch.answered ?? []);
    this.told = withBatch(this.told, batch);
    this.waiting = this.waiting.filter(({ id }) => !answered.has(id));
    this.rows = this.waiting.reduce((all, { ops }) => withOps(all, ops), this.told);
  }

  /** @param {Edit} edit */
  edit(edit) {
    this.waiting = [...this.waiting, edit];
    this.rows = withOps(this.rows, edit.ops);
  }

  /** @param {string} key */
  row(key) {
    return this.rows.byKey.get(key);
  }
}

/** @typedef {"all" | "draft" | "findings" | "edited" | "alike"} Filter */

/**
 * @param {Row} row
 * @param {Filter} filter
 */
export function passes(row, filter) {
  switch (filter) {
    case "all":
      return true;
    case "draft":
      return isDraft(row);
    case "findings":
      return row.findings.length > 0;
    case "edited":
      return row.new || row.edited.length > 0;
    case "alike":
      return row.findings.some(({ check }) => check === "duplicate");
  }
}

/** @param {Row} row */
export const isDraft = (row) => Object.keys(row.problems).length > 0 || !(row.texts["goal"] ?? "").trim();

/**
 * @param {Row} row
 * @param {string} wanted in small letters; all its words have to stand in the row
 */
export function holds(row, wanted) {
  if (!wanted) return true;
  const text = [row.id, ...Object.values(row.texts), ...row.findings.map(({ reason }) => reason)].join("\n").toLowerCase();
  return wanted.split(/\s+/).every((word) => text.includes(word));
}
