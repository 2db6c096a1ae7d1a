// The threat model's list of attacks, carried out one by one; RESULTS.md beside this is written from what happened.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import { root } from "../e2e/pair.ts"
import { hostileLines, twins } from "./lines.ts"
import { clientDeeds } from "./client.ts"
import { contentDeeds, sandboxDeeds } from "./content.ts"
import { costDeeds } from "./cost.ts"
import { detourDeeds } from "./detours.ts"
import { helperDeeds } from "./helper.ts"
import { layerDeeds } from "./layers.ts"
import { pruneDeeds } from "./prune.ts"
import { serverDeeds } from "./server.ts"
import { laterDeeds, snapshotDeeds } from "./snapshots.ts"
import { sshDeeds } from "./ssh.ts"
import { record, writeResults } from "./results.ts"
import { Siege } from "./siege.ts"

/** rsync's server begins with its protocol's version, four bytes little-endian. */
const isGreeting = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0]! >= 30 && bytes[0]! < 40 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0

const tried = new Map<string, boolean>()

/** A line that the server takes: rsync greets, everything else ends with 0. Each is tried once. */
const works = Effect.fnUntraced(function* (line: string, stdin?: string) {
  const known = tried.get(line)
  if (known !== undefined) return known
  const { send } = yield* Siege
  const { code, stderr, stdoutBytes } = yield* send(line, stdin === undefined ? {} : { stdin })
  const good = findRefusal(stderr) === null && (line.includes("--server") ? isGreeting(stdoutBytes) : code === 0)
  tried.set(line, good)
  return good
})

const deeds = [
  ...sshDeeds,
  ...helperDeeds,
  ...detourDeeds,
  ...sandboxDeeds,
  ...contentDeeds,
  ...layerDeeds,
  ...snapshotDeeds,
  ...pruneDeeds,
  ...laterDeeds,
  ...clientDeeds,
  ...serverDeeds,
  ...costDeeds
]

describe.skipIf(!root)("a hostile client", () => {
  it.layer(Siege.layer, { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("is served where it asks what it may", () =>
      Effect.gen(function* () {
        for (const line of Object.values(twins)) assert.isTrue(yield* works(line), line)
      })
    )

    for (const { area, line, name, says, stdin, twin, twinStdin } of hostileLines)
      it.effect(`${area}: ${name}`, () =>
        Effect.gen(function* () {
          const { send, unharmed } = yield* Siege
          assert.isTrue(yield* works(twin, twinStdin), `its twin works: ${twin}`)
          const { code, stderr, stdout } = yield* send(line, stdin === undefined ? {} : { stdin })
          const refusal = findRefusal(stderr)
          assert.include(refusal?.message ?? stderr, says)
          const expected = says.startsWith("has no snapshot") ? exitCode.failed : exitCode.refused
          assert.deepStrictEqual([code, refusal?.code, stdout], [expected, expected, ""])
          assert.match(stderr, /^[\x20-\x7e\n]*$/, "only printable ASCII")
          yield* unharmed([stdout, stderr])
          record(area, name, `${code}: ${says}`)
        })
      )

    for (const { area, name, run } of deeds)
      it.effect(`${area}: ${name}`, () =>
        Effect.gen(function* () {
          const { unharmed } = yield* Siege
          const { outcome, saw } = yield* run
          yield* unharmed(saw)
          record(area, name, outcome)
        }).pipe(Effect.scoped)
      )

    it.effect("is served still", () =>
      Effect.gen(function* () {
        tried.clear()
        for (const line of Object.values(twins)) assert.isTrue(yield* works(line), line)
      })
    )

    it.effect("has the same table of results as the last time", () =>
      Effect.sync(() => {
        const { before, now } = writeResults(hostileLines.length + deeds.length)
        assert.strictEqual(now, before, "RESULTS.md was written anew; look at the difference and commit it")
      })
    )
  })
})
