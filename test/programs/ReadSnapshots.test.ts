// What a client makes of an answer: whole rows whatever the pieces, and never a cut one that looks whole.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Stream } from "effect"
import fc from "fast-check"
import type { Reading } from "../../src/domain/request/reading.ts"
import type { SnapshotRef } from "../../src/domain/snapshotName.ts"
import { readRows } from "../../src/programs/ReadSnapshots.ts"
import { BackupServer, PathMissing } from "../../src/services/BackupServer.ts"
import { ClientConfig } from "../../src/services/ClientConfig.ts"
import { SshError } from "../../src/services/Ssh.ts"

const latest = "latest" as SnapshotRef
const ls = { _tag: "ls", snapshot: latest, path: "etc", details: false, recursive: false, most: 10 } as const

const entry = (path: string) => ({ _tag: "entry", path, type: null })
const end = (rows: number) => ({ _tag: "end", rows, cut: null })
const text = (...rows: ReadonlyArray<object>) => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

const pieces = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))

/** The rows of an answer that comes in these pieces. */
const rowsOf = (answers: (request: Reading) => ReadonlyArray<Uint8Array> | null) =>
  readRows({ settings: {}, host: "web", request: ls }).pipe(
    Stream.runFold(
      (): ReadonlyArray<object> => [],
      (all, some) => [...all, ...some]
    ),
    Effect.provide(
      Layer.mergeAll(
        ClientConfig.layerFake(),
        BackupServer.layerFake({
          read: (request, onAnswer) => {
            const given = answers(request)
            return given === null ? Effect.fail(new PathMissing()) : Effect.forEach(given, onAnswer, { discard: true })
          }
        })
      )
    )
  )

describe("an answer", () => {
  it.live("is the same rows in pieces of any size", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: "grapheme" }), { maxLength: 10 }),
          fc.integer({ min: 1, max: 40 }),
          (names, size) => {
            const rows = [...names.map((name) => entry(`/etc/${name}`)), end(names.length)]
            return Effect.runPromise(
              Effect.map(
                rowsOf(() => pieces(text(...rows), size)),
                (found) =>
                  assert.deepStrictEqual(
                    found.map((one) => ({ ...one })),
                    rows
                  )
              )
            )
          }
        ),
        { numRuns: 50 }
      )
    )
  )

  it.live("that ends without its trailer has failed, and so has one with anything else in it", () =>
    Effect.gen(function* () {
      const reasonOf = (bytes: Uint8Array) =>
        Effect.map(Effect.flip(rowsOf(() => pieces(bytes, Math.max(7, bytes.length >> 6)))), (error) =>
          "reason" in error ? error.reason : error._tag
        )
      assert.strictEqual(yield* reasonOf(text(entry("/etc/a"))), "ended")
      assert.strictEqual(yield* reasonOf(Buffer.from("")), "ended")
      assert.strictEqual(yield* reasonOf(text(entry("/etc/a"), end(1)).subarray(0, -1)), "ended")
      for (const odd of [
        text({ _tag: "run" }, end(1)),
        text(end(0), entry("/etc/a")),
        text(entry("/etc/a"), end(2)),
        text(...Array.from({ length: 11 }, (_, at) => entry(`/etc/${at}`)), end(11)),
        text(entry("/a"), end(1)),
        text(entry("/etcetera"), end(1)),
        text({ ...entry("/etc/?"), path_b64: Buffer.from("/root/\xff", "latin1").toString("base64") }, end(1)),
        text({ ...entry("/etc/a"), _tag: "found", first: "a", last: "a", snapshots: 1 }, end(1)),
        text({ _tag: "version", first: "a", last: "a", snapshots: 1, type: "f" }, end(1)),
        Buffer.from("\n"),
        Buffer.from("x".repeat(1 << 20))
      ])
        assert.strictEqual(yield* reasonOf(odd), "not-understood")
    })
  )

  it.live("whose connection is lost after some of it says that it is not all", () =>
    Effect.gen(function* () {
      const lost = new SshError({ reason: "lost", subject: "server", exitCode: 255, stderr: "" })
      const after = (...some: ReadonlyArray<Uint8Array>) =>
        readRows({ settings: {}, host: "web", request: ls }).pipe(
          Stream.runDrain,
          Effect.flip,
          Effect.provide(
            Layer.mergeAll(
              ClientConfig.layerFake(),
              BackupServer.layerFake({
                read: (_, onAnswer) => Effect.andThen(Effect.forEach(some, onAnswer), Effect.fail(lost))
              })
            )
          )
        )
      assert.match(
        (yield* after(text(entry("/etc/a")))).message,
        /in the middle .*server: the connection was lost.*not all/
      )
      assert.strictEqual((yield* after())._tag, "SshError")
    })
  )

  it.live("to a path that is not there says which snapshot had it last", () =>
    Effect.gen(function* () {
      const version = { _tag: "version", first: "a", last: "2026-01-02T00:00+0000", snapshots: 2, type: "f" }
      const gone = { _tag: "absent", first: "c", last: "d", snapshots: 1 }
      const had = yield* Effect.flip(
        rowsOf((request) => (request._tag === "history" ? [text(version, gone, end(2))] : null))
      )
      assert.include(had.message, "/etc is not in latest; the last snapshot that has it is 2026-01-02T00:00+0000")
      const never = yield* Effect.flip(rowsOf(() => null))
      assert.include(never.message, "/etc is not in latest, and in no snapshot")
    })
  )

  it.live("waits for whoever reads it", () =>
    Effect.gen(function* () {
      let sent = 0
      const read = readRows({ settings: {}, host: "web", request: ls }).pipe(
        Stream.take(1),
        Stream.runDrain,
        Effect.provide(
          Layer.mergeAll(
            ClientConfig.layerFake(),
            BackupServer.layerFake({
              read: (_, onAnswer) =>
                Effect.forever(
                  Effect.suspend(() => {
                    sent += 1
                    return onAnswer(text(entry("/etc/a")))
                  })
                )
            })
          )
        ),
        Effect.timeout("10 seconds")
      )
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(read)))
      assert.isBelow(sent, 100)
    })
  )
})
