// A path as JSON carries it: text, and its bytes where they are not UTF-8.
import { Base64 } from "effect/encoding"
import { bytesOfText, textOfBytes, toUint8Array } from "./byteString.ts"
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

/** The bytes of one that may come from elsewhere, a byte string. */
export const bytesOfNamed = ({ path, path_b64 }: NamedPath): string =>
  path_b64 === undefined ? bytesOfText(path) : atob(path_b64)

/** Printable, whatever the path holds. */
export const shownPath = (named: NamedPath): string => escapeName(toUint8Array(bytesOfNamed(named)))
