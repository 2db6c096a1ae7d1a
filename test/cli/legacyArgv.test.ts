// The old commands, as administrators have them in their fingers and crontabs.
import { assert, describe, it } from "@effect/vitest"
import { legacyArgv } from "../../src/cli/legacyArgv.ts"

describe("an old command", () => {
  it.each([
    ["byteback", ["clients"], ["clients"]],
    ["byteback", ["backup", "--source", "/a", "/b", "-v"], ["backup", "--source", "/a", "--source", "/b", "-v"]],
    ["byteback-backup", ["--verbose"], ["backup", "--verbose"]],
    [
      "byteback-backup",
      ["--source", "/a", "/b", "--exclude", "x", "y", "--retry-number", "2"],
      ["backup", "--source", "/a", "--source", "/b", "--exclude", "x", "--exclude", "y", "--retry-number", "2"]
    ],
    ["byteback-setup-client", ["--destination", "b@h:"], ["setup-client", "--destination", "b@h:"]],
    ["byteback-restore", ["--restore", "/etc"], ["restore", "/etc"]],
    ["byteback-restore", ["--list"], ["snapshots"]],
    ["byteback-restore", ["--list", "--verbose", "--all", "--json"], ["snapshots", "--json"]],
    ["byteback-restore", ["--list", "/etc/fstab"], ["history", "/etc/fstab"]],
    ["byteback-restore", ["--snapshot", "*", "--list", "--all", "/etc"], ["history", "/etc"]],
    ["byteback-restore", ["--list", "--snapshot", "latest", "/etc"], ["ls", "-l", "latest:/etc"]],
    ["byteback-restore", ["--list", "--snapshot", "latest"], ["snapshots"]],
    ["byteback-snapshot", ["--root", "/byteback/web"], ["snapshot", "--root", "/byteback/web"]]
  ])("%s %j means byteback %j", (name, args, expected) => {
    assert.deepStrictEqual(legacyArgv(name, args), expected)
  })
})
