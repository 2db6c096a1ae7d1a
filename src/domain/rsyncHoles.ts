// Which rsync a server should not let strangers talk to.

/** The oldest version without published holes that a hostile client can use, where no distribution has patched its own. */
export const oldestRsync = "3.4.3"

/** True for a version such as `3.2.7` that is older, or that cannot be read. */
export const hasKnownHoles = (version: string): boolean => {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number)
  if (found === undefined) return true
  const oldest = oldestRsync.split(".").map(Number)
  const first = found.findIndex((part, index) => part !== oldest[index])
  return first >= 0 && found[first]! < oldest[first]!
}
