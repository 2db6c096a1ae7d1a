// Who is backed up here: a file a host, and the counter that gives each its own numeric uid.
import { Clock, Context, Effect, Layer, Result, Schedule, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import type { ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { Lock, type LockUnavailable, type Locked } from "./Lock.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

/** A host: its name, the uid (and gid) that owns its data, and when it was added (epoch seconds). */
export const HostRecord = Schema.Struct({ host: Schema.String, uid: Schema.Int, created: Schema.Int })
export type HostRecord = typeof HostRecord.Type

/** Uids begin here, far from those of people, packages and containers with ordinary ranges. */
export const firstUid = 1_200_000_000

/** No such host. */
export class NotEnrolled extends Schema.TaggedError<NotEnrolled>()("NotEnrolled", { host: Schema.String }) {
  get exit(): ExitName {
    return "notEnrolled"
  }
  override get message() {
    return `${this.host} is not a host of this server; add it with \`byteback invite ${this.host}\` or \`byteback add-client\``
  }
}

export class HostExists extends Schema.TaggedError<HostExists>()("HostExists", { host: Schema.String }) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    return `there is already a host ${this.host} on this server; nothing was changed`
  }
}

export class InvalidHostName extends Schema.TaggedError<InvalidHostName>()("InvalidHostName", { name: Schema.String }) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `"${this.name.slice(0, 80)}" cannot be a host's name: 1 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends and no two dots in a row`
  }
}

/** A file of the registry cannot be understood. It was left as it is. */
export class DamagedRecord extends Schema.TaggedError<DamagedRecord>()("DamagedRecord", {
  path: Schema.String,
  todo: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    return `${this.path} is damaged and was left as it is; ${this.todo}`
  }
}

type Failure = SystemFileError | DamagedRecord

export class Registry extends Context.Service<
  Registry,
  {
    /** All hosts, by name. */
    readonly list: Effect.Effect<ReadonlyArray<HostRecord>, Failure>
    readonly get: (host: string) => Effect.Effect<HostRecord, NotEnrolled | Failure>
    /** Adds a host with a uid that no other host ever had; one that was removed gets its own back, for its old data. */
    readonly add: (
      host: string
    ) => Effect.Effect<HostRecord, InvalidHostName | HostExists | Failure | Locked | LockUnavailable | ExecError>
    /** Takes a host out of the list. Its uid stays its own for ever. */
    readonly remove: (host: string) => Effect.Effect<void, NotEnrolled | Failure | Locked | LockUnavailable | ExecError>
  }
>()("byteback/services/Registry") {
  static readonly layer = Layer.effect(
    Registry,
    Effect.gen(function* () {
      const layout = yield* Layout
      const files = yield* SystemFile
      const lock = yield* Lock
      const counter = `${layout.state}/next-uid`
      const file = (host: string, removed = false) => `${layout.state}/${removed ? "removed" : "hosts"}/${host}.json`

      const read = Effect.fnUntraced(function* (path: string, host: string) {
        const text = yield* files.read(path)
        if (text === null) return null
        const record = decode(text)
        if (Result.isSuccess(record) && record.success.host === host) return record.success
        const todo = `bring it back from a backup of this machine, or write {"host":"${host}","uid":UID,"created":0} there, with the UID that owns the host's current`
        return yield* new DamagedRecord({ path, todo })
      })

      const find = Effect.fnUntraced(function* (host: string) {
        const record = isHostName(host) ? yield* read(file(host), host) : null
        return record ?? (yield* new NotEnrolled({ host }))
      })

      const list = Effect.gen(function* () {
        const names = (yield* files.names(`${layout.state}/hosts`))
          .filter((name) => name.endsWith(".json"))
          .map((name) => name.slice(0, -".json".length))
          .filter(isHostName)
        // One that is removed meanwhile is not an error.
        const records = yield* Effect.forEach(names, (host) => read(file(host), host))
        return records.filter((record) => record !== null)
      })

      const write = Effect.fnUntraced(function* (record: HostRecord, removed: boolean) {
        for (const directory of ["", "/hosts", "/removed"]) yield* files.directory(layout.state + directory, 0o700)
        yield* files.write(file(record.host, removed), `${encode(record)}\n`, 0o600)
      })

      /** The counter, or one more than all known uids where it is missing. */
      const nextUid = Effect.gen(function* () {
        const text = yield* files.read(counter)
        const known = yield* list
        const least = known.reduce((most, { uid }) => Math.max(most, uid + 1), firstUid)
        if (text === null) return least
        if (/^\d{1,10}\n?$/.test(text)) return Math.max(least, Number(text))
        const todo = `write a number there that is larger than every uid in ${layout.state}/hosts and ${layout.state}/removed`
        return yield* new DamagedRecord({ path: counter, todo })
      })

      const allocate = Effect.gen(function* () {
        const uid = yield* nextUid
        // First the counter: a crash between the two wastes a uid and never gives one twice.
        yield* files.directory(layout.state, 0o700)
        yield* files.write(counter, `${uid + 1}\n`, 0o600)
        return uid
      })

      const locked = <A, E>(work: Effect.Effect<A, E>) =>
        Effect.gen(function* () {
          yield* files.directory(layout.run, 0o700)
          yield* Effect.retry(lock.take(`${layout.run}/registry.lock`, "a change of the list of hosts"), {
            while: (error) => error._tag === "Locked",
            schedule: Schedule.spaced("50 millis"),
            times: 200
          })
          return yield* work
        }).pipe(Effect.scoped)

      return Registry.of({
        list,
        get: Effect.fn("Registry.get")(find),
        add: Effect.fn("Registry.add")(function* (host) {
          if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
          return yield* locked(
            Effect.gen(function* () {
              if ((yield* read(file(host), host)) !== null) return yield* new HostExists({ host })
              const before = yield* read(file(host, true), host)
              const created = Math.floor((yield* Clock.currentTimeMillis) / 1000)
              const record = { host, uid: before?.uid ?? (yield* allocate), created }
              yield* write(record, false)
              yield* files.remove(file(host, true))
              return record
            })
          )
        }),
        remove: Effect.fn("Registry.remove")((host) =>
          locked(
            Effect.gen(function* () {
              const record = yield* find(host)
              yield* write(record, true)
              yield* files.remove(file(host))
            })
          )
        )
      })
    })
  )

  /** The same, on files in memory. */
  static readonly layerFake = Registry.layer.pipe(Layer.provide([SystemFile.layerFake, Lock.layerFake]))
}

const json = Schema.fromJsonString(HostRecord)
const decode = Schema.decodeUnknownResult(json)
const encode = Schema.encodeSync(json)
