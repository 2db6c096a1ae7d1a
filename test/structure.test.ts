// The house: imports point one way, each file says what it is for, and one version stands everywhere.
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { version } from "../src/domain/version.ts"

const top = join(import.meta.dirname, "..")

const sources = (directory: string): ReadonlyArray<string> =>
  readdirSync(join(top, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(top, join(entry.parentPath, entry.name)))

/** A file's room: lower numbers may not import higher ones. */
const rooms = ["src/domain/", "src/services/", "src/programs/", "src/cli/", "src/", "bin/"] as const
const level = (file: string): number => rooms.findIndex((room) => file.startsWith(room))

const imports = (file: string): ReadonlyArray<string> =>
  [
    ...readFileSync(join(top, file), "utf8").matchAll(
      /^(?:import|export|\})(?:[^"\n]* from)? ?"([^"\n]+)"$|import\("([^"]+)"\)/gm
    )
  ].map(([, named, dynamic]) => named ?? dynamic!)

const resolved = (file: string, name: string): string =>
  name.startsWith(".") ? relative(top, join(top, dirname(file), name)) : name

const product = [...sources("src"), ...sources("bin")]

describe("the house", () => {
  it("has imports that point one way: bin > main > cli > programs > services > domain", () => {
    const crossings = product.flatMap((file) =>
      imports(file)
        .map((name) => resolved(file, name))
        .filter((target) => level(target) > level(file))
        .map((target) => `${file} imports ${target}`)
    )
    assert.deepStrictEqual(crossings, [])
  })

  it("keeps domain pure: nothing but itself and effect's core", () => {
    const impure = product
      .filter((file) => file.startsWith("src/domain/"))
      .flatMap((file) => imports(file).map((name) => [file, resolved(file, name)] as const))
      .filter(([, target]) => !target.startsWith("src/domain/") && target !== "effect" && target !== "effect/encoding")
      .map(([file, target]) => `${file} imports ${target}`)
    assert.deepStrictEqual(impure, [])
  })

  it("starts processes in one place", () => {
    const starters = product.filter((file) =>
      imports(file).some((name) => name === "effect/process" || name === "node:child_process")
    )
    assert.deepStrictEqual(
      starters.filter((file) => !file.startsWith("bin/")),
      ["src/services/Exec.ts"]
    )
  })

  it("speaks to the terminal in cli only", () => {
    const speakers = product.filter(
      (file) =>
        level(file) < level("src/cli/") &&
        (imports(file).some((name) => name.startsWith("effect/cli")) ||
          /\bconsole\.|\bConsole\b.* from "effect"|process\.std(in|out|err)/.test(
            readFileSync(join(top, file), "utf8")
          ))
    )
    assert.deepStrictEqual(speakers, [])
  })

  it("says on each file's first line what the file is for", () => {
    const files = [...product, ...sources("test"), ...sources("bench"), ...sources("packaging")]
    const silent = files.filter((file) => {
      const [first = "", second = ""] = readFileSync(join(top, file), "utf8").split("\n")
      return !(first.startsWith("#!") ? second : first).startsWith("// ")
    })
    assert.deepStrictEqual(silent, [])
  })

  it("has no room for odds and ends", () => {
    const odds = product.filter((file) => /(^|\/)(utils?|helpers?|common|misc|shared)(\.|\/)/i.test(file))
    assert.deepStrictEqual(odds, [])
  })

  it("has one version", () => {
    const manifest = JSON.parse(readFileSync(join(top, "package.json"), "utf8")) as { version: string }
    assert.strictEqual(version, manifest.version)
  })
})
