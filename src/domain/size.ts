// Sizes as a scenario writes them: whole bytes, or text such as `500G`.

const units: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40, P: 2 ** 50 }

/** Bytes by powers of 1024; null where it is no size. */
export const parseBytes = (value: string | number): number | null => {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : null
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([KMGTP]?)(?:i?B)?$/i.exec(value.trim())
  if (match === null) return null
  const bytes = Math.floor(Number(match[1]) * units[match[2]!.toUpperCase()]!)
  return Number.isSafeInteger(bytes) ? bytes : null
}
