// A snapshot as a word of the command line.
import { Effect } from "effect"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapeName } from "../domain/escape.ts"
import { isSnapshotWord, type SnapshotRef } from "../domain/snapshotName.ts"

/** The word itself, where it can name a snapshot at all. */
export const snapshotNamed = (word: string): Effect.Effect<SnapshotRef, ConfigError> =>
  isSnapshotWord(word)
    ? Effect.succeed(word)
    : Effect.fail(
        new ConfigError({
          where: escapeName(word, 80),
          problem: "write the name of a snapshot (byteback snapshots lists them), latest or current"
        })
      )
