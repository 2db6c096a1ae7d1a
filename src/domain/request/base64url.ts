// Base64url (RFC 4648, section 5) without padding, strict: one text for each sequence of bytes.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** The bytes, or undefined where the text is not exactly what encodeBase64url would have written for any. */
export const decodeBase64url = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let filled = 0
  let bits = 0
  let held = 0
  for (const char of text) {
    const sextet = alphabet.indexOf(char)
    if (sextet < 0) return undefined
    held = (held << 6) | sextet
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[filled++] = held >> bits
      held &= (1 << bits) - 1
    }
  }
  // Six bits over are a character too many; bits over that are not zero have a shorter spelling.
  return bits === 6 || held !== 0 ? undefined : bytes
}

export const encodeBase64url = (bytes: Uint8Array): string => {
  let text = ""
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 6) {
      bits -= 6
      text += alphabet[held >> bits]
      held &= (1 << bits) - 1
    }
  }
  return bits === 0 ? text : text + alphabet[held << (6 - bits)]
}
