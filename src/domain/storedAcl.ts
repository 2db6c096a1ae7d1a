// POSIX ACLs as rsync's --fake-super keeps them in xattrs (user.rsync.%aacl, %dacl), turned into the text that setfacl and tar read.

/** What stands for an entry that the mode tells. */
const absent = 0x80

const isUser = 0x80000000

const bits = (value: number): string => `${value & 4 ? "r" : "-"}${value & 2 ? "w" : "-"}${value & 1 ? "x" : "-"}`

/**
 * Little-endian words: owner, group, mask, others, then an id and its rights for each named user and group. `mode` fills in what
 * is left out. Null where the bytes are not that.
 */
export const aclText = (bytes: string, mode: number): string | null => {
  if (bytes.length < 16 || bytes.length % 8 !== 0) return null
  const words = Array.from(
    { length: bytes.length / 4 },
    (_, index) =>
      bytes.charCodeAt(4 * index) +
      256 * bytes.charCodeAt(4 * index + 1) +
      65_536 * bytes.charCodeAt(4 * index + 2) +
      16_777_216 * bytes.charCodeAt(4 * index + 3)
  )
  const [owner = 0, group = 0, mask = 0, others = 0, ...named] = words
  if ([owner, group, mask, others].some((value) => value > 7 && value !== absent)) return null
  const entries: Array<{ readonly user: boolean; readonly text: string }> = []
  for (let at = 0; at < named.length; at += 2) {
    const rights = named[at + 1]! % isUser
    if (rights > 7) return null
    const user = named[at + 1]! >= isUser
    entries.push({ user, text: `${user ? "user" : "group"}:${named[at]}:${bits(rights)}` })
  }
  const of = (value: number, shift: number): string => bits(value === absent ? mode >> shift : value)
  const hasMask = mask !== absent || entries.length > 0
  return [
    `user::${of(owner, 6)}`,
    ...entries.filter(({ user }) => user).map(({ text }) => text),
    `group::${of(group, 3)}`,
    ...entries.filter(({ user }) => !user).map(({ text }) => text),
    ...(hasMask ? [`mask::${of(mask, 3)}`] : []),
    `other::${of(others, 0)}`
  ].join(",")
}
