// What the sandbox's command line must always say, and which rsync is let into it.
import { assert, describe, it } from "@effect/vitest"
import { hasKnownHoles, oldestRsync } from "../../src/domain/rsyncHoles.ts"
import { parseSandboxChoice, sandboxArgv, unconfinedArgv } from "../../src/domain/sandbox.ts"

const sandbox = { directory: "/byteback/web/current", access: "read-write", uid: 1_200_000_007 } as const

describe("the sandbox", () => {
  it("binds one directory of the store, writable only for a push", () => {
    const argv = sandboxArgv(sandbox, ["rsync"])
    assert.deepStrictEqual(
      argv.filter((word) => word.startsWith("/byteback")),
      [sandbox.directory]
    )
    assert.strictEqual(argv[argv.indexOf(sandbox.directory) - 1], "--bind")
    const reading = sandboxArgv({ ...sandbox, access: "read-only" }, ["rsync"])
    assert.strictEqual(reading[reading.indexOf(sandbox.directory) - 1], "--ro-bind")
    assert.notInclude(reading, "--bind")
  })

  it("takes every namespace, right and variable away, and dies with its parent", () => {
    const argv = sandboxArgv(sandbox, ["rsync"])
    const isolation = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--clearenv", "--seccomp"]
    const rights = ["--die-with-parent", "--no-new-privs", "--bounding-set=-all", "--clear-groups"]
    for (const word of [...isolation, ...rights, `--reuid=${sandbox.uid}`]) assert.include(argv, word)
    assert.strictEqual(argv.at(-1), "rsync")
  })

  it("takes the rights away also where the administrator wants no sandbox", () => {
    const argv = unconfinedArgv(sandbox.uid, ["rsync"])
    for (const word of ["--no-new-privs", "--bounding-set=-all", "--clear-groups", `--regid=${sandbox.uid}`])
      assert.include(argv, word)
  })

  it("is left out for one word only, and a word that nobody knows is no choice", () => {
    assert.strictEqual(parseSandboxChoice(null), "bubblewrap")
    assert.strictEqual(parseSandboxChoice("bubblewrap"), "bubblewrap")
    assert.strictEqual(parseSandboxChoice("none"), "none")
    for (const word of ["None", "off", "no", "nonee", "0"]) assert.isNull(parseSandboxChoice(word))
  })
})

describe("an rsync", () => {
  it("has known holes below the oldest good version, or where its version cannot be read", () => {
    for (const version of ["3.2.7", "3.4.2", "2.9.9", "3.3.99", "", "x"]) assert.isTrue(hasKnownHoles(version), version)
    for (const version of [oldestRsync, "3.4.10", "3.5.0", "4.0.0"]) assert.isFalse(hasKnownHoles(version), version)
  })
})
