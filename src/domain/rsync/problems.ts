// rsync's stderr as it arrives: which files it could not read or write.

/** The problems so far: how many, what was said of the first of them, and the unfinished line. */
export interface Problems {
  readonly rest: string
  readonly count: number
  /** files asked for by name that are not there */
  readonly missing: number
  readonly first: ReadonlyArray<string>
}

export const noProblems: Problems = { rest: "", count: 0, missing: 0, first: [] }

/** So many lines are kept for people. */
const kept = 20
const longestLine = 64 * 1024

/** Lines of rsync's own about one file each; not those about the connection or the run as a whole. */
const aboutFile =
  /^rsync: (?!(\[\w+\] )?(connection unexpectedly|error|warning|server|(read|write) error:))\S.*(failed|denied|error|too|vanished|\(\d+\)$)|^could not make way for /i
const aboutMissing =
  /^rsync: (\[sender\] )?(link_stat|change_dir) .*(No such file or directory \(2\)|Not a directory \(20\))/

/** Does a line say that what was asked for by name is not there? */
export const isMissing = (line: string): boolean => aboutMissing.test(line)

/** Reads the next piece of stderr, which may end anywhere. */
export const readProblems = (before: Problems, piece: string): Problems => {
  const lines = (before.rest + piece).split(/[\r\n]/)
  const rest = (lines.pop() ?? "").slice(-longestLine)
  const told = lines.filter((line) => aboutFile.test(line))
  return {
    rest,
    count: before.count + told.length,
    missing: before.missing + told.filter(isMissing).length,
    first: [...before.first, ...told.slice(0, kept - before.first.length)]
  }
}
