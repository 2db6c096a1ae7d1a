// What a restore brought back that can give somebody rights on this machine: setuid and setgid files, capabilities, devices.
import { Effect } from "effect"
import { fromUint8Array, textOfBytes } from "../domain/byteString.ts"
import { readPrivileged } from "../domain/privilegedFile.ts"
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
  let setuid = 0
  let devices = 0
  let capabilities = 0
  const first: Array<string> = []
  const note = (found: ReadonlyArray<string>) => void first.push(...found.slice(0, told - first.length))

  /** Reads what ends in `end` as it comes, since a server decides how much there is to tell. Is there such a program? */
  const read = (program: string, args: ReadonlyArray<string>, end: string, take: (text: string) => void) => {
    let rest = ""
    const onStdout = (chunk: Uint8Array) =>
      Effect.sync(() => {
        const text = rest + fromUint8Array(chunk)
        const whole = text.lastIndexOf(end) + 1
        rest = text.slice(whole)
        take(text.slice(0, whole))
      })
    return Effect.orElseSucceed(
      Effect.map(exec.run(program, args, { onStdout }), ({ code }) => code !== 127),
      () => false
    )
  }
  const kinds = ["(", "-type", "f", "-perm", "/6000", "-o", "-type", "b", "-o", "-type", "c", ")"]
  yield* read("find", [...paths, "-xdev", ...kinds, "-printf", "%y%p\\0"], "\0", (text) => {
    const files = readPrivileged(text)
    const own = files.filter(({ kind }) => kind === "setuid").length
    setuid += own
    devices += files.length - own
    note(files.map(({ path }) => path))
  })
  const all = ["--recursive", "--physical", "--no-dereference", "--absolute-names"]
  const looked = yield* read("getfattr", [...all, "--match=^security\\.capability$", "--", ...paths], "\n", (text) => {
    const capable = [...text.matchAll(/^# file: (.+)$/gm)].map(([, path]) => path!)
    capabilities += capable.length
    note(capable)
  })
  const result: RestoredPrivileges = {
    setuid,
    devices,
    capabilities: looked ? capabilities : null,
    first: first.map((path) => textOfBytes(path) ?? path)
  }
  return result
})
