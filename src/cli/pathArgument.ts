// Paths of the command line as bytes: Node hands words over as text, in which what is not UTF-8 is lost.
import { readFileSync } from "node:fs"
import { Effect, Option, Result } from "effect"
import { bytesOfText } from "../domain/byteString.ts"
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
