// The directory that a restore goes to, and the mark that lies in it until the restore has ended.
import { Effect, FileSystem, Schema } from "effect"
import { escapeName } from "../domain/escape.ts"
import type { RestoreOptions } from "./Restore.ts"

/** The directory to restore to cannot be used. Nothing was written. */
export class TargetUnusable extends Schema.TaggedError<TargetUnusable>()("TargetUnusable", {
  path: Schema.String,
  problem: Schema.Literals(["not-empty", "not-writable", "half-restored"]),
  /** the snapshot of the other restore, where that is known */
  begun: Schema.NullOr(Schema.String)
}) {
  override get message() {
    const path = escapeName(this.path)
    switch (this.problem) {
      case "not-empty":
        return `${path} is not empty; nothing was written. Name a new directory with --to, or say with --overwrite what shall happen to the files in it`
      case "half-restored":
        return `${path} holds part of another restore that did not end; nothing was written. Give the same command again${this.begun === null ? "" : `, or with --snapshot ${escapeName(this.begun)},`} to end that one, or name a new directory with --to`
      case "not-writable":
        return `${path} cannot be made or written; nothing was written. Name another directory with --to`
    }
  }
}

/** Lies in a directory for as long as a restore into it has not ended. */
export const unfinished = ".byteback-unfinished"

/** Which restore it was, how its snapshot was asked for, and whether something else lay in the directory: a line each. */
const markOf = (
  { all, excludes, from = "latest", host, includes, paths }: RestoreOptions,
  snapshot: string,
  shared: boolean
): string =>
  [{ snapshot, all, host, paths, includes, excludes }, from, { shared }]
    .map((one) => `${JSON.stringify(one)}\n`)
    .join("")

/** The snapshot that the restore began with that left a mark; null where that was all of them. */
export const beganWith = (mark: string): string | null => /^\{"snapshot":"(?!all")([^"]+)"/.exec(mark)?.[1] ?? null

/** Another restore may not carry on in the same directory; the same may, also where it names the snapshot now. */
export const isSame = (mark: string, options: RestoreOptions, snapshot: string): boolean => {
  const [which, how] = markOf(options, snapshot, false).split("\n")
  const [markedWhich, markedHow] = mark.split("\n")
  return which === markedWhich && (how === markedHow || options.from === snapshot)
}

export const markIn = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readFileString(`${directory}/${unfinished}`), () => "")
})

/**
 * Makes the directory, or takes it where it may be taken, and says which; `shared`: something else lies in it. Leaves the mark in it
 * that takes itself off at the end.
 */
export const prepare = Effect.fnUntraced(function* (path: string, options: RestoreOptions, snapshot: string) {
  const fs = yield* FileSystem.FileSystem
  const unusable =
    (problem: TargetUnusable["problem"], begun: string | null = null) =>
    () =>
      new TargetUnusable({ path, problem, begun })
  const made = !(yield* Effect.orElseSucceed(fs.exists(path), () => false))
  if (made) yield* Effect.mapError(fs.makeDirectory(path, { mode: 0o700 }), unusable("not-writable"))
  const entries = yield* Effect.mapError(fs.readDirectory(path), unusable("not-writable"))
  const begun = entries.includes(unfinished) ? yield* markIn(path) : null
  if (begun !== null && !isSame(begun, options, snapshot)) return yield* unusable("half-restored", beganWith(begun))()
  if (begun === null && entries.length > 0 && options.overwrite === undefined) return yield* unusable("not-empty")()
  yield* Effect.mapError(
    fs.writeFileString(`${path}/${unfinished}`, begun ?? markOf(options, snapshot, entries.length > 0), {
      mode: 0o600
    }),
    unusable("not-writable")
  )
  return { made, shared: begun === null ? entries.length > 0 : begun.includes('{"shared":true}') }
})

/** Takes a directory away if nothing lies in it. */
export const removeEmpty = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const entries = yield* Effect.orElseSucceed(fs.readDirectory(path), () => [""])
  if (entries.length === 0) yield* Effect.ignore(fs.remove(path, { recursive: true }))
})

/** A name below a directory that is free, or that the same restore has begun to fill. */
export const freshName = Effect.fnUntraced(function* (below: string, options: RestoreOptions, snapshot: string) {
  const fs = yield* FileSystem.FileSystem
  for (let number = 1; ; number += 1) {
    const path = `${below === "/" ? "" : below}/byteback-restore-${snapshot}${number === 1 ? "" : `-${number}`}`
    if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) return path
    if (isSame(yield* markIn(path), options, snapshot)) return path
  }
})
