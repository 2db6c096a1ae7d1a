// What a restore brought back that can give somebody rights on this machine: setuid and setgid files, capabilities, devices.
import { Effect, Schema } from "effect"
import { fromUint8Array, textOfBytes } from "../domain/byteString.ts"
import { readPrivileged } from "../domain/privilegedFile.ts"
import { Exec } from "../services/Exec.ts"

/** How many there are of each kind, and the paths of the first of each. `capabilities` null: this machine has no getfattr to look. */
export const RestoredPrivileges = Schema.Struct({
  setuid: Schema.Int,
  devices: Schema.Int,
  capabilities: Schema.NullOr(Schema.Int),
  first: Schema.Array(Schema.String)
})
export type RestoredPrivileges = typeof RestoredPrivileges.Type

/** All below absolute paths, without leaving their filesystems; or the absolute names in a file, each ended by NUL. */
type Where = { readonly below: ReadonlyArray<string> } | { readonly listed: string }

/** So many of each kind are named. */
const told = 20

const setuidOrDevice = ["(", "-type", "f", "-perm", "/6000", "-o", "-type", "b", "-o", "-type", "c", ")"]
const capability = ["--no-dereference", "--absolute-names", "--match=^security\\.capability$", "--"]

const tests = {
  privileged: [...setuidOrDevice, "-printf", "%y%p\\0"],
  capable: ["-type", "f", "-exec", "getfattr", ...capability, "{}", "+"]
} as const

/** xargs adds names at the end, where find takes none. */
const atEach = (words: ReadonlyArray<string>) =>
  `exec find "$@" -maxdepth 0 ${words.map((word) => `'${word}'`).join(" ")}`

const command = (where: Where, words: ReadonlyArray<string>): readonly [string, ...ReadonlyArray<string>] =>
  "below" in where
    ? ["find", ...where.below, "-xdev", ...words]
    : ["xargs", "-0", "-r", "-a", where.listed, "sh", "-c", atEach(words), "find"]

/** What cannot be looked at does not count. */
export const restoredPrivileges = Effect.fn("restoredPrivileges")(function* (where: Where) {
  const exec = yield* Exec
  let setuid = 0
  let devices = 0
  let capabilities = 0
  const first: Record<"setuid" | "device" | "capable", Array<string>> = { setuid: [], device: [], capable: [] }
  const note = (kind: keyof typeof first, path: string) => {
    if (first[kind].length < told) first[kind].push(path)
  }

  /** Reads what ends in `end` as it comes, since a server decides how much there is to tell. */
  const read = (words: ReadonlyArray<string>, end: string, take: (text: string) => void) => {
    const [program, ...args] = command(where, words)
    let rest = ""
    const onStdout = (chunk: Uint8Array) =>
      Effect.sync(() => {
        const text = rest + fromUint8Array(chunk)
        const whole = text.lastIndexOf(end) + 1
        rest = text.slice(whole)
        take(text.slice(0, whole))
      })
    return Effect.ignore(exec.run(program, args, { onStdout }))
  }
  const privileged = read(tests.privileged, "\0", (text) => {
    for (const { kind, path } of readPrivileged(text)) {
      if (kind === "setuid") setuid += 1
      else devices += 1
      note(kind === "setuid" ? "setuid" : "device", path)
    }
  })
  const capable = read(tests.capable, "\n", (text) => {
    for (const [, path = ""] of text.matchAll(/^# file: (.+)$/gm)) {
      capabilities += 1
      note("capable", path)
    }
  })
  const canLook = Effect.isSuccess(exec.run("getfattr", ["--version"]))
  const [looked] = yield* Effect.all([canLook, privileged, capable], { concurrency: "unbounded" })
  const result: RestoredPrivileges = {
    setuid,
    devices,
    capabilities: looked ? capabilities : null,
    first: [...first.setuid, ...first.device, ...first.capable].map((path) => textOfBytes(path) ?? path)
  }
  return result
})
