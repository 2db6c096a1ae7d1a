// Programs on real directories: the contract, and which places are looked at.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Programs } from "../../src/services/Programs.ts"
import { ProgramsSite, suite } from "../services/Programs.contract.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "byteback-programs-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true }))
)

const program = (path: string, mode = 0o755) => {
  writeFileSync(path, "#!/bin/sh\n")
  chmodSync(path, mode)
}

/** The programs of a process that was started with this PATH. */
const startedWith = (path: string | undefined) => {
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env["PATH"]
    else process.env["PATH"] = value
  }
  return Layer.unwrap(
    Effect.acquireRelease(
      Effect.sync(() => {
        const before = process.env["PATH"]
        set(path)
        return before
      }),
      (before) => Effect.sync(() => set(before))
    ).pipe(Effect.as(Programs.layer))
  )
}

suite(
  "real directories",
  Layer.unwrap(
    Effect.map(directory, (top) => {
      program(join(top, "own-tool"))
      mkdirSync(join(top, "own-directory"))
      program(join(top, "own-text"), 0o644)
      symlinkSync("/nonexistent", join(top, "own-dangling"))
      symlinkSync("own-tool", join(top, "own-link"))
      return Layer.merge(
        startedWith(top),
        Layer.succeed(ProgramsSite, {
          there: ["sh", "useradd", "own-tool", "own-link"],
          missing: ["own-nothing", "own-directory", "own-text", "own-dangling"]
        })
      )
    })
  )
)

describe("a program", () => {
  const found = (name: string, path: string | undefined) =>
    Effect.flatMap(Programs, ({ find }) => find(name)).pipe(Effect.provide(startedWith(path)))

  it.live("is taken from the first place of PATH that has it", () =>
    Effect.gen(function* () {
      const top = yield* directory
      for (const place of ["first", "second", "third"]) mkdirSync(join(top, place))
      mkdirSync(join(top, "first/tool"))
      for (const place of ["second", "third"]) program(join(top, place, "tool"))
      const path = ["first", "second", "third"].map((place) => join(top, place)).join(":")
      assert.strictEqual(yield* found("tool", path), join(top, "second/tool"))
    }).pipe(Effect.scoped)
  )

  it.live("for root is found with a user's PATH, and with none", () =>
    Effect.gen(function* () {
      for (const path of ["/usr/bin:/bin", "", undefined]) {
        assert.match((yield* found("useradd", path)) ?? "", /^\/(?:usr\/)?sbin\/useradd$/)
      }
    })
  )

  it.live("is never taken from a place that depends on where the process runs", () =>
    Effect.gen(function* () {
      const top = yield* directory
      const before = process.cwd()
      program(join(top, "tool"))
      yield* Effect.acquireRelease(
        Effect.sync(() => process.chdir(top)),
        () => Effect.sync(() => process.chdir(before))
      )
      for (const path of [".", "", ":/usr/bin", `${top.slice(1)}:./`]) assert.isNull(yield* found("tool", path))
    }).pipe(Effect.scoped)
  )
})
