// The store is full: what every program that writes there says.
import { Schema } from "effect"
import type { ExitName } from "./exitCode.ts"

/** The store has no room for what was asked; what it holds is untouched. */
export class NoSpace extends Schema.TaggedError<NoSpace>()("NoSpace", { what: Schema.String }) {
  get exit(): ExitName {
    return "noSpace"
  }
  override get message() {
    return `the backup server has no space left for ${this.what}; nothing that is there was lost; its administrator has to prune or add a disk`
  }
}
