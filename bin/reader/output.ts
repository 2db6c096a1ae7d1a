// How a reader answers: rows of JSON that end in a trailer, raw bytes, or one line of refusal.
import { isUtf8 } from "node:buffer"
import { writeSync } from "node:fs"
import { escapeName } from "../../src/domain/escape.ts"
import { exitCode } from "../../src/domain/exitCode.ts"
import { refusalLine } from "../../src/domain/refusalLine.ts"
import type { End } from "../../src/domain/ReadingAnswer.ts"
import { unread } from "./unread.ts"

const stdout = 1

/** Ends without any answer. */
export const refuse = (message: string, code: number = exitCode.refused): never => {
  process.stderr.write(`${refusalLine({ code, message })}\n`)
  process.exit(code)
}

/** Writes all of it; a client that has gone ends the reader without a word. */
export const writeAll = (bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(stdout, bytes, at)
    } catch {
      process.exit(exitCode.failed)
    }
  }
}

/** A path as JSON carries it: text, and where it is not UTF-8 an escaped text and its bytes. `bytes` has no leading slash. */
export const pathFields = (bytes: string): { readonly path: string; readonly path_b64?: string } => {
  if (/^[\x20-\x7e]*$/.test(bytes)) return { path: `/${bytes}` }
  const raw = Buffer.from(`/${bytes}`, "latin1")
  return isUtf8(raw) ? { path: raw.toString() } : { path: escapeName(raw), path_b64: raw.toString("base64") }
}

const kept = 64 * 1024

/** Milliseconds after which rows are cut; the runner ends a reader that goes on for much longer. */
const longest = 240_000

/** Prints rows up to `most`, in pieces of some size. */
export class Rows {
  readonly #most: number
  readonly #until = performance.now() + longest
  #rows = 0
  #lines = ""
  #cut: End["cut"] = null

  constructor(most: number) {
    this.#most = most
  }

  /** May there be more? Once it says no, whoever makes the rows stops. */
  get open(): boolean {
    if (this.#cut === null && performance.now() > this.#until) this.#cut = "time"
    return this.#cut === null
  }

  /** Rows that may still come. */
  get left(): number {
    return this.#most - this.#rows
  }

  /** The answer says that it is cut, and by what. */
  cutShort(why: "rows" | "memory"): void {
    this.#cut ??= why
  }

  add(row: object): void {
    if (this.#rows >= this.#most) return this.cutShort("rows")
    this.#rows += 1
    this.#lines += `${JSON.stringify(row)}\n`
    if (this.#lines.length >= kept) this.#flush()
  }

  /** The trailer, by which the client knows that it has heard everything. */
  end(): void {
    const lost = unread()
    const end: End = { _tag: "end", rows: this.#rows, cut: this.#cut, ...(lost === null ? {} : { unread: lost }) }
    this.#lines += `${JSON.stringify(end)}\n`
    this.#flush()
  }

  #flush(): void {
    writeAll(Buffer.from(this.#lines))
    this.#lines = ""
  }
}
