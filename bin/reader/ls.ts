// ls: what lies at a path of a snapshot, or in it where it is a directory.
import type { Ls } from "../../src/domain/request/reading.ts"
import { Described } from "./describe.ts"
import { entriesOf, join, lookFor } from "./look.ts"
import { pathFields, Rows } from "./output.ts"

export const ls = ({ details, most, path, recursive }: Ls): void => {
  const found = lookFor(path)
  const rows = new Rows(most)
  const described = new Described(rows)
  const add = (at: string, directory: boolean): void =>
    details ? described.add(at) : rows.add({ _tag: "entry", ...pathFields(at), type: directory ? "d" : null })
  const walk = (directory: string): void => {
    for (const entry of entriesOf(directory)) {
      if (!rows.open) return
      const at = join(directory, entry.name)
      add(at, entry.directory)
      if (recursive && entry.directory) walk(at)
    }
  }
  if (found.isDirectory()) walk(path)
  else add(path, false)
  described.flush()
  rows.end()
}
