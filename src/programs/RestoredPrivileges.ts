// What a restore brought back that can give somebody rights on this machine: setuid and setgid files, capabilities, devices.
import { Effect } from "effect"
import { fromUint8Array, textOfBytes } from "../domain/byteString.ts"
import { type PrivilegedFile, readPrivileged } from "../domain/privilegedFile.ts"
import { Exec } from "../services/Exec.ts"

/** How many there are of each kind, and the paths of the first of them. `capabilities` null: this machine has no getfattr to look. */
export interface RestoredPrivileges {
  readonly setuid: number
  readonly devices: number
  readonly capabilities: number | null
  readonly first: ReadonlyArray<string>
}

const told = 20

/** Walks absolute paths without leaving their filesystems. What cannot be looked at does not count. */
export const restoredPrivileges = Effect.fn("restoredPrivileges")(function* (paths: ReadonlyArray<string>) {
  const exec = yield* Exec
  const kinds = ["(", "-type", "f", "-perm", "/6000", "-o", "-type", "b", "-o", "-type", "c", ")"]
  const run = (program: string, args: ReadonlyArray<string>) =>
    Effect.orElseSucceed(
      Effect.map(exec.run(program, args), ({ code, stdout }) => (code === 127 ? null : fromUint8Array(stdout))),
      () => null
    )
  const [named, listed] = yield* Effect.all(
    [
      run("find", [...paths, "-xdev", ...kinds, "-printf", "%y%p\\0"]),
      run("getfattr", [
        "--recursive",
        "--physical",
        "--no-dereference",
        "--absolute-names",
        "--match=^security\\.capability$",
        "--",
        ...paths
      ])
    ],
    { concurrency: 2 }
  )
  const found = readPrivileged(named ?? "")
  const capable = listed === null ? null : [...listed.matchAll(/^# file: (.+)$/gm)].map(([, path]) => path!)
  const names = [...found.map(({ path }) => path), ...(capable ?? [])].slice(0, told)
  const count = (kind: PrivilegedFile["kind"]) => found.filter((one) => one.kind === kind).length
  const result: RestoredPrivileges = {
    setuid: count("setuid"),
    devices: count("device"),
    capabilities: capable === null ? null : capable.length,
    first: names.map((path) => textOfBytes(path) ?? path)
  }
  return result
})
