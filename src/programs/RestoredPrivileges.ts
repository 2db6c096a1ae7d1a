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

const kinds = ["(", "-type", "f", "-perm", "/6000", "-o", "-type", "b", "-o", "-type", "c", ")"]
const look = [...kinds, "-printf", "%y%p\\0"]
/** xargs adds names at the end, where find takes none. */
const lookAtEach = `exec find "$@" -maxdepth 0 ${look.map((word) => `'${word}'`).join(" ")}`
const capability = ["--physical", "--no-dereference", "--absolute-names", "--match=^security\\.capability$", "--"]

const command = (where: Where): Record<"find" | "getfattr", readonly [string, ...ReadonlyArray<string>]> => {
  if ("below" in where) {
    return {
      find: ["find", ...where.below, "-xdev", ...look],
      getfattr: ["getfattr", "--recursive", ...capability, ...where.below]
    }
  }
  const each = ["xargs", "-0", "-r", "-a", where.listed] as const
  return { find: [...each, "sh", "-c", lookAtEach, "find"], getfattr: [...each, "getfattr", ...capability] }
}

/** What cannot be looked at does not count. */
export const restoredPrivileges = Effect.fn("restoredPrivileges")(function* (where: Where) {
  const exec = yield* Exec
  const { find, getfattr } = command(where)
  let setuid = 0
  let devices = 0
  let capabilities = 0
  const first: Record<"setuid" | "device" | "capable", Array<string>> = { setuid: [], device: [], capable: [] }
  const note = (kind: keyof typeof first, path: string) => {
    if (first[kind].length < told) first[kind].push(path)
  }

  /** Reads what ends in `end` as it comes, since a server decides how much there is to tell. Is there such a program? */
  const read = ([program, ...args]: typeof find, end: string, take: (text: string) => void) => {
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
  yield* read(find, "\0", (text) => {
    for (const { kind, path } of readPrivileged(text)) {
      if (kind === "setuid") setuid += 1
      else devices += 1
      note(kind === "setuid" ? "setuid" : "device", path)
    }
  })
  const looked = yield* read(getfattr, "\n", (text) => {
    for (const [, path = ""] of text.matchAll(/^# file: (.+)$/gm)) {
      capabilities += 1
      note("capable", path)
    }
  })
  const result: RestoredPrivileges = {
    setuid,
    devices,
    capabilities: looked ? capabilities : null,
    first: [...first.setuid, ...first.device, ...first.capable].map((path) => textOfBytes(path) ?? path)
  }
  return result
})
