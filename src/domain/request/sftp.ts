// The typed request for a look around by sftp, read-only, over all of a host's snapshots: what byteback mount runs on.
import { encodeBase64url } from "./base64url.ts"

const json = '{"_tag":"sftp"}'

/** The command line that carries it. */
export const sftpLine = `byteback request ${encodeBase64url(new TextEncoder().encode(json))}`

/** It has nothing to tell, so it is spelled in one way only. */
export const isSftpRequest = (text: string): boolean => text === json
