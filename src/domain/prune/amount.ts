// Ages and sizes in a word or two.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const

/** 3100000000 -> "3.1 GB". */
export const bytesText = (bytes: number): string => {
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || Math.abs(value) >= 99.95 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit]}`
}

/** Seconds as "40 min", "36 h" or "17 d". */
export const ageText = (seconds: number): string => {
  const age = Math.max(0, seconds)
  if (age < 3600) return `${Math.floor(age / 60)} min`
  if (age < 172_800) return `${Math.round(age / 3600)} h`
  return `${Math.round(age / 86_400)} d`
}
