// The one place that makes bytes printable: no control byte of a name or a message reaches a terminal or a log.
const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`

const escaped = (input: string | Uint8Array, most: number, backslash: string): string => {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input
  let out = ""
  for (const byte of bytes) {
    const next = byte === 0x5c ? backslash : byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : hex(byte)
    if (out.length + next.length > most) return `${out}...`
    out += next
  }
  return out
}

/**
 * A name or a path as printable ASCII: every other byte (of its UTF-8, if text was given) as `\xHH`, a backslash as `\\`,
 * so that two names never look the same. After `most` characters it is cut, between escapes, and ends in `...`.
 */
export const escapeName = (name: string | Uint8Array, most: number = Infinity): string => escaped(name, most, "\\\\")

/**
 * A finished line as printable ASCII. Backslashes stay, so a line that holds escaped names comes out as it went in:
 * safe to apply at the last moment to whatever is about to be shown.
 */
export const escapeText = (text: string | Uint8Array, most: number = Infinity): string => escaped(text, most, "\\")

/** JSON in printable ASCII, which says the same to whoever parses it. */
export const escapedJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
