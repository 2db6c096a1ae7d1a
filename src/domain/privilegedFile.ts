// Files that can give rights to whoever runs or opens them, as `find -printf '%y%p\0'` names them.

export interface PrivilegedFile {
  readonly kind: "setuid" | "device"
  /** a byte string */
  readonly path: string
}

/** Regular files were chosen for their setuid or setgid bit, all others are devices. */
export const readPrivileged = (text: string): ReadonlyArray<PrivilegedFile> =>
  text
    .split("\0")
    .filter((entry) => entry.length > 1)
    .map((entry) => ({ kind: entry.startsWith("f") ? "setuid" : "device", path: entry.slice(1) }))
