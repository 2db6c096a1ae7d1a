// The typed request for a look around by sftp, read-only, in one of a host's snapshots or in all: what byteback mount runs on.
import { isSnapshotWord, type SnapshotRef } from "../snapshotName.ts"
import { encodeBase64url } from "./base64url.ts"

/** Null for all of them. */
type Wanted = SnapshotRef | null

const json = (snapshot: Wanted): string => JSON.stringify({ _tag: "sftp", ...(snapshot === null ? {} : { snapshot }) })

/** The command line that carries it. */
export const sftpLine = (snapshot: Wanted): string =>
  `byteback request ${encodeBase64url(new TextEncoder().encode(json(snapshot)))}`

/** It is spelled in one way only; undefined for any other text. */
export const readSftp = (text: string): Wanted | undefined => {
  if (text === json(null)) return null
  const word = /^\{"_tag":"sftp","snapshot":"([^"\\]*)"\}$/.exec(text)?.[1] ?? ""
  return isSnapshotWord(word) && text === json(word) ? word : undefined
}
