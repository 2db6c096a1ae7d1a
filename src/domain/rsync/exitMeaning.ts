// What rsync's exit code and its last words mean for a run.
import { exitCode } from "../exitCode.ts"
import { findRefusal } from "../refusalLine.ts"

export const rsyncReasons = [
  "usage",
  "protocol",
  "io",
  "no-space",
  "network",
  "timeout",
  "interrupted",
  "not-enrolled",
  "busy",
  "refused",
  "too-soon",
  "not-installed",
  "not-found",
  "not-askable",
  "untrustworthy",
  "failed"
] as const

export type RsyncReason = (typeof rsyncReasons)[number]

/** A transfer that counts: everything, everything but what vanished meanwhile (24), or not quite everything (23). */
export type TransferOutcome = "complete" | "vanished" | "partial"

export type ExitMeaning =
  | { readonly _tag: "ended"; readonly outcome: TransferOutcome; readonly exitCode: 0 | 23 | 24 }
  | { readonly _tag: "failed"; readonly reason: RsyncReason; readonly retryable: boolean }

/** The exit codes of rsync after which the same may go better in a while (design: network, timeouts, broken streams). */
const mayPass = new Set([10, 11, 12, 20, 30, 35, 255])

const byCode: Record<number, RsyncReason> = {
  1: "usage",
  2: "protocol",
  3: "io",
  4: "usage",
  5: "protocol",
  6: "io",
  10: "network",
  11: "io",
  12: "network",
  20: "interrupted",
  30: "timeout",
  35: "timeout",
  127: "not-installed",
  255: "network"
}

const byRefusal: Record<number, RsyncReason> = {
  [exitCode.notEnrolled]: "not-enrolled",
  [exitCode.busy]: "busy",
  [exitCode.noSpace]: "no-space",
  [exitCode.tooSoon]: "too-soon"
}

const failed = (reason: RsyncReason, retryable: boolean): ExitMeaning => ({ _tag: "failed", reason, retryable })

/**
 * Did the far end run out of space or quota? An xattr that is too large for btrfs is answered by the same ENOSPC and
 * does not count.
 */
const ranOutOfSpace = (stderr: string): boolean =>
  stderr
    .split("\n")
    .some(
      (line) => /No space left on device \(28\)|Disk quota exceeded \(122\)/.test(line) && !/xattr|xal_set/.test(line)
    )

/** Did rsync find that the far end sends names that it was not asked for, or that lead out of the directory? */
const isUntrustworthy = (stderr: string): boolean =>
  /^(ERROR: rejecting (unrequested|excluded) file-list name|ABORTING due to (unsafe pathname|invalid path) from sender)/m.test(
    stderr
  )

/** Reads rsync's exit code together with the end of its stderr. */
export const exitMeaning = (code: number, stderr: string): ExitMeaning => {
  if (code === 0) return { _tag: "ended", outcome: "complete", exitCode: 0 }
  if (code === 24) return { _tag: "ended", outcome: "vanished", exitCode: 24 }
  const refusal = findRefusal(stderr)
  if (refusal !== null && code !== 23) {
    const reason = byRefusal[refusal.code] ?? "refused"
    return failed(reason, reason === "busy")
  }
  if (isUntrustworthy(stderr)) return failed("untrustworthy", false)
  if (ranOutOfSpace(stderr)) return failed("no-space", false)
  if (code === 23) return { _tag: "ended", outcome: "partial", exitCode: 23 }
  return failed(byCode[code] ?? "failed", mayPass.has(code))
}
