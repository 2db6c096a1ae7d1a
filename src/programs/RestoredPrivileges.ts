// What a restore brought back that can give somebody rights on this machine: setuid and setgid files, capabilities, devices.
import { Effect, Schema } from "effect"
import { fromUint8Array } from "../domain/byteString.ts"
import { unquote } from "../domain/getfattr.ts"
import { namedPath, shownPath } from "../domain/namedPath.ts"
import { readPrivileged } from "../domain/privilegedFile.ts"
import { Exec } from "../services/Exec.ts"

/** How many there are of each kind, and the paths of the first of each. `capabilities` null: this machine has no getfattr to look. */
export const RestoredPrivileges = Schema.Struct({
  setuid: Schema.Int,
  devices: Schema.Int,
  capabilities: Schema.NullOr(Schema.Int),
  first: Schema.Array(Schema.Struct({ path: Schema.String, path_b64: Schema.optionalKey(Schema.String) }))
})
export type RestoredPrivileges = typeof RestoredPrivileges.Type

/** All below an absolute path, where little but the restore's own lies; or the absolute names in a file, each ended by NUL. */
type Where = { readonly below: string } | { readonly listed: string }

/** So many of each kind are named. */
const told = 20

const privileged = [
  ...["(", "-type", "f", "-perm", "/6000", "-o", "-type", "b", "-o", "-type", "c", ")"],
  ...["-printf", "%y%p\\0"]
]

type Command = readonly [string, ...ReadonlyArray<string>]

/** xargs adds names at the end, where find takes none. */
const find = (where: Where): Command =>
  "below" in where
    ? ["find", where.below, ...privileged]
    : [
        ...(["xargs", "-0", "-r", "-a", where.listed, "sh", "-c"] as const),
        `exec find "$@" -maxdepth 0 ${privileged.map((word) => `'${word}'`).join(" ")}`,
        "find"
      ]

/** Of a whole tree getfattr itself walks it, in two thirds of the time that it takes with every name given to it. */
const getfattr = (where: Where): Command => {
  const words = ["--no-dereference", "--absolute-names", "--match=^security\\.capability$"]
  return "below" in where
    ? ["getfattr", "--recursive", "--physical", ...words, "--", where.below]
    : ["xargs", "-0", "-r", "-a", where.listed, "getfattr", ...words, "--"]
}

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
  const read = ([program, ...args]: Command, end: string, take: (text: string) => void) => {
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
  const setuidOrDevice = read(find(where), "\0", (text) => {
    for (const { kind, path } of readPrivileged(text)) {
      if (kind === "setuid") setuid += 1
      else devices += 1
      note(kind === "setuid" ? "setuid" : "device", path)
    }
  })
  const capable = read(getfattr(where), "\n", (text) => {
    for (const [, path = ""] of text.matchAll(/^# file: (.+)$/gm)) {
      capabilities += 1
      note("capable", unquote(path))
    }
  })
  const canLook = Effect.isSuccess(exec.run("getfattr", ["--version"]))
  const [looked] = yield* Effect.all([canLook, setuidOrDevice, capable], { concurrency: "unbounded" })
  const result: RestoredPrivileges = {
    setuid,
    devices,
    capabilities: looked ? capabilities : null,
    first: [...first.setuid, ...first.device, ...first.capable].map(namedPath)
  }
  return result
})

/** What there is to be said of them; nothing where there are none. */
export const rightsLines = ({ capabilities, devices, first, setuid }: RestoredPrivileges): ReadonlyArray<string> => {
  if (first.length === 0) return []
  const counts = `${setuid} setuid or setgid files, ${capabilities ?? "no known"} with capabilities, ${devices} devices`
  const more = setuid + devices + (capabilities ?? 0) - first.length
  return [
    `what was restored holds ${counts}; look at them before anybody can`,
    ...first.map(shownPath),
    ...(more > 0 ? [`and ${more} more`] : [])
  ]
}
