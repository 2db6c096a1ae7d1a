// byteback release: ends a hold, and the suspicion that a snapshot looks wrong.
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { release } from "../programs/Hold.ts"

export const releaseCommand = Command.make(
  "release",
  {
    host: Argument.String("host").pipe(Argument.withDescription("the host")),
    snapshot: Argument.String("snapshot").pipe(Argument.withDescription("its snapshot"))
  },
  Effect.fnUntraced(function* (given) {
    yield* release(given)
    yield* Console.error(`byteback: ${given.host}/${given.snapshot} is neither held nor suspect any more`)
  })
).pipe(
  Command.withDescription(
    "End a hold on a snapshot, or say that one that looked wrong is right; one that is not read-only is made so"
  ),
  Command.withShortDescription("end a hold on a snapshot")
)
