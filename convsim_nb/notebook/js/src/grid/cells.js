// The cells of a test case as text, and the text as a reader sees it: the notation of adapters/case_cells.py.

/**
 * @typedef {"text" | "lines" | "withheld" | "mapping"} Kind how a cell is edited
 * @typedef {object} Column
 * @property {string} name the field
 * @property {string} title
 * @property {Kind} kind
 * @property {number} group columns of one group stand under each other
 * @property {string} hint what to write, said where it is empty and while it is edited
 */

/** @type {Column[]} in the order of reading */
export const COLUMNS = [
  { name: "goal", title: "Goal", kind: "text", group: 1, hint: "what the user wants" },
  { name: "persona", title: "Persona", kind: "text", group: 1, hint: "who the user is" },
  { name: "simulation_guidelines", title: "Guidelines", kind: "lines", group: 2, hint: "how they go about it" },
  { name: "withheld", title: "Withheld", kind: "withheld", group: 2, hint: "what they come to know" },
  { name: "facts", title: "Facts", kind: "lines", group: 3, hint: "what they know" },
  { name: "expectations", title: "Expectations", kind: "mapping", group: 3, hint: "what is checked" },
  { name: "script", title: "Script", kind: "lines", group: 4, hint: "said word for word" },
  { name: "context", title: "Context", kind: "mapping", group: 4, hint: "arguments for the agent" },
  { name: "tags", title: "Tags", kind: "lines", group: 5, hint: "name: value" },
];
export const GROUPS = [1, 2, 3, 4, 5];
/** @type {Map<string, Column>} */
export const BY_NAME = new Map(COLUMNS.map((column) => [column.name, column]));

/** What was meant by a title or a field's name at the head of a pasted table. */
const NAMES = new Map([
  ...COLUMNS.flatMap(({ name, title }) => /** @type {[string, string][]} */ ([[name, name], [title.toLowerCase(), name]])),
  ["simulation guidelines", "simulation_guidelines"],
]);

/**
 * @param {string} word
 * @returns {string | undefined} the field that a table's head names
 */
export const columnNamed = (word) => NAMES.get(word.trim().toLowerCase());

/**
 * The items of a list: one a line; two spaces go on with the item before.
 * @param {string} text
 * @returns {string[]}
 */
export function itemsOf(text) {
  /** @type {string[]} */
  const items = [];
  const cutOut = /^[ \t]/.test(text); // a block out of something: its indents mean nothing
  for (const line of text.split("\n").map((each) => (cutOut ? each.trim() : each))) {
    if (items.length && line.startsWith("  ")) items[items.length - 1] += `\n${line.slice(2)}`;
    else if (line.trim()) items.push(line.trimStart());
  }
  return items.map((item) => item.trim());
}

/** So much of a cell is shown, in lines and in characters. */
const SHOWN = { lines: 12, characters: 660 };

/**
 * @param {string} text
 * @returns {string} as much of it as is shown where nobody edits it
 */
export function beginning(text) {
  const lines = text.split("\n", SHOWN.lines + 1);
  const short = lines.length > SHOWN.lines ? lines.slice(0, SHOWN.lines).join("\n") : text;
  return short.length > SHOWN.characters ? short.slice(0, SHOWN.characters).replace(/[\ud800-\udbff]$/, "") : short;
}

/** @typedef {{fact: string, after: string, kind: string}} Entry something withheld, perhaps not whole yet */

const MARKED = /^\s*(?:- )?(fact|after|kind)\s*:\s*(.*)$/i;

/**
 * @param {string} text
 * @returns {Entry[]}
 */
export function entriesOf(text) {
  const found = /** @type {Partial<Entry>[]} */ (jsonList(text) ?? markedLines(text));
  return found.map(({ fact, after, kind }) => ({ fact: String(fact ?? ""), after: String(after ?? ""), kind: String(kind ?? "correction") }));
}

