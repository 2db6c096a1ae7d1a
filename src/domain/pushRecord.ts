// What the recorder beside rsync writes of a push: `running EPOCH`, then `ended EPOCH CODE`.

/** A push as it was last seen. Times in epoch seconds; `code` is rsync's exit code on the server. */
export type PushRecord =
  | { readonly _tag: "Running"; readonly since: number }
  | { readonly _tag: "Ended"; readonly at: number; readonly code: number }

const pattern = /^(?:running (\d{1,12})|ended (\d{1,12}) (\d{1,3}))\n?$/

/** One line, strictly; null for anything else, also for a line that was cut off, so that a doubt never counts as an end. */
export const parsePushRecord = (text: string): PushRecord | null => {
  const match = pattern.exec(text)
  if (match === null) return null
  const [, since, at, code] = match
  return since === undefined
    ? { _tag: "Ended", at: Number(at), code: Number(code) }
    : { _tag: "Running", since: Number(since) }
}

/** The line, with its newline. */
export const formatPushRecord = (record: PushRecord): string =>
  record._tag === "Running" ? `running ${record.since}\n` : `ended ${record.at} ${record.code}\n`
