// byteback approve: an administrator's leave for a host's larger backups.
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { bytesText } from "../domain/prune/amount.ts"
import { approve } from "../programs/Approve.ts"
import { sizeFlag } from "./size.ts"

export const approveCommand = Command.make(
  "approve",
  {
    host: Argument.String("host").pipe(Argument.withDescription("the host")),
    bytes: sizeFlag("bytes").pipe(Flag.optional, Flag.withDescription("up to this size a backup; default: any size")),
    runs: Flag.Int("runs").pipe(
      Flag.filter(
        (runs) => runs >= 1 && runs <= 1000,
        () => "Expected a number of runs, 1 to 1000"
      ),
      Flag.withDefault(1),
      Flag.withDescription("for so many runs; default: 1")
    )
  },
  Effect.fnUntraced(function* ({ bytes, host, runs }) {
    yield* approve({ host, runs, ...(Option.isSome(bytes) ? { bytes: bytes.value } : {}) })
    const size = Option.isSome(bytes) ? `up to ${bytesText(bytes.value)}` : "of any size"
    yield* Console.error(`byteback: ${runs === 1 ? "the next run" : `the next ${runs} runs`} of ${host} may be ${size}`)
  })
).pipe(
  Command.withDescription("Let a host's next backups be larger than its last ones earn it, making room for them"),
  Command.withShortDescription("let a host's next backups be larger")
)
