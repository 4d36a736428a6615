// Cells from and to a spreadsheet: lines of texts parted by tabs, quoted where they hold tabs, newlines or quotes.

/**
 * @param {string} text
 * @returns {string[][]} lines of cells; an empty last line is none
 */
export function parseTsv(text) {
  /** @type {string[][]} */
  const table = [];
  /** @type {string[]} */
  let line = [];
  let at = 0;
  const whole = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  while (at <= whole.length) {
    const [cell, end] = readCell(whole, at);
    line.push(cell);
    if (whole[end] !== "\t") {
      table.push(line);
      line = [];
    }
    if (end >= whole.length) break;
    at = end + 1;
    if (at === whole.length && whole[end] === "\n") break;
  }
  return table;
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {[string, number]} the cell, and where its delimiter stands
 */
function readCell(text, at) {
  if (text[at] === '"') {
    const quoted = /"((?:[^"]|"")*)"(?=[\t\n]|$)/y;
    quoted.lastIndex = at;
    const found = quoted.exec(text);
    if (found) return [(found[1] ?? "").replaceAll('""', '"'), quoted.lastIndex];
  }
  const plain = /[^\t\n]*/y;
  plain.lastIndex = at;
  const cell = plain.exec(text)?.[0] ?? "";
  return [cell, at + cell.length];
}

/**
 * @param {string[][]} table
 * @returns {string}
 */
export const formatTsv = (table) => table.map((line) => line.map(quoted).join("\t")).join("\n");

/** @param {string} cell */
const quoted = (cell) => (/[\t\n\r"]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
