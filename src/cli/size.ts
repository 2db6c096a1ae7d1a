// Sizes as people give them in a flag: `500G`, `2T`, `1500M`, or plain bytes.
import { Option } from "effect"
import { Flag } from "effect/cli"

const units: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40, P: 2 ** 50 }

/** Bytes, by powers of 1024; none where the text is no size. */
export const parseSize = (text: string): Option.Option<number> => {
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([KMGTP]?)(?:i?B)?$/i.exec(text.trim())
  const bytes = match === null ? 0 : Math.floor(Number(match[1]) * units[(match[2] ?? "").toUpperCase()]!)
  return bytes > 0 && Number.isSafeInteger(bytes) ? Option.some(bytes) : Option.none()
}

/** A flag whose value is a size. */
export const sizeFlag = (name: string) =>
  Flag.String(name).pipe(
    Flag.filterMap(parseSize, (text) => `Expected a size such as 500G, got ${JSON.stringify(text)}`)
  )
