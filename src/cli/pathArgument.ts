// Paths of the command line as bytes: Node hands words over as text, in which what is not UTF-8 is lost.
import { readFileSync } from "node:fs"
import { Effect, Option, Result } from "effect"
import { bytesOfText } from "../domain/byteString.ts"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapeName } from "../domain/escape.ts"
import type { ReadingPath } from "../domain/request/reading.ts"
import { InvalidPath, parseSnapshotPath, type SnapshotPath } from "../domain/snapshotPath.ts"

const lost = "\uFFFD"

/** The bytes of a word of this process's command line, a byte string. */
export const bytesOfWord = (word: string): string => {
  if (!word.includes(lost)) return bytesOfText(word)
  try {
    const words = readFileSync("/proc/self/cmdline", "latin1").split("\0")
    return words.find((one) => Buffer.from(one, "latin1").toString() === word) ?? bytesOfText(word)
  } catch {
    return bytesOfText(word)
  }
}

/** [SNAPSHOT:]PATH, relative to where one stands; on the server, for another host, that is its root. */
export const snapshotPath = (word: string, host: Option.Option<string>): Effect.Effect<SnapshotPath, InvalidPath> => {
  const parsed = parseSnapshotPath(bytesOfWord(word), Option.isSome(host) ? "/" : bytesOfText(process.cwd()))
  return Effect.fromResult(parsed instanceof InvalidPath ? Result.fail(parsed) : Result.succeed(parsed))
}

/** The same where the snapshots are given otherwise: one before the path would be passed over without a word. */
export const pathAlone = (
  word: string,
  host: Option.Option<string>
): Effect.Effect<ReadingPath, InvalidPath | ConfigError> =>
  Effect.flatMap(snapshotPath(word, host), ({ path, snapshot }) =>
    snapshot === undefined
      ? Effect.succeed(path)
      : Effect.fail(
          new ConfigError({
            where: escapeName(word, 200),
            problem:
              "a snapshot before the path means nothing here; leave it out, or begin with ./ for a file that is called so"
          })
        )
  )
