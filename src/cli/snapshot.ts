// byteback snapshot: an administrator takes a snapshot of what a host has pushed.
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { isHostName } from "../domain/hostName.ts"
import { SnapshotInterval, takeSnapshot } from "../programs/TakeSnapshot.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { json } from "./clientFlags.ts"

export const snapshotCommand = Command.make(
  "snapshot",
  {
    host: Argument.String("host").pipe(Argument.optional, Argument.withDescription("the host")),
    root: Flag.String("root").pipe(
      Flag.optional,
      Flag.withDescription("the host's directory in the store, as the old byteback-snapshot had it")
    ),
    force: Flag.Boolean("force").pipe(
      Flag.withDefault(false),
      Flag.withDescription("also when the last snapshot is younger than the interval")
    ),
    json
  },
  Effect.fnUntraced(function* (given) {
    const named = Option.orElse(given.host, () =>
      Option.map(given.root, (path) => path.replace(/\/+$/, "").split("/").at(-1)!)
    )
    if (Option.isNone(named) || !isHostName(named.value)) {
      return yield* new ConfigError({ where: "snapshot", problem: "name a host, as in byteback snapshot web1" })
    }
    const host = named.value
    const interval = yield* (yield* ServerConfig).snapshotInterval(host)
    const result = yield* Effect.provideService(takeSnapshot({ host, force: given.force }), SnapshotInterval, interval)
    const { name, state } = result.snapshot
    yield* Console.log(given.json ? JSON.stringify(result) : `snapshot ${name} of ${host} taken (${state})`)
  })
).pipe(
  Command.withDescription("Take a read-only snapshot of what a host has pushed, on the server"),
  Command.withShortDescription("take a snapshot of what a host has pushed")
)
