// rsync held to what a restore asks for, whatever its user's rules let in.
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { pullArgv, type PullPlan } from "../../src/domain/rsync/pullArgv.ts"
import { isSnapshotRef } from "../../src/domain/snapshotName.ts"

const files = [
  ...["a/b/c", "a/b/cc", "a/b/c.conf", "a/bb/c", "a/b2", "aa/b/c", "b/c", "c", "etc/ld.so.conf"],
  ...["a/x*y/f", "a/xzy/f", "a/p[q/f", "a/pq/f", "a/back\\slash/f", "a/back/f", "a/ b /f", "a/b /f", "a/!n/f"]
]
const above = (path: string) => path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"))
const everything = [...new Set(files.flatMap(above))]

/** What a list of names is held to: the path, what is below it, and the directories above it. */
const belongs = (paths: ReadonlyArray<string>) => (name: string) =>
  paths.some((path) => name === path || name.startsWith(`${path}/`) || path.startsWith(`${name}/`))

const latest = "latest"
assert(isSnapshotRef(latest))

let root = ""
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "byteback-asked-"))
  for (const file of files) {
    mkdirSync(dirname(join(root, "tree", file)), { recursive: true })
    writeFileSync(join(root, "tree", file), "")
  }
})
afterAll(() => rmSync(root, { recursive: true }))

/** The names that pass the rules of a plan: the same that rsync's receiver holds a sender to. */
const passing = (paths: ReadonlyArray<string>, rules: string, filterIncludes: boolean) => {
  const filterFile = join(root, "rules")
  writeFileSync(filterFile, rules)
  const plan: PullPlan = {
    ...{
      server: { rsh: "ssh", alias: "server" },
      snapshot: latest,
      paths,
      destination: "/out",
      filterFile,
      filterIncludes
    },
    ...{ acls: false, xattrs: false, devices: false, ioTimeout: 1, dryRun: false, progress: false, itemize: false }
  }
  const held = pullArgv(plan).filter((word) => /^--(from0$|(filter|include|exclude)=)/.test(word))
  const listed = execFileSync("rsync", ["-rn", "--out-format=%n", ...held, "tree/", "out/"], { cwd: root })
  return listed
    .toString()
    .trim()
    .split("\n")
    .map((name) => name.replaceAll("\\#134", "\\").replace(/\/$/, ""))
    .filter((name) => name !== "." && name !== "")
    .toSorted()
}

describe("rsync, with the rules of a restore", () => {
  it.each(everything)("lets through %s, what is below it, and nothing that an include lets in beside it", (path) => {
    const wanted = everything.filter(belongs([path])).toSorted()
    assert.deepStrictEqual(passing([`/${path}`], "+ *\n", true), wanted)
    assert.deepStrictEqual(passing([`/${path}`], "- nothing\n", false), wanted)
  })
  it("lets through less where the user's rules say so", () => {
    assert.deepStrictEqual(passing(["/a"], "+ *.conf\n+ b\n- *\n", true), ["a", "a/b", "a/b/c.conf"])
    assert.deepStrictEqual(passing(["/a/b", "/etc"], "- c*\n- ld*\n", false), ["a", "a/b", "etc"])
  })
  it.each([true, false])(
    "lets through the directories above, which have to come, whatever the user's rules are",
    (includes) => {
      assert.deepStrictEqual(passing(["/a/b/c"], "- a\n- b\n", includes), ["a", "a/b", "a/b/c"])
    }
  )
  it("lets nothing more through where several paths are asked for", () => {
    const paths = ["a/b", "etc"]
    const wanted = everything.filter(belongs(paths)).toSorted()
    assert.deepStrictEqual(
      passing(
        paths.map((path) => `/${path}`),
        "+ *\n",
        true
      ),
      wanted
    )
  })
})
