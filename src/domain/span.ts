// Lengths of time as people write them into a file or a flag: `90`, `30m`, `6h`, `7d`.
const units: Record<string, number> = { "": 1, s: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds; null where the text is no length of time or is longer than a century. */
export const parseSpan = (text: string): number | null => {
  const match = /^(\d{1,10}) ?(s|min|m|h|d|w)?$/.exec(text.trim())
  if (match === null) return null
  const seconds = Number(match[1]) * units[match[2] ?? ""]!
  return seconds <= 100 * 366 * 86_400 ? seconds : null
}
