// Byte strings: text in which each character (U+0000 to U+00FF) stands for one byte, for names that need not be UTF-8.

/** The byte string of a text: its UTF-8 bytes, one character each. */
export const bytesOfText = (text: string): string => fromUint8Array(new TextEncoder().encode(text))

/** The text of a byte string, or null where it is not UTF-8. */
export const textOfBytes = (bytes: string): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toUint8Array(bytes))
  } catch {
    return null
  }
}

/** The bytes themselves, as a file or a pipe takes them. */
export const toUint8Array = (bytes: string): Uint8Array => Uint8Array.from(bytes, (char) => char.charCodeAt(0))

/** Of a path that was given as text, or as bytes where it is not UTF-8. */
export const bytesOfPath = (path: string | Uint8Array): string =>
  typeof path === "string" ? bytesOfText(path) : fromUint8Array(path)

export const fromUint8Array = (bytes: Uint8Array): string => {
  const parts: Array<string> = []
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)))
  return parts.join("")
}
