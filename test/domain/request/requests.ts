// Arbitrary requests for property tests, drawn from the grammar and not from the code that reads it.
import * as fc from "fast-check"
import type { Request } from "../../../src/domain/request/request.ts"
import type { SnapshotRef } from "../../../src/domain/snapshotName.ts"

const pad = (size: number, most: number) => fc.integer({ min: 0, max: most }).map((n) => `${n}`.padStart(size, "0"))

export const snapshot: fc.Arbitrary<SnapshotRef> = fc
  .oneof(
    fc.constantFrom("current", "latest"),
    fc
      .record({
        day: fc.date({ min: new Date("1971-01-01"), max: new Date("2199-01-01"), noInvalidDate: true }),
        sign: fc.constantFrom("+", "-"),
        hours: pad(2, 13),
        minutes: pad(2, 59)
      })
      .map(({ day, hours, minutes, sign }) => `${day.toISOString().slice(0, 16)}${sign}${hours}${minutes}`)
  )
  .map((name) => name as SnapshotRef)

/** Characters that make trouble for whoever reads them as something else. */
const char = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."abcXYZ019._-+%@,: =\\'\"`$;&|<>(){}*?[]!#~^") },
  { weight: 1, arbitrary: fc.constantFrom("é", "日", "🦀", "\u202E", "\u0085") }
)

const part = fc.string({ unit: char, minLength: 1, maxLength: 12 }).filter((text) => text !== "." && text !== "..")

/** A path in its normal form. */
const path = (unit: fc.Arbitrary<string>) =>
  fc.oneof(
    fc.constant("."),
    fc
      .tuple(fc.array(unit, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([parts, slash]) => parts.join("/") + (slash ? "/" : ""))
  )

/** What quoted-printable carries besides. */
const oldPart = fc.oneof(part, fc.constantFrom("a\nb", "\x1b[2J", "\uFFFD", "\t", "\x7f"))

const int = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 999_999_999 })).map(String)

const flag = (name: string) => fc.constant({ name })
const valued = (name: string, value: fc.Arbitrary<string>) => value.map((text) => ({ name, value: text }))

const both = [
  ...["--numeric-ids", "--inplace", "--partial", "--stats", "--new-compress", "--old-compress", "--from0"].map(flag),
  ...["--specials", "--no-specials"].map(flag),
  valued("--files-from", fc.constant("-")),
  valued("--bwlimit", int),
  valued("--compress-choice", fc.constantFrom("zstd", "lz4", "zlib", "zlibx", "none")),
  valued("--compress-level", fc.integer({ min: -999, max: 999 }).map(String)),
  valued("--checksum-choice", fc.constantFrom("xxh128", "xxh3", "xxh64", "md5", "sha1", "auto")),
  valued("--log-format", fc.constantFrom("%i", "X", "%o")),
  valued("--modify-window", fc.constant("-1"))
]
const pushOnly = [
  ...["", "-before", "-during", "-delay", "-after", "-excluded", "-missing-args"].map((when) => `--delete${when}`),
  ..."--force --ignore-errors --fsync --existing --ignore-existing --size-only --no-implied-dirs --no-W".split(" ")
].map(flag)

type Option = { readonly name: string; readonly value?: string }

const transfer = (options: ReadonlyArray<fc.Arbitrary<Option>>) =>
  fc
    .record({
      letters: fc.shuffledSubarray([..."vvvlHogDtpAXrRSxxzWcIJOUuEnm"]).map((letters) => letters.join("")),
      client: fc.constantFrom("", ".", ".iLsfxCIvu", ".LsfxCIvu", "31.14.iLsf", "32.1iLsfxC"),
      options: fc.uniqueArray(fc.oneof(...options), { selector: ({ name }) => name }),
      timeout: fc.option(fc.integer({ min: 1, max: 999_999_999 }), { nil: undefined })
    })
    .map(({ timeout, ...rest }) => (timeout === undefined ? rest : { ...rest, timeout }))

const pushed = transfer([...both, ...pushOnly, valued("--max-delete", int)])
const pulled = transfer([...both, ...["--ignore-missing-args", "--list-only"].map(flag)])

const old = fc.record({
  snapshot: fc.oneof(snapshot, fc.constantFrom("*" as const, "saved-do-not-delete" as SnapshotRef)),
  all: fc.boolean(),
  paths: fc.array(path(oldPart), { minLength: 1, maxLength: 4 })
})

export const push = pushed.map((rest) => ({ _tag: "Push" as const, ...rest }))

export const pull = fc
  .record({
    at: fc.option(snapshot, { nil: undefined }),
    paths: fc.array(path(part), { minLength: 1, maxLength: 4 }),
    rest: pulled
  })
  .map(({ at, paths, rest }) => ({
    _tag: "Pull" as const,
    ...rest,
    paths: paths.map((one) => (at === undefined ? { path: one } : { snapshot: at, path: one }))
  }))

export const restore = fc
  .record({ old, rest: pulled })
  .map(({ old: { paths, ...how }, rest }) => ({ _tag: "Restore" as const, ...how, ...rest, paths }))

const secluded = fc
  .record({
    of: fc.oneof(
      fc.constantFrom({ _tag: "Push" as const }, { _tag: "Pull" as const }),
      old.map(({ all, snapshot: at }) => ({ _tag: "Restore" as const, snapshot: at, all }))
    ),
    rest: pushed
  })
  .map(({ of, rest: { client, letters } }) => ({ _tag: "Secluded" as const, of, letters, client }))

export const request: fc.Arbitrary<Request> = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }).map((json) => ({ _tag: "Typed" as const, json })),
  fc.record({ _tag: fc.constantFrom("Ping" as const, "Complete" as const), verbose: fc.boolean() }),
  fc
    .record({ old, verbose: fc.boolean() })
    .map(({ old: how, verbose }) => ({ _tag: "List" as const, ...how, verbose })),
  push,
  pull,
  restore,
  secluded
)
