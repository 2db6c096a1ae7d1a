// The one table of exit codes: what each number means to a user, a script and an old client.

/** Every exit code of `byteback`, by the name that the code uses for it. 128+N stands for death by signal N. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  notEnrolled: 10,
  busy: 11,
  refused: 12,
  noSpace: 13,
  anomaly: 14,
  tooSoon: 15
} as const

export type ExitName = keyof typeof exitCode
export type ExitCode = (typeof exitCode)[ExitName]

/** What each code means, in the words that --help and the man pages print. */
export const exitMeaning: Record<ExitName, string> = {
  ok: "ok",
  failed: "failed",
  usage: "usage or configuration error",
  incomplete: "done, but some files could not be read or written",
  notEnrolled: "no such host, or this machine is not enrolled",
  busy: "busy: try again later",
  refused: "refused by the server",
  noSpace: "no space",
  anomaly: "snapshot held: it looks wrong and an administrator should look",
  tooSoon: "too soon for another snapshot; the data did arrive"
}

/** The exit code of a process that was ended by a signal. */
export const signalExit = (signal: number): number => 128 + signal
