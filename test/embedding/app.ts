// Another Effect application with byteback inside: it uses the package's public face only, and layers of its own.
import { Console, Effect, FileSystem, Layer, Logger } from "effect"
import { backup, BackupRetry, BackupServer, ClientConfig, exitCode, type FakeWorld, Hooks, Lock, Rsync } from "byteback"

const world: FakeWorld = {
  machine: new Map([["/srv/www/index.html", "<h1>hello</h1>"]]),
  current: new Map(),
  snapshots: new Map(),
  trouble: [{ reason: "network", retryable: true }]
}

/** A server of this application's own making: it takes what comes and calls it a snapshot. */
const ownServer = BackupServer.layerFake({
  hello: Effect.succeed({
    _tag: "hello",
    protocol: 1,
    oldest: 1,
    version: "0.5.0",
    host: "shop",
    now: 0
  }),
  complete: () =>
    Effect.succeed({
      _tag: "complete",
      snapshot: { name: "2026-11-23T17:52+0000", at: 1_795_456_320, state: "complete", held: false },
      due: null,
      token: "token"
    })
})

const ownLayers = Layer.mergeAll(
  Logger.layer([Logger.withConsoleError(Logger.formatSimple)]),
  ownServer,
  Rsync.layerFake(world),
  Lock.layerFake,
  Hooks.layerFake({}),
  ClientConfig.layerFake({ files: { destination: "byteback@backup.example.org:" } }),
  FileSystem.layerNoop({
    access: () => Effect.void,
    makeDirectory: () => Effect.void,
    readFile: () => Effect.succeed(new Uint8Array())
  })
)

const nightly = backup({ settings: {}, sources: ["/srv/www"] }).pipe(
  Effect.provideService(BackupRetry, { times: 2, delay: "1 milli" }),
  Effect.flatMap(({ attempts, host, outcome, snapshot }) =>
    Console.log(
      JSON.stringify({
        host,
        outcome,
        attempts,
        snapshot: snapshot?.name,
        ok: exitCode.ok,
        kept: [...world.current.keys()]
      })
    )
  ),
  Effect.catchTag("RetriesExhausted", (error) => Console.error(error.message)),
  Effect.provide(ownLayers)
)

await Effect.runPromise(nightly)
