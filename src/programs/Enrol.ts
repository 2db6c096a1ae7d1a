// The server's side of an enrolment: a machine with an invitation, or sent by an administrator, becomes a host.
import { Clock, Effect, Schema } from "effect"
import { holderOf, parsePublicKey } from "../domain/authorizedKey.ts"
import type { EnrolAnswer } from "../domain/Conversation.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { InvalidHostName, Registry } from "../services/Registry.ts"
import { admitHost } from "./admitHost.ts"

export interface EnrolOptions {
  /** the host that the session's invitation is for; null: an administrator's key, or a password */
  readonly invitedAs: string | null
  /** what the client asks for */
  readonly host: string
  readonly key: string
}
export type EnrolResult = EnrolAnswer

/** The machine was not enrolled. Nothing was changed. */
export class EnrolRefused extends Schema.TaggedError<EnrolRefused>()("EnrolRefused", {
  reason: Schema.Literals(["other-host", "invitation-used", "enrolled-already", "key-in-use"]),
  host: Schema.String,
  invitedAs: Schema.NullOr(Schema.String)
}) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    switch (this.reason) {
      case "other-host":
        return `the invitation is for ${this.invitedAs}, not for ${this.host}; ask for one for this name`
      case "invitation-used":
        return `the invitation for ${this.host} was used already or has expired; ask for a new one (byteback invite ${this.host})`
      case "enrolled-already":
        return `there is a host ${this.host} on the server already; choose another name, or have an administrator run byteback invite ${this.host} there`
      case "key-in-use":
        return "this machine's key is enrolled for another host already; each host needs a key of its own (is this a copy of another machine? then remove its key files)"
    }
  }
}

/**
 * Enrols a host. An invitation may give a host that exists another key, and is used up in the same step; an
 * administrator's session may only add a host that is not there.
 */
export const enrol = Effect.fn("enrol")(function* ({ invitedAs, host, key: text }: EnrolOptions) {
  const keys = yield* AuthorizedKeys
  const registry = yield* Registry
  const refuse = (reason: EnrolRefused["reason"]) => new EnrolRefused({ reason, host, invitedAs })
  if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
  if (invitedAs !== null && invitedAs !== host) return yield* refuse("other-host")
  const key = yield* Effect.fromResult(parsePublicKey(text))
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)

  return yield* keys.update((file) =>
    Effect.gen(function* () {
      if (invitedAs === null) {
        const known = (yield* registry.list).some((record) => record.host === host)
        const keyed = file.entries.some((entry) => entry._tag === "host" && entry.host === host)
        if (known || keyed) return yield* refuse("enrolled-already")
      } else if (!file.entries.some((one) => one._tag === "invitation" && one.host === host && one.expires > now)) {
        return yield* refuse("invitation-used")
      }
      const holder = holderOf(file, key)
      if (holder !== null && !(holder !== "somebody else" && holder._tag === "host" && holder.host === host)) {
        return yield* refuse("key-in-use")
      }
      yield* admitHost(host, key)
      const others = file.entries.filter((entry) => entry._tag === "administrator" || entry.host !== host)
      const entries = [...others, { _tag: "host" as const, host, from: [], key }]
      const answer: EnrolResult = { _tag: "enrol", host }
      return [{ ...file, entries }, answer] as const
    })
  )
})
