// What the recorder beside rsync writes of a push: `running`, then `ended CODE`, with `sole` behind it where it was the only one.

/**
 * A push as it was last seen; `code` is rsync's exit code on the server. `sole`: all that was done to `current` since the last complete
 * run was done by this push.
 */
export type PushRecord =
  | { readonly _tag: "Running" }
  | { readonly _tag: "Ended"; readonly code: number; readonly sole: boolean }

const pattern = /^(?:running|ended (\d{1,3})( sole)?)\n$/

/** One line, strictly; null for anything else, also for a line that was cut off, so that a doubt never counts as an end. */
export const parsePushRecord = (text: string): PushRecord | null => {
  const match = pattern.exec(text)
  if (match === null) return null
  return match[1] === undefined
    ? { _tag: "Running" }
    : { _tag: "Ended", code: Number(match[1]), sole: match[2] !== undefined }
}

/** The line, with its newline. */
export const formatPushRecord = (record: PushRecord): string =>
  record._tag === "Running" ? "running\n" : `ended ${record.code}${record.sole ? " sole" : ""}\n`
