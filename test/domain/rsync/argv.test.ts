// rsync's command lines. (What the server sees of them: test/contract/Rsync.test.ts.)
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { pathList, pullArgv, type PullPlan } from "../../../src/domain/rsync/pullArgv.ts"
import { pushArgv, type PushPlan } from "../../../src/domain/rsync/pushArgv.ts"
import { isSnapshotRef } from "../../../src/domain/snapshotName.ts"

const server = { rsh: "ssh -F /tmp/x/config -T", alias: "byteback-server" }
const push: PushPlan = {
  server,
  sources: ["/"],
  rules: [],
  acls: true,
  xattrs: true,
  ioTimeout: 10_800,
  flags: [],
  dryRun: false,
  progress: false,
  itemize: false
}
const latest = "latest"
assert(isSnapshotRef(latest))
const pull: PullPlan = {
  server,
  snapshot: latest,
  paths: ["/etc"],
  destination: "/tmp/out",
  acls: true,
  xattrs: true,
  devices: false,
  ioTimeout: 300,
  dryRun: false,
  progress: false,
  itemize: false
}

describe("a push", () => {
  it("never loses what keeps a backup whole and safe, whatever flags an administrator adds", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^--[a-z]{1,8}$/)), (flags) => {
        const argv = pushArgv({ ...push, flags })
        for (const option of [
          "--archive",
          "--hard-links",
          "--acls",
          "--xattrs",
          "--numeric-ids",
          "--relative",
          "--delete-during",
          "--delete-excluded",
          "--inplace",
          "--filter=merge -",
          "--rsync-path=byteback-push --protocol=1"
        ]) {
          assert.include(argv, option)
        }
        assert.deepStrictEqual(argv.slice(-3), ["--", "/", "byteback-server:."])
      })
    )
  })
  it("leaves out ACLs and xattrs that the local rsync does not know", () => {
    const argv = pushArgv({ ...push, acls: false, xattrs: false })
    assert.notInclude(argv, "--acls")
    assert.notInclude(argv, "--xattrs")
  })
})

describe("a pull", () => {
  it("makes devices only when asked", () => {
    assert.include(pullArgv(pull), "--no-devices")
    assert.notInclude(pullArgv({ ...pull, devices: true }), "--no-devices")
  })
  it("lists paths below the snapshot's root, and never one above it", () => {
    const path = fc
      .array(fc.constantFrom("/", "..", ".", "a", "-b", " ", "\n", "\u00ff", "*"), { maxLength: 6 })
      .map((parts) => parts.join(""))
    fc.assert(
      fc.property(fc.array(path, { minLength: 1 }), (paths) => {
        const list = pathList(paths)
        const climbs = paths.some((one) => one.split("/").includes(".."))
        assert.strictEqual(list === null, climbs)
        if (list === null) return
        const listed = list.split("\0")
        assert.strictEqual(listed.pop(), "")
        assert.strictEqual(listed.length, paths.length)
        for (const one of listed) assert.notMatch(one, /^\/|^$/)
      })
    )
    assert.strictEqual(pathList(["/", "/etc//ssh/", "./a"]), ".\0etc/ssh\0a\0")
    assert.isNull(pathList(["/a\0b"]))
  })
  it("holds the server to what was asked for", () => {
    const rules = (...paths: ReadonlyArray<string>) =>
      pullArgv({ ...pull, paths }).filter((word) => /^--(include|exclude)=/.test(word))
    assert.deepStrictEqual(rules("/"), [])
    assert.deepStrictEqual(rules("/etc", "/"), [])
    assert.deepStrictEqual(rules("/etc//ssh/", "/etc/a*b\\c", "/x\\y", "/\u00ff"), [
      "--include=/etc/",
      "--include=/etc/ssh",
      "--include=/etc/ssh/**",
      "--include=/etc/a\\*b\\\\c",
      "--include=/etc/a\\*b\\\\c/**",
      "--include=/x\\y",
      "--include=/x\\\\y/**",
      "--include=/?",
      "--include=/?/**",
      "--exclude=*"
    ])
    const many = Array.from({ length: 5000 }, (_, index) => `/home/${index}`)
    assert.deepStrictEqual(rules(...many), ["--include=/home/", "--include=/home", "--include=/home/**", "--exclude=*"])
  })
})
