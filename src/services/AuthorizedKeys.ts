// Who may log in to the backup user: the root-owned authorized_keys, read and replaced as a whole under a lock.
import { Context, Effect, Layer, Schedule } from "effect"
import { createHash } from "node:crypto"
import { dirname, join } from "node:path"
import { formatKeyFile, type KeyFile, parseKeyFile, type PublicKey } from "../domain/authorizedKey.ts"
import type { ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { Lock, type Locked, type LockUnavailable } from "./Lock.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

export type AuthorizedKeysError = SystemFileError | Locked | LockUnavailable | ExecError

/** How an update waits for another one to end: about ten seconds, then `Locked`. */
export const AuthorizedKeysPatience = Context.Reference<Schedule.Schedule<unknown>>("byteback/AuthorizedKeysPatience", {
  defaultValue: () => Schedule.spaced("100 millis").pipe(Schedule.upTo({ times: 100 }))
})

export class AuthorizedKeys extends Context.Service<
  AuthorizedKeys,
  {
    /** What the file holds now; no file holds nothing. */
    readonly list: Effect.Effect<KeyFile, SystemFileError>
    /**
     * Works out a new file from the present one and puts it in place, while nobody else may: `change` may take steps of
     * its own that belong to it. Nothing is written if `change` fails, or answers with what is there already.
     */
    readonly update: <A, E, R>(
      change: (file: KeyFile) => Effect.Effect<readonly [KeyFile, A], E, R>
    ) => Effect.Effect<A, E | AuthorizedKeysError, R>
    /** OpenSSH's name for a key: `SHA256:` and base64 without padding. */
    readonly fingerprint: (key: PublicKey) => string
  }
>()("byteback/services/AuthorizedKeys") {
  static readonly layer = Layer.effect(
    AuthorizedKeys,
    Effect.gen(function* () {
      const layout = yield* Layout
      const files = yield* SystemFile
      const lock = yield* Lock
      const path = join(layout.config, "authorized_keys")
      const lockPath = join(layout.run, "authorized_keys.lock")

      const list = Effect.map(files.read(path), (text) => parseKeyFile(text ?? ""))

      const update = Effect.fn("AuthorizedKeys.update")(function* <A, E, R>(
        change: (file: KeyFile) => Effect.Effect<readonly [KeyFile, A], E, R>
      ) {
        yield* files.directory(layout.run, 0o700)
        const patience = yield* AuthorizedKeysPatience
        yield* Effect.retry(lock.take(lockPath, "a change of the authorized keys"), {
          schedule: patience,
          while: (error) => error._tag === "Locked"
        })
        const before = (yield* files.read(path)) ?? ""
        const [after, answer] = yield* change(parseKeyFile(before))
        const text = formatKeyFile(after)
        if (text !== before) {
          yield* files.directory(dirname(path), 0o755)
          yield* files.write(path, text, 0o644)
        }
        return answer
      }, Effect.scoped)

      return AuthorizedKeys.of({ list, update, fingerprint })
    })
  )

  /** A stand-in: the same, on a file in memory. */
  static readonly layerFake = AuthorizedKeys.layer.pipe(Layer.provide([SystemFile.layerFake, Lock.layerFake]))
}

/** OpenSSH's fingerprint of a key's base64. */
export const fingerprintOf = (blob: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64").replace(/=+$/, "")}`

const fingerprint = (key: PublicKey): string => fingerprintOf(key.blob)
