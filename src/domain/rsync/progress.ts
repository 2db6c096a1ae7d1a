// rsync's stdout as it arrives: --info=progress2 between the lines of changes and stats.

/** How far a transfer is. `percent` and `etaSeconds` are of what rsync knows of so far; it may still find more. */
export interface Progress {
  readonly bytes: number
  readonly percent: number
  /** bytes a second */
  readonly rate: number
  /** null while rsync cannot tell */
  readonly etaSeconds: number | null
  /** files sent so far, files still to look at, files known; 0 until rsync says */
  readonly files: number
  readonly toCheck: number
  readonly known: number
  /** the list of files still grows */
  readonly scanning: boolean
}

/** What came out of a piece of stdout: the newest progress, whole lines of text, and the rest to put before the next. */
export interface ReadOutput {
  readonly rest: string
  readonly progress: Progress | null
  readonly lines: ReadonlyArray<string>
}

const line =
  /^ *([\d,.]+) +(\d{1,3})% +(\d+(?:\.\d+)?)([kMGTP]?)B\/s +(?:(\d+):(\d\d):(\d\d)|\?\?:\?\?:\?\?)(?: \(xfr#(\d+), (ir|to)-chk=(\d+)\/(\d+)\))? *$/

const units: Record<string, number> = { "": 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4, P: 1024 ** 5 }

const parse = (text: string): Progress | null => {
  const match = line.exec(text)
  if (match === null) return null
  const [, bytes = "0", percent, rate, unit = "", hours, minutes, seconds, files, list, toCheck, known] = match
  return {
    bytes: Number(bytes.replaceAll(/[,.]/g, "")),
    percent: Number(percent),
    rate: Number(rate) * (units[unit] ?? 1),
    etaSeconds: hours === undefined ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
    files: Number(files ?? 0),
    toCheck: Number(toCheck ?? 0),
    known: Number(known ?? 0),
    scanning: list === "ir"
  }
}

/** A piece longer than this without any line end is no output of rsync's; its beginning is dropped. */
const longestLine = 64 * 1024

/** Reads the next piece of stdout after the `rest` of the last. A piece may end anywhere. */
export const readOutput = (rest: string, piece: string): ReadOutput => {
  const parts = (rest + piece).split(/[\r\n]/)
  const unfinished = parts.pop() ?? ""
  let progress: Progress | null = null
  const lines: Array<string> = []
  for (const part of parts) {
    const read = parse(part)
    if (read !== null) progress = read
    else if (part.trim() !== "") lines.push(part)
  }
  return { rest: unfinished.slice(-longestLine), progress, lines }
}
