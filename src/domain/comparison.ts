// What a difference between a snapshot and the machine's files means: changed since, or without a reason.
import type { Itemized } from "./rsync/itemized.ts"

/**
 * `gone`: not on the machine any more. `changed`: size or time differ too, so somebody wrote it since. `attributes`: the
 * content is the same. `unexplained`: same size and same time, other content. Null: nothing that a comparison counts.
 */
export type Verdict = "gone" | "changed" | "attributes" | "unexplained" | null

/** Judges a line of a dry run with --checksum that would write the snapshot's file over the machine's. */
export const judge = ({ differs, isNew, kind }: Itemized): Verdict => {
  if (kind === "deleted" || kind === "directory") return null
  if (isNew) return "gone"
  if (!differs.has("c") && !differs.has("s")) return "attributes"
  return differs.has("s") || differs.has("t") ? "changed" : "unexplained"
}
