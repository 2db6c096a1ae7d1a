// A command line into words, as a shell would split the harmless ones; whatever a shell would do more than that refuses.
import { accept, type Parsed, refuse } from "./refusal.ts"

/** Bytes of UTF-8 in a command line. */
export const maxLine = 16 * 1024

/** A word without its backslashes; `pattern` tells whether one of `* ? [ ] { }` stood in it without one. */
export interface Word {
  readonly text: string
  readonly pattern: boolean
}

/** What a shell would act upon. The lexer takes it only after a backslash. */
export const special = "'\"`$;&|<>(){}*?[]!#~^"
const patterns = "*?[]{}"

/** What rsync's clients leave without a backslash in a name: 3.2.7 all of them, 3.5.0 no backtick. */
const leftByRsync = "`~^"

const loneCharacter = (char: string): Parsed<never> => {
  const arrives = leftByRsync.includes(char) ? " (in a name it arrives with rsync -s)" : ""
  return refuse(`a character that only a shell would understand${arrives}, without a backslash before it`, char)
}

/** Whether a text is longer in UTF-8 than `most` bytes. */
export const isLonger = (text: string, most: number): boolean =>
  text.length > most || new TextEncoder().encode(text).length > most

/**
 * Text that came as bytes which were not UTF-8 holds U+FFFD in place of them, and what they were is lost: the environment
 * is decoded before we see it. So U+FFFD refuses, here and in secluded arguments; a typed request carries any name in base64.
 */
export const isText = (text: string): boolean => text.isWellFormed() && !text.includes("\uFFFD")

/** No byte below 0x20, no 0x7f, nothing that was not UTF-8. */
export const checkText = (text: string): Parsed<string> =>
  !isText(text)
    ? refuse("not UTF-8; names of other bytes are restored with byteback restore", text)
    : /[\x00-\x1f\x7f]/.test(text)
      ? refuse("control characters are not allowed", text)
      : accept(text)

/** Splits a line at blanks; `takesPatterns` lets pattern characters pass, marked. A trailing blank is no word. */
export const lex = (line: string, takesPatterns: boolean): Parsed<ReadonlyArray<Word>> => {
  if (isLonger(line, maxLine)) return refuse(`the command is longer than ${maxLine} bytes`)
  const text = checkText(line)
  if (!text.ok) return text
  if (line === "") return refuse("no command was given; this key is for backups only")
  if (line.startsWith(" ")) return refuse("the command begins with a blank", line)
  const words: Array<Word> = []
  let word: { text: string; pattern: boolean } | undefined
  let escaped = false
  for (const char of line) {
    if (!escaped && char === " ") {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    word ??= { text: "", pattern: false }
    if (!escaped && char === "\\") {
      escaped = true
      continue
    }
    if (!escaped && special.includes(char)) {
      if (!takesPatterns || !patterns.includes(char)) return loneCharacter(char)
      word.pattern = true
    }
    word.text += char
    escaped = false
  }
  if (escaped) return refuse("the command ends in a backslash")
  if (word !== undefined) words.push(word)
  return accept(words)
}

/** Writes a word so that the lexer reads it back. */
export const escapeWord = (text: string): string => {
  let out = ""
  for (const char of text) out += char === " " || char === "\\" || special.includes(char) ? `\\${char}` : char
  return out
}
