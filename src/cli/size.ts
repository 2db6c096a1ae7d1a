// Sizes as people give them in a flag: `500G`, `2TB`, `1500M`, or plain bytes.
import { Option } from "effect"
import { Flag } from "effect/cli"
import { parseBytes } from "../domain/size.ts"

/** Bytes above 0; none where the text is no size. */
export const parseSize = (text: string): Option.Option<number> => Option.fromNullishOr(parseBytes(text) || null)

/** A flag whose value is a size. */
export const sizeFlag = (name: string) =>
  Flag.String(name).pipe(
    Flag.filterMap(parseSize, (text) => `Expected a size such as 500G, got ${JSON.stringify(text)}`)
  )
