// Where the backup goes: `[user@]host:[path]`, as it always was, or `ssh://user@host:port/`.
import { Result, Schema } from "effect"
import type { ExitName } from "./exitCode.ts"

/** The destination cannot be understood. Nothing was changed. */
export class InvalidDestination extends Schema.TaggedError<InvalidDestination>()("InvalidDestination", {
  text: Schema.String,
  problem: Schema.String
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    const shown = JSON.stringify(this.text.slice(0, 80))
    return `destination ${shown}: ${this.problem}; write byteback@backup.example.org: or ssh://byteback@backup.example.org:2222/`
  }
}

export interface Destination {
  readonly user: string
  /** a name or an address, without brackets */
  readonly host: string
  readonly port?: number
  /** what stood behind the host; the server has always ignored it */
  readonly path: string
}

const userPattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/
const namePattern =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/
const ipv6Pattern = /^(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,32})?$/
const url = /^ssh:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/[\]]*)(?::([^/]*))?(\/.*)?$/i
const scp = /^(?:([^@:/]*)@)?(\[[^\]]*\]|[^:[\]/]*):(.*)$/s

/** An address that was meant without its brackets would else be a short host name and a path. */
const bareIpv6 = /^([^@:/]*@)?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*:/

/** Reads a destination; user `byteback` where none is named. A surrounding blank or newline does not count. */
export const parseDestination = (written: string): Result.Result<Destination, InvalidDestination> => {
  const text = written.trim()
  const invalid = (problem: string) => Result.fail(new InvalidDestination({ text, problem }))
  if (text === "") return invalid("is empty")
  if (/[\u0000-\u001f\u007f]/.test(text)) return invalid("holds a control character or more than one line")
  if (text.startsWith("-")) return invalid("begins with a dash")
  const isUrl = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)
  const match = bareIpv6.test(text) ? null : (isUrl ? url : scp).exec(text)
  if (match === null) {
    return invalid(isUrl ? "only ssh:// is understood" : "a colon must follow the host, an IPv6 address stands in [ ]")
  }
  const user = match[1] ?? "byteback"
  const bracketed = match[2] ?? ""
  const host = bracketed.startsWith("[") ? bracketed.slice(1, -1) : bracketed
  if (!userPattern.test(user)) return invalid("the part before the @ is not a user name")
  if (bracketed.startsWith("[") ? !ipv6Pattern.test(host) : !namePattern.test(host)) {
    return invalid(host === "" ? "names no host" : "names no valid host")
  }
  if (!isUrl) return Result.succeed({ user, host, path: match[3] ?? "" })
  const path = match[4] ?? ""
  if (match[3] === undefined) return Result.succeed({ user, host, path })
  const port = /^[1-9][0-9]{0,4}$/.test(match[3]) ? Number(match[3]) : 0
  return port < 1 || port > 65535
    ? invalid("the port must be a number from 1 to 65535")
    : Result.succeed({ user, host, port, path })
}

/** The destination as a person writes it; reading it back gives the same. */
export const formatDestination = ({ user, host, port, path }: Destination): string => {
  const name = host.includes(":") ? `[${host}]` : host
  return port === undefined ? `${user}@${name}:${path}` : `ssh://${user}@${name}:${port}${path}`
}
