// Whose word counts: the command line, then the environment, then the files, then the defaults.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import {
  defaultIoTimeout,
  mergeSettings,
  type RawSettings,
  settingsOfEnvironment,
  settingsOfFlags
} from "../../src/domain/clientSettings.ts"

const directory = "/etc/byteback"
const from = (where: string, values: { readonly [name: string]: string }): RawSettings =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { where: `${where} ${name}`, value }]))
const merge = (files: RawSettings, environment: RawSettings = {}, commandLine: RawSettings = {}) =>
  mergeSettings({ commandLine, environment, files }, directory)

describe("a client's settings", () => {
  it("have defaults for everything but the destination", () => {
    assert.deepStrictEqual(Result.getOrThrow(merge({})), {
      destination: null,
      excludes: [],
      rsyncFilter: [],
      rsyncFlags: [],
      ioTimeout: defaultIoTimeout,
      keyFile: "/etc/byteback/key",
      knownHosts: "/etc/byteback/known_hosts"
    })
  })

  it("come from the first place that has them, and only excludes add up", () => {
    const place = fc.record(
      {
        destination: fc.constantFrom("a:", "b:", "c:"),
        excludes: fc.constantFrom("/x", "/y\n/z"),
        rsync_filter: fc.constantFrom("- /f", "!"),
        rsync_flags: fc.constantFrom("-z", "--bwlimit=9"),
        io_timeout: fc.constantFrom("60", "600"),
        key: fc.constantFrom("/k1", "/k2"),
        known_hosts: fc.constantFrom("/h1", "/h2")
      },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(place, place, place, (flags, variables, files) => {
        const settings = Result.getOrThrow(merge(from("file", files), from("variable", variables), from("flag", flags)))
        const first = <K extends keyof typeof flags>(name: K) => flags[name] ?? variables[name] ?? files[name]
        assert.strictEqual(settings.destination?.host, first("destination")?.slice(0, -1))
        assert.deepStrictEqual(settings.rsyncFilter, first("rsync_filter")?.split("\n") ?? [])
        assert.deepStrictEqual(settings.rsyncFlags, first("rsync_flags")?.split("\n") ?? [])
        assert.strictEqual(settings.ioTimeout, Number(first("io_timeout") ?? defaultIoTimeout))
        assert.strictEqual(settings.keyFile, first("key") ?? "/etc/byteback/key")
        assert.strictEqual(settings.knownHosts, first("known_hosts") ?? "/etc/byteback/known_hosts")
        const all = [flags, variables, files].flatMap(({ excludes }) => excludes?.split("\n") ?? [])
        assert.deepStrictEqual(settings.excludes, all)
      })
    )
  })

  it("ignore blank lines and comments in lists", () => {
    const settings = Result.getOrThrow(
      merge(from("file", { excludes: "# ours\n\n/srv/scratch\n; old\n", rsync_flags: "\n-z\n" }))
    )
    assert.deepStrictEqual(settings.excludes, ["/srv/scratch"])
    assert.deepStrictEqual(settings.rsyncFlags, ["-z"])
  })

  it("keep the bytes of an exclude that is not UTF-8", () => {
    assert.deepStrictEqual(Result.getOrThrow(merge(from("file", { excludes: "/caf\u00e9\n" }))).excludes, [
      "/caf\u00e9"
    ])
  })

  const bad: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["destination", "nowhere", /colon/],
    ["io_timeout", "soon", /whole number of seconds/],
    ["io_timeout", "0", /whole number of seconds/],
    ["io_timeout", "-5", /whole number of seconds/],
    ["rsync_flags", "--bwlimit 1000", /a value after =/],
    ["rsync_flags", "bwlimit", /no rsync option/],
    ["rsync_flags", "-e/bin/sh", /belongs to byteback/],
    ["rsync_flags", "-ze", /belongs to byteback/],
    ["rsync_flags", "--rsh=/bin/sh", /belongs to byteback/],
    ["rsync_flags", "--rsync-path=x", /belongs to byteback/],
    ["rsync_flags", "-s", /belongs to byteback/],
    ["rsync_flags", "-M--log-file=/x", /belongs to byteback/],
    ["key", "relative", /absolute path/],
    ["key", '/a"b', /absolute path/]
  ]
  for (const [name, value, why] of bad) {
    it(`refuse ${name} ${JSON.stringify(value)} and say where it stands`, () => {
      const result = merge(from("file", { [name]: value }))
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) {
        assert.match(result.failure.message, why)
        if (name !== "destination") assert.match(result.failure.message, new RegExp(`^file ${name}: `))
        assert.strictEqual(result.failure.exit, "usage")
      }
    })
  }

  it("are not judged where a better place has its word", () => {
    assert.strictEqual(
      Result.getOrThrow(merge(from("file", { io_timeout: "soon" }), {}, from("flag", { io_timeout: "5" }))).ioTimeout,
      5
    )
  })

  it("are named by variable and by flag", () => {
    assert.deepStrictEqual(settingsOfEnvironment({ BYTEBACK_IO_TIMEOUT: "60", BYTEBACK_KEY: "", PATH: "/bin" }), {
      io_timeout: { where: "BYTEBACK_IO_TIMEOUT", value: "60" }
    })
    assert.deepStrictEqual(settingsOfFlags({ io_timeout: "60", key: undefined }), {
      io_timeout: { where: "--io-timeout", value: "60" }
    })
  })
})
