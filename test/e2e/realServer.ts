// A server's programs on a real btrfs, in this process, so that a test may hold the clock.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { layer } from "../../src/layer.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { btrfsImage } from "../contract/btrfsImage.ts"

/** Where things lie beside a store that `btrfsImage` mounted. */
export const layoutBeside = (store: string) => {
  const top = join(store, "..")
  return {
    store,
    config: join(top, "config"),
    state: join(top, "state"),
    run: join(top, "run"),
    lib: "/usr/lib/byteback",
    etc: join(top, "etc")
  }
}

/** All services on a fresh filesystem of `size` bytes. */
export const realServer = (size: number) =>
  Layer.unwrap(
    Effect.map(btrfsImage(size), (store) => {
      const layout = layoutBeside(store)
      for (const directory of [layout.config, layout.etc, layout.state, layout.run]) mkdirSync(directory)
      return Layer.provideMerge(layer, Layer.succeed(Layout, layout))
    })
  )

/** 2026-01-01T02:00 UTC, epoch seconds. */
export const firstDay = Date.UTC(2026, 0, 1, 2) / 1000

export const toDay = (day: number) => TestClock.setTime((firstDay + day * 86_400) * 1000)

/** A host that is enrolled; its `current`. */
export const enrolled = Effect.fn("enrolled")(function* (host: string) {
  const { uid } = yield* (yield* Registry).add(host)
  yield* (yield* Store).createHost(host, uid)
  return `${(yield* Layout).store}/${host}/current`
})

/** The recorder's word that a push has ended, well or as this exit code of rsync says. */
export const pushEnded = Effect.fn("pushEnded")(function* (host: string, code: number = 0) {
  const files = yield* SystemFile
  const { run } = yield* Layout
  yield* files.directory(`${run}/${host}`, 0o700)
  yield* files.write(`${run}/${host}/push`, `ended ${code}\n`, 0o600)
})
