// byteback dump: a tree of a snapshot as a tar archive.
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { host, serverFlags, settingsOf } from "./clientFlags.ts"
import { pathAlone } from "./pathArgument.ts"
import { snapshotNamed } from "./snapshotArgument.ts"
import { printRaw, rawJson } from "./rawOutput.ts"

export const dumpCommand = Command.make(
  "dump",
  {
    ...serverFlags,
    snapshot: Argument.String("snapshot").pipe(Argument.withDescription("a snapshot's name, latest or current")),
    path: Argument.String("path").pipe(Argument.withDescription("what of it; / is everything")),
    host,
    json: rawJson
  },
  Effect.fnUntraced(function* (given) {
    const snapshot = yield* snapshotNamed(given.snapshot)
    const path = yield* pathAlone(given.path, given.host)
    if (process.stdout.isTTY) {
      return yield* new ConfigError({
        where: "dump",
        problem: "a terminal cannot show an archive; add | tar -x or > FILE"
      })
    }
    const request = { _tag: "dump", snapshot, path } as const
    yield* printRaw({ settings: settingsOf(given), host: Option.getOrUndefined(given.host), request }, given.json)
  })
).pipe(
  Command.withDescription(
    "Write a tree of a snapshot as a tar archive, with owners, xattrs, ACLs and capabilities; sockets are left out.\n" +
      "  Where it could not be written whole the exit code is 1; tar alone may not notice, so use set -o pipefail."
  ),
  Command.withShortDescription("a tree of a snapshot as a tar archive"),
  Command.withExamples([
    {
      command: "byteback dump latest /srv | tar --xattrs --xattrs-include='*' --acls -xp",
      description: "As root: everything back, with all that belongs to it"
    }
  ])
)
