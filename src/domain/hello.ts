// The first words of a session and their answer. Nothing here needs Effect, so that the server says them at once.
import { version } from "./version.ts"

/** The protocol that this version speaks, and the oldest that it still understands. */
export const protocol = { current: 1, oldest: 1 } as const

interface Spoken {
  readonly protocol: number
  readonly oldest: number
}

/** May these two talk? `null`, or who is too old. */
export const incompatibility = (mine: Spoken, theirs: Spoken): "server-too-old" | "server-too-new" | null =>
  theirs.protocol < mine.oldest ? "server-too-old" : theirs.oldest > mine.protocol ? "server-too-new" : null

/** Is a typed request's JSON a client's hello? Anything else, also what is nearly one, is not. */
export const isHello = (json: string): boolean => {
  let said: unknown
  try {
    said = JSON.parse(json)
  } catch {
    return false
  }
  if (typeof said !== "object" || said === null) return false
  const { _tag, oldest, protocol, version } = said as Readonly<Record<string, unknown>>
  return (
    _tag === "hello" && Number.isSafeInteger(protocol) && Number.isSafeInteger(oldest) && typeof version === "string"
  )
}

/** The server's answer, a line of JSON; `now` in epoch seconds. */
export const helloAnswer = (host: string, now: number): string =>
  JSON.stringify({ _tag: "hello", protocol: protocol.current, oldest: protocol.oldest, version, host, now })
