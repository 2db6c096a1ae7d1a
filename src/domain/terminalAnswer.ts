// Finds the one line of JSON in what a program says on a terminal, and leaves the rest (questions, errors) for people.

export interface TerminalAnswer {
  /** the JSON so far; null before it began */
  readonly json: string | null
  /** the beginning of a line, not known yet to be JSON or not */
  readonly atLineStart: boolean
  readonly done: boolean
}

export const noAnswerYet: TerminalAnswer = { json: null, atLineStart: true, done: false }

/** Takes the next piece in; `show` is what of it is not the answer. The answer is the first line that begins with `{`. */
export const readTerminal = (
  before: TerminalAnswer,
  piece: string
): { readonly answer: TerminalAnswer; readonly show: string } => {
  let { json, atLineStart, done } = before
  let show = ""
  for (const char of piece) {
    const inside = json !== null && !done
    if (inside && char === "\n") done = true
    else if (inside) json += char
    else if (!done && atLineStart && char === "{") json = char
    else show += char
    atLineStart = char === "\n" || (atLineStart && char === "\r")
  }
  return { answer: { json, atLineStart, done }, show }
}
