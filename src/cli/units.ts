// Sizes, rates and times as people read them.
import { snapshotTime } from "../domain/snapshotName.ts"

const prefixes = ["", "k", "M", "G", "T", "P"] as const

/** Bytes with three digits at most and a decimal prefix: `3.1 GB`. */
export const bytes = (count: number): string => {
  let value = count
  let step = 0
  while (value >= 999.5 && step < prefixes.length - 1) {
    value /= 1000
    step += 1
  }
  return `${step === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${prefixes[step]}B`
}

/** Seconds as `42 s`, `3 min 10 s` or `2 h 5 min`. */
export const duration = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** How long ago something was: `5 minutes ago`, `3 days ago`. */
export const ago = (seconds: number): string => {
  if (seconds < 0) return "in the future"
  const steps = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60]
  ] as const
  for (const [name, length] of steps) {
    const count = Math.floor(seconds / length)
    if (count >= 1) return `${count} ${name}${count === 1 ? "" : "s"} ago`
  }
  return "just now"
}

/** A time of the server's, in the zone of whoever reads it: `2026-11-23 18:52`. */
export const localTime = (epochSeconds: number): string => {
  const date = new Date(epochSeconds * 1000)
  const two = (part: number) => String(part).padStart(2, "0")
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** The age of a snapshot by its name, where the name tells it. */
export const snapshotAge = (name: string, now: number): string => {
  const at = snapshotTime(name)
  return at === undefined ? "-" : ago(now - at)
}
