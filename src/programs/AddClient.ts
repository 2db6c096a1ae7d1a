// Adds a host with a key that an administrator has in hand.
import { Effect, Schema } from "effect"
import { holderOf, isSourceAddress, parsePublicKey } from "../domain/authorizedKey.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { InvalidHostName } from "../services/Registry.ts"
import { admitHost } from "./admitHost.ts"

export interface AddClientOptions {
  readonly host: string
  /** the one line of its .pub file */
  readonly key: string
  /** addresses and networks that it may come from; none: from everywhere */
  readonly from?: ReadonlyArray<string>
  /** give a host that has a key already this one in its place */
  readonly replaceKey?: boolean
}

export interface AddClientResult {
  readonly host: string
  readonly uid: number
  readonly fingerprint: string
  /** false: everything was as asked already */
  readonly changed: boolean
}

/** The host was not added. Nothing was changed. */
export class ClientRefused extends Schema.TaggedError<ClientRefused>()("ClientRefused", {
  reason: Schema.Literals(["has-a-key", "key-in-use", "bad-address"]),
  detail: Schema.String
}) {
  get exit(): ExitName {
    return this.reason === "bad-address" ? "usage" : "refused"
  }
  override get message() {
    return `${this.detail}; nothing was changed`
  }
}

/** Adds a host, or gives one that was removed its key back. Running it again with the same key changes nothing. */
export const addClient = Effect.fn("addClient")(function* (options: AddClientOptions) {
  const keys = yield* AuthorizedKeys
  const { host } = options
  if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
  const from = options.from ?? []
  const stray = from.find((address) => !isSourceAddress(address))
  if (stray !== undefined) {
    return yield* new ClientRefused({
      reason: "bad-address",
      detail: `${JSON.stringify(stray)} is neither an address, a network (192.0.2.0/24) nor a host name`
    })
  }
  const key = yield* Effect.fromResult(parsePublicKey(options.key))
  const entry = { _tag: "host" as const, host, from, key }
  return yield* keys.update((file) =>
    Effect.gen(function* () {
      const holder = holderOf(file, key)
      if (holder !== null && !(holder !== "somebody else" && holder._tag === "host" && holder.host === host)) {
        return yield* new ClientRefused({
          reason: "key-in-use",
          detail: "this key stands in authorized_keys for something else already; each host needs a key of its own"
        })
      }
      const before = file.entries.find((one) => one._tag === "host" && one.host === host)
      if (before !== undefined && before.key.blob !== key.blob && options.replaceKey !== true) {
        return yield* new ClientRefused({
          reason: "has-a-key",
          detail: `${host} has a key already (${keys.fingerprint(before.key)}); say --replace-key to put this one in its place`
        })
      }
      const same = before?._tag === "host" && before.key.blob === key.blob && before.from.join() === from.join()
      const { uid } = yield* admitHost(host, key, !same)
      const entries = same ? file.entries : [...file.entries.filter((one) => one !== before), entry]
      const result: AddClientResult = { host, uid, fingerprint: keys.fingerprint(key), changed: !same }
      return [{ ...file, entries }, result] as const
    })
  )
})
