// What the mount table says of the place where the store should be.

/** A mount, as /proc/self/mountinfo has it. `options` are those of the mount and of the filesystem together. */
export interface StoreMount {
  readonly type: string
  readonly options: ReadonlyArray<string>
}

/** mountinfo writes blank, tab, newline and backslash as octal. */
const unescape = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** The mount at exactly this place in the text of /proc/self/mountinfo; the last one is on top. Null where nothing is mounted. */
export const findMount = (mountinfo: string, place: string): StoreMount | null => {
  let found: StoreMount | null = null
  for (const line of mountinfo.split("\n")) {
    const [mount, filesystem] = line.split(" - ", 2)
    const fields = mount?.split(" ") ?? []
    const [type, , superOptions] = filesystem?.split(" ") ?? []
    if (fields[4] === undefined || type === undefined || unescape(fields[4]) !== place) continue
    found = { type, options: [...(fields[5] ?? "").split(","), ...(superOptions ?? "").split(",")] }
  }
  return found
}

/** Why the store cannot be used as it is mounted; null when it can. */
export type StoreTrouble = "not-mounted" | "not-btrfs" | "read-only" | "hosts-may-delete"

/** A host that may delete subvolumes by itself (`user_subvol_rm_allowed`) could delete its history. */
export const storeTrouble = (mount: StoreMount | null): StoreTrouble | null => {
  if (mount === null) return "not-mounted"
  if (mount.type !== "btrfs") return "not-btrfs"
  if (mount.options.includes("user_subvol_rm_allowed")) return "hosts-may-delete"
  return mount.options.includes("ro") ? "read-only" : null
}
