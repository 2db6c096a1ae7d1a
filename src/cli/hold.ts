// byteback hold: a snapshot that nothing prunes.
import { Clock, Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { parseSpan } from "../domain/span.ts"
import { hold } from "../programs/Hold.ts"
import { localTime } from "./units.ts"

export const holdCommand = Command.make(
  "hold",
  {
    host: Argument.String("host").pipe(Argument.withDescription("the host")),
    snapshot: Argument.String("snapshot").pipe(
      Argument.withDescription("its snapshot, as byteback prune --list names it")
    ),
    duration: Flag.String("for").pipe(
      Flag.filterMap(
        (text) => Option.fromNullishOr(parseSpan(text)),
        () => "Expected a length of time, as in 30d"
      ),
      Flag.optional,
      Flag.withDescription("how long, as in 30d; default: until it is released")
    )
  },
  Effect.fnUntraced(function* ({ duration, host, snapshot }) {
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const until = Option.isSome(duration) ? now + duration.value : null
    yield* hold({ host, snapshot, until })
    yield* Console.error(
      `byteback: ${host}/${snapshot} is held ${until === null ? `until byteback release ${host} ${snapshot}` : `until ${localTime(until)}`}`
    )
  })
).pipe(
  Command.withDescription("Keep a snapshot from automatic pruning"),
  Command.withShortDescription("keep a snapshot from pruning")
)
