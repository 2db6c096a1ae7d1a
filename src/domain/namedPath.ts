// A path as JSON carries it: text, and its bytes where they are not UTF-8.
import { Base64 } from "effect/encoding"
import { textOfBytes, toUint8Array } from "./byteString.ts"
import { escapeName } from "./escape.ts"

/** `path_b64` is there where the path is not UTF-8; `path` is then escaped. */
export interface NamedPath {
  readonly path: string
  readonly path_b64?: string
}

/** Of a byte string. */
export const namedPath = (bytes: string): NamedPath => {
  const text = textOfBytes(bytes)
  const raw = toUint8Array(bytes)
  return text === null ? { path: escapeName(raw), path_b64: Base64.encode(raw) } : { path: text }
}

/** Printable, whatever the path holds. */
export const shownPath = ({ path, path_b64 }: NamedPath): string => (path_b64 === undefined ? escapeName(path) : path)