/** @param {string} text */
function markedLines(text) {
  /** @type {Record<string, string>[]} */
  const found = [];
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    const marked = MARKED.exec(line);
    const name = marked?.[1]?.toLowerCase() ?? "fact";
    const last = found.at(-1);
    if (name === "fact" || !last || name in last) found.push({});
    const entry = /** @type {Record<string, string>} */ (found.at(-1));
    entry[name] = (marked?.[2] ?? line).trim();
  }
  return found;
}

/** @param {string} text */
function jsonList(text) {
  if (!text.trimStart().startsWith("[")) return null;
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) && found.every((each) => typeof each === "object" && each !== null) ? found : null;
  } catch {
    return null;
  }
}

/**
 * @param {Entry[]} entries
 * @returns {string} their text; entries in which nothing stands are left out
 */
export function entriesText(entries) {
  const kept = entries.filter(({ fact, after }) => fact.trim() || after.trim());
  const trimmed = kept.map(({ fact, after, kind }) => ({ fact: fact.trim(), after: after.trim(), kind }));
  const text = trimmed.flatMap(entryLines).join("\n");
  const same = JSON.stringify(entriesOf(text)) === JSON.stringify(trimmed);
  return same ? text : JSON.stringify(trimmed);
}

/** @param {Entry} entry */
function entryLines({ fact, after, kind }) {
  const first = !fact || MARKED.test(fact) ? `fact: ${fact}` : fact;
  return [first, ...(after ? [`  after: ${after}`] : []), ...(kind === "correction" ? [] : [`  kind: ${kind}`])];
}

/** @typedef {{label: string, text: string, bullet: boolean}} Line one line of a mapping, as it is shown */

/**
 * The lines of YAML as a reader takes them: a dash is a bullet, a name alone a label.
 * @param {string} text
 * @returns {Line[]}
 */
export function mappingLines(text) {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const bullet = /^\s*- (.*)$/.exec(line);
      if (bullet) return { label: "", text: unquoted(bullet[1] ?? ""), bullet: true };
      const named = /^(\s*[\w .-]{1,40}):(?:\s+(.*))?$/.exec(line);
      if (named) return { label: named[1] ?? "", text: unquoted(named[2] ?? ""), bullet: false };
      return { label: "", text: line, bullet: false };
    });
}

/** @param {string} text */
function unquoted(text) {
  const quoted = /^'((?:[^']|'')*)'$/.exec(text);
  return quoted ? (quoted[1] ?? "").replaceAll("''", "'") : text;
}

const HIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e001f}\u{e0080}-\u{e0fff}]|\p{Cs}/gu;
const TAGS = /(?<!\u{1f3f4}[\u{e0020}-\u{e007e}]*)[\u{e0020}-\u{e007e}]+/gu;
/** @param {string} tags each stands for the ASCII character so much below it */
const tagWords = (tags) => `⟨hidden: ${[...tags].map((tag) => String.fromCharCode((tag.codePointAt(0) ?? 0) - 0xe0000)).join("")}⟩`;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const MARKS = new Set(["\u200e", "\u200f", "\u061c"]);

/**
 * @param {string} text
 * @returns {string} the text with characters that nobody can see named, as views/hidden.py does
 */
export function visible(text) {
  const marksBelong = RIGHT_TO_LEFT.test(text);
  return text.replace(TAGS, tagWords).replace(HIDDEN, (sign) => {
    if (MARKS.has(sign) && marksBelong) return sign;
    const code = sign.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/**
 * @param {string} field as a finding names it
 * @returns {string} `Facts 1`, `Withheld 2, after`; empty for the whole of a case
 */
export function fieldWords(field) {
  if (field === "case") return "";
  const found = /^(\w+)(?:\.guidelines)?(?:\[(\d+)\])?(?:\.(\w+))?$/.exec(field);
  if (!found) return field;
  const [, name = "", number, part] = found;
  const title = BY_NAME.get(name)?.title ?? name;
  return [number === undefined ? title : `${title} ${Number(number) + 1}`, ...(part && part !== "fact" ? [part] : [])].join(", ");
}
