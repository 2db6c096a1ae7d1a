// Sizes as people write them: whole bytes, or text such as `500G` or `500GB`.

const powers = ["", "K", "M", "G", "T", "P"]

/** Bytes, as truncate(1) reads them: `G` and `GiB` by powers of 1024, `GB` by powers of 1000. Null where it is no size. */
export const parseBytes = (value: string | number): number | null => {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : null
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([KMGTP]?)(i?B)?$/i.exec(value.trim())
  if (match === null) return null
  const step = match[3]?.toUpperCase() === "B" ? 1000 : 1024
  const bytes = Math.floor(Number(match[1]) * step ** powers.indexOf(match[2]!.toUpperCase()))
  return Number.isSafeInteger(bytes) ? bytes : null
}
