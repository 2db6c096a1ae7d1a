// Who is backed up here, with which key, and who is invited.
import { Effect } from "effect"
import type { KeyEntry } from "../domain/authorizedKey.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Registry } from "../services/Registry.ts"

export interface ClientInfo {
  readonly host: string
  /** null: it is invited and has not come yet */
  readonly uid: number | null
  /** epoch seconds; null as above */
  readonly created: number | null
  /** its key; null: it cannot log in, but its backups are kept */
  readonly fingerprint: string | null
  /** addresses that it may come from; none: everywhere */
  readonly from: ReadonlyArray<string>
  /** until when (epoch seconds) an invitation for it holds; null: there is none */
  readonly invitedUntil: number | null
}

export interface ClientsResult {
  readonly clients: ReadonlyArray<ClientInfo>
  /** fingerprints of the administrators' keys that may enrol new hosts */
  readonly administratorKeys: ReadonlyArray<string>
  /** lines of authorized_keys that byteback did not write, and leaves alone */
  readonly foreignLines: number
}

/** Everybody who is known to the registry or to authorized_keys, by name. */
export const clients = Effect.fn("clients")(function* () {
  const keys = yield* AuthorizedKeys
  const records = yield* (yield* Registry).list
  const file = yield* keys.list
  const named = file.entries.filter((entry) => entry._tag !== "administrator")
  const names = new Set([...records.map(({ host }) => host), ...named.map(({ host }) => host)])
  const find = <Tag extends KeyEntry["_tag"]>(tag: Tag, host: string) =>
    file.entries.find(
      (entry): entry is Extract<KeyEntry, { readonly _tag: Tag }> =>
        entry._tag === tag && "host" in entry && entry.host === host
    )
  const result: ClientsResult = {
    clients: [...names].toSorted().map((host) => {
      const record = records.find((one) => one.host === host)
      const entry = find("host", host)
      return {
        host,
        uid: record?.uid ?? null,
        created: record?.created ?? null,
        fingerprint: entry === undefined ? null : keys.fingerprint(entry.key),
        from: entry?.from ?? [],
        invitedUntil: find("invitation", host)?.expires ?? null
      }
    }),
    administratorKeys: file.entries
      .filter(({ _tag }) => _tag === "administrator")
      .map(({ key }) => keys.fingerprint(key)),
    foreignLines: file.foreign.filter((line) => !line.startsWith("#")).length
  }
  return result
})
