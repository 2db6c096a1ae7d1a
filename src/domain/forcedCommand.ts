// Who a session at the forced command is, and what it may ask: decided from what sshd says, before anything is parsed.
import { exitCode } from "./exitCode.ts"
import { isHostName } from "./hostName.ts"
import type { Request } from "./request/request.ts"

/** What sshd hands to the login shell. */
export interface Session {
  /** the words after -c: the key line's command, or the client's own where no key forced one */
  readonly words: string
  /** SSH_ORIGINAL_COMMAND: what the client asked for, there only when a command was forced */
  readonly original: string | undefined
  readonly loggedInBy: "key" | "password" | "unknown"
}

/** The helper's verb for each kind of request. */
const verbs = {
  Ping: "ping",
  Push: "push",
  Pull: "pull",
  Restore: "restore",
  List: "list",
  Complete: "complete",
  Typed: "typed"
} as const satisfies Record<Exclude<Request["_tag"], "Secluded">, string>

type Accepted = {
  readonly ok: true
  /** the request's text, still to be parsed */
  readonly line: string
  /** whose key it is; null where the session may only enrol */
  readonly host: string | null
  /** the helper's words for a parsed request; null where this session may not ask it */
  readonly words: (request: Request) => ReadonlyArray<string> | null
}
type Refused = { readonly ok: false; readonly message: string; readonly code: number }

const refused = (message: string): Refused => ({ ok: false, message, code: exitCode.refused })

const enrolment = (line: string, host: ReadonlyArray<string>): Accepted => ({
  ok: true,
  line,
  host: null,
  words: (request) => (request._tag === "Typed" ? ["enrol", ...host] : null)
})

/** A key's line is believed only when sshd says that it forced it; a password may enrol and nothing else. */
export const forcedCommand = (session: Session): Accepted | Refused => {
  if (session.original === undefined) {
    return session.loggedInBy === "password"
      ? enrolment(session.words, [])
      : refused("this account takes backups and has no shell; use the byteback command")
  }
  const [program = "", ...rest] = session.words.split(" ")
  const line = session.original
  if (program.split("/").at(-1) === "byteback-receive") {
    if (rest[0] === "--enrol" && rest.length === 1) return enrolment(line, [])
    if (rest[0] === "--enrol" && rest.length === 2 && isHostName(rest[1]!)) return enrolment(line, [rest[1]!])
    if (rest.length === 1 && isHostName(rest[0]!)) {
      const host = rest[0]!
      const words = (request: Request) => (request._tag === "Secluded" ? null : [verbs[request._tag], host])
      return { ok: true, line, host, words }
    }
  }
  return refused("the key's line in authorized_keys is not one that byteback wrote; tell the server's administrator")
}
