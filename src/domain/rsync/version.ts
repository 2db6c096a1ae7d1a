// What `rsync --version` says of itself.

/** A version as rsync prints it, and whether it was built with ACLs and xattrs. */
export interface RsyncAbilities {
  readonly version: string
  readonly acls: boolean
  readonly xattrs: boolean
}

/** Null where the text is not rsync's. */
export const parseVersion = (text: string): RsyncAbilities | null => {
  const version = /^rsync +version v?(\S+)/.exec(text)?.[1]
  if (version === undefined) return null
  const has = (ability: string) => new RegExp(`(?<!no )\\b${ability}\\b(?!-)`).test(text)
  return { version, acls: has("ACLs"), xattrs: has("xattrs") }
}
