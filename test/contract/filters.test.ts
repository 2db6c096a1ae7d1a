// What rsync makes of the filter rules, against a naive account of what belongs in a backup.
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fromUint8Array, toUint8Array } from "../../src/domain/byteString.ts"
import { filterRules, rulesText } from "../../src/domain/filters.ts"

/** Names that are patterns, not UTF-8, or hard to write down; some begin like others. */
const names = ["a", "b", "a*", "[b]", "b\\", "\\?", "two\nlines", " caf\u00e9", "#x"]
const escapeMountinfo = (path: string) =>
  path.replaceAll(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`)

const bytes = (path: string) => Buffer.from(toUint8Array(path))

/** The regular files below a directory, as byte strings below it. */
const files = (directory: string): ReadonlyArray<string> =>
  fs.readdirSync(bytes(directory), { encoding: "buffer", withFileTypes: true }).flatMap((entry) => {
    const name = fromUint8Array(entry.name)
    return entry.isDirectory() ? files(`${directory}/${name}`).map((below) => `${name}/${below}`) : [name]
  })

const local = new Set(["ext4", "btrfs"])
const below = (path: string, directory: string) => path.startsWith(`${directory}/`)

describe("rsync, with the rules for a mount table", () => {
  const top = fs.mkdtempSync(join(tmpdir(), "byteback-filters-"))
  const tree = join(top, "tree")
  const out = join(top, "out")

  beforeAll(() => {
    for (const first of names) {
      for (const second of names) {
        fs.mkdirSync(bytes(`${tree}/${first}/${second}`), { recursive: true })
        fs.writeFileSync(bytes(`${tree}/${first}/${second}/file`), "")
      }
      fs.writeFileSync(bytes(`${tree}/${first}/file`), "")
    }
  })
  afterAll(() => fs.rmSync(top, { recursive: true, force: true }))

  it("takes a file just when the last mount that it lies on is on a local disk", () => {
    const name = fc.constantFrom(...names)
    const point = fc.oneof(
      name.map((first) => `${tree}/${first}`),
      fc.tuple(name, name).map(([first, second]) => `${tree}/${first}/${second}`)
    )
    const mounts = fc.array(
      fc.tuple(point, fc.constantFrom("ext4", "btrfs", "tmpfs", "nfs4", "fuse.sshfs", "overlay")),
      {
        maxLength: 12
      }
    )
    fc.assert(
      fc.property(mounts, (table) => {
        const mountinfo = [["/", "overlay"] as const, ...table]
          .map(([at, type], id) => `${id} 1 0:${id} / ${escapeMountinfo(at)} rw shared:1 - ${type} dev rw\n`)
          .join("")
        const rules = filterRules({ mountinfo, sources: [tree], excludes: [], rsyncFilter: [] })
          // the tree lies in /tmp, which is left out of a backup
          .filter((rule) => rule !== "- /tmp/*" && !rule.startsWith("-x"))
        fs.rmSync(out, { recursive: true, force: true })
        execFileSync("rsync", ["-rR", "--filter=merge -", `${tree}/`, `${out}/`], { input: bytes(rulesText(rules)) })

        const types = new Map(table)
        const expected = files(tree).filter((file) => {
          const mount = [...types.keys()]
            .filter((at) => below(`${tree}/${file}`, at))
            .toSorted((a, b) => b.length - a.length)[0]
          return mount === undefined || local.has(types.get(mount) ?? "")
        })
        assert.deepStrictEqual(files(out + tree).toSorted(), expected.toSorted())
      }),
      { numRuns: 40 }
    )
  })
})
