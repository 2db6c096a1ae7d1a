// What happened to each host's backups: an append-only file a host, off the store.
import { Context, Effect, Layer } from "effect"
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import { type Journal as Entries, type JournalEntry, formatEntry, parseJournal } from "../domain/JournalEntry.ts"
import { isHostName } from "../domain/hostName.ts"
import { Layout } from "./Layout.ts"
import { hostWord } from "./hostWord.ts"
import { SystemFileError } from "./SystemFile.ts"

export class Journal extends Context.Service<
  Journal,
  {
    /** Adds an entry; it is on the disk when this returns. */
    readonly append: (host: string, entry: JournalEntry) => Effect.Effect<void, SystemFileError>
    /** All entries, oldest first, and the lines that are none; nothing for a host that has no journal. */
    readonly read: (host: string) => Effect.Effect<Entries, SystemFileError>
    /** Hosts that have a journal, by name; some of them may no longer be enrolled. */
    readonly hosts: Effect.Effect<ReadonlyArray<string>, SystemFileError>
  }
>()("byteback/services/Journal") {
  static readonly layer = Layer.effect(
    Journal,
    Effect.gen(function* () {
      const layout = yield* Layout
      const file = (host: string) => `${layout.state}/journal/${hostWord(host)}.ndjson`
      const attempt = <A>(path: string, action: SystemFileError["action"], work: () => Promise<A>) =>
        Effect.tryPromise({ try: work, catch: (cause) => failure(path, action, cause) })

      return Journal.of({
        append: Effect.fn("Journal.append")(function* (host, entry) {
          const path = file(host)
          // Cut off in the middle of a write, the next entry would join a damaged line.
          yield* attempt(path, "write", () => append(path, formatEntry(entry))).pipe(Effect.uninterruptible)
        }),
        read: Effect.fn("Journal.read")(function* (host) {
          const path = file(host)
          return parseJournal(yield* attempt(path, "read", () => readOrEmpty(path)))
        }),
        hosts: attempt(`${layout.state}/journal`, "read", async () => {
          const names = await fs.readdir(`${layout.state}/journal`).catch(ifMissing([]))
          return names
            .filter((name) => name.endsWith(".ndjson"))
            .map((name) => name.slice(0, -".ndjson".length))
            .filter(isHostName)
            .toSorted()
        })
      })
    })
  )

  /** The same lines, in memory. */
  static readonly layerFake = Layer.sync(Journal, () => {
    const texts = new Map<string, string>()
    return Journal.of({
      append: (host, entry) =>
        Effect.sync(() => void texts.set(hostWord(host), (texts.get(host) ?? "") + formatEntry(entry))),
      read: (host) => Effect.sync(() => parseJournal(texts.get(hostWord(host)) ?? "")),
      hosts: Effect.sync(() => [...texts.keys()].toSorted())
    })
  })
}

/** Appends a line, on a fresh line where the last one was cut off, and syncs; a file that is new is synced into its directory. */
const append = async (path: string, line: string): Promise<void> => {
  await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await fs.open(path, "a+", 0o600)
  let size: number
  try {
    size = (await file.stat()).size
    const last = Buffer.alloc(1)
    if (size > 0) await file.read(last, 0, 1, size - 1)
    await file.appendFile(size > 0 && last[0] !== 0x0a ? `\n${line}` : line)
    await file.sync()
  } finally {
    await file.close()
  }
  if (size > 0) return
  const directory = await fs.open(dirname(path), "r")
  await directory.sync().finally(() => directory.close())
}

const ifMissing =
  <A>(value: A) =>
  (cause: unknown): A => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return value
    throw cause
  }

const readOrEmpty = (path: string): Promise<string> => fs.readFile(path, "utf8").catch(ifMissing(""))

const failure = (path: string, action: SystemFileError["action"], cause: unknown) =>
  new SystemFileError({
    path,
    action,
    code: cause instanceof Error && "code" in cause ? String(cause.code) : "",
    detail: cause instanceof Error ? cause.message : String(cause)
  })
