// The quoted-printable of old clients' paths: `=` and two upper-case hexadecimal digits for a byte, a blank is `=20`.

/** The text, or undefined: a bare `=`, lower-case digits, a byte that should have been encoded, or bytes that are not UTF-8. */
export const decodeQuotedPrintable = (text: string): string | undefined => {
  if (!/^(?:[!-<>-~]|=[0-9A-F]{2})*$/.test(text)) return undefined
  const bytes: Array<number> = []
  for (const [unit] of text.matchAll(/=..|./g))
    bytes.push(unit.length === 3 ? Number.parseInt(unit.slice(1), 16) : unit.charCodeAt(0))
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

/** Encodes every byte but letters, digits, `/._,:@%+-` and those in `raw`, and a hyphen at the beginning. */
export const encodeQuotedPrintable = (text: string, raw: string): string => {
  let out = ""
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte)
    const plain = /[A-Za-z0-9/._,:@%+-]/.test(char) || raw.includes(char)
    out += plain && !(char === "-" && out === "") ? char : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }
  return out
}
