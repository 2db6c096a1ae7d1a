// The name or address by which clients reach the server: `host`, `host:port` or `[2001:db8::1]:port`.
import { Result, Schema } from "effect"
import type { ExitName } from "../exitCode.ts"

/** An address that cannot be one. */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>()("InvalidAddress", { text: Schema.String }) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `${JSON.stringify(this.text)} is not an address of this server; write a name or an IP address, with :PORT behind it if sshd listens on another port than 22 (an IPv6 address then in brackets)`
  }
}

export interface ServerAddress {
  readonly host: string
  readonly port: number | null
}

const name = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/
const six = /^(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{2,45}$/

export const parseServerAddress = (text: string): Result.Result<ServerAddress, InvalidAddress> => {
  const refused = Result.fail(new InvalidAddress({ text: text.slice(0, 300) }))
  if (six.test(text)) return Result.succeed({ host: text, port: null })
  const found = /^(?:\[(?<six>[^\]]+)\]|(?<name>[^:[\]]+))(?::(?<port>[1-9][0-9]{0,4}))?$/.exec(text)?.groups
  if (found === undefined) return refused
  const port = found["port"] === undefined ? null : Number(found["port"])
  if (port !== null && port > 65535) return refused
  const host = found["six"] ?? found["name"] ?? ""
  const good = found["six"] === undefined ? name.test(host) && !host.includes("..") : six.test(host)
  return good ? Result.succeed({ host, port }) : refused
}

/** The same, as a person writes it and `parseServerAddress` reads it. */
export const formatServerAddress = ({ host, port }: ServerAddress): string =>
  port === null ? host : host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
