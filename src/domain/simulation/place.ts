// Where in a JSON text the value at a path stands.

/** `hosts[2].churn.daily`; the whole file where the path is empty. */
export const pathText = (path: ReadonlyArray<PropertyKey>): string => {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("")
  return text === "" ? "the file" : text.replace(/^\./, "")
}

/** "LINE:COLUMN" from 1 of a path's key or value in a text that is JSON; of the deepest part that is there. */
export const placeIn = (text: string, path: ReadonlyArray<PropertyKey>): string => {
  let at = skipSpace(text, 0)
  for (const part of path) {
    const next =
      text[at] === "{" ? member(text, at, String(part)) : text[at] === "[" ? element(text, at, Number(part)) : -1
    if (next < 0) break
    at = next
  }
  const before = text.slice(0, at).split("\n")
  return `${before.length}:${before.at(-1)!.length + 1}`
}

const skipSpace = (text: string, at: number): number => {
  while (/\s/.test(text[at] ?? "")) at++
  return at
}

/** The position after a string that begins here. */
const skipString = (text: string, at: number): number => {
  for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++
  return at + 1
}

/** The position after any value that begins here. */
const skipValue = (text: string, at: number): number => {
  let depth = 0
  while (at < text.length) {
    const sign = text[at]!
    if (sign === '"') at = skipString(text, at)
    else {
      if (depth === 0 && /[,\]}]/.test(sign)) return at
      if (sign === "{" || sign === "[") depth++
      if (sign === "}" || sign === "]") depth--
      at++
    }
    if (depth === 0 && /["}\]]/.test(text[at - 1]!)) return at
  }
  return at
}

const member = (text: string, at: number, key: string): number => {
  at = skipSpace(text, at + 1)
  while (text[at] === '"') {
    const end = skipString(text, at)
    const found = JSON.parse(text.slice(at, end)) === key
    at = skipSpace(text, skipSpace(text, end) + 1)
    if (found) return at
    at = skipSpace(text, skipValue(text, at))
    if (text[at] !== ",") return -1
    at = skipSpace(text, at + 1)
  }
  return -1
}

const element = (text: string, at: number, index: number): number => {
  at = skipSpace(text, at + 1)
  for (let i = 0; i < index; i++) {
    at = skipSpace(text, skipValue(text, at))
    if (text[at] !== ",") return -1
    at = skipSpace(text, at + 1)
  }
  return at
}
