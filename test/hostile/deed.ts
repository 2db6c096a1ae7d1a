// An attack that is more than a line: what it does, and what was seen of it.
import type { Effect, Scope } from "effect"
import type { LabError } from "../lab/Lab.ts"
import type { Lab } from "../lab/Lab.ts"
import type { Siege } from "./siege.ts"

export interface Deed {
  readonly area: string
  /** as the threat model calls it */
  readonly name: string
  /** Asserts what has to hold; tells in a line what came of it, and every byte that the attacker got to see. */
  readonly run: Effect.Effect<
    { readonly outcome: string; readonly saw: ReadonlyArray<string> },
    LabError,
    Siege | Lab | Scope.Scope
  >
}
