// byteback mount: look around in all snapshots, or in one.
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { escapedJson, escapeName } from "../domain/escape.ts"
import { mount } from "../programs/Mount.ts"
import { jsonFailure } from "./jsonFailure.ts"
import { atFlag, chosenFrom, snapshotFlag } from "./snapshotChoice.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"

export const mountCommand = Command.make(
  "mount",
  {
    ...serverFlags,
    host,
    json,
    snapshot: snapshotFlag.pipe(
      Flag.withDescription("show this one alone, and keep it from being pruned meanwhile: a name, latest or current")
    ),
    at: atFlag,
    directory: Argument.String("directory").pipe(Argument.withDescription("an empty directory"))
  },
  (given) =>
    Effect.gen(function* () {
      const directory = resolve(given.directory)
      const one = Option.isSome(given.snapshot) || Option.isSome(given.at)
      yield* mount({
        settings: settingsOf(given),
        host: Option.getOrUndefined(given.host),
        directory,
        ...(one ? { from: yield* chosenFrom(given) } : {}),
        ready: (snapshot) =>
          given.json
            ? Console.log(escapedJson({ _tag: "mounted", directory, snapshot }))
            : Console.error(
                `byteback: ${snapshot === null ? "all snapshots are" : `${snapshot} is`} in ${escapeName(directory)}, read-only; ^C unmounts it`
              )
      })
    }).pipe(jsonFailure(given.json))
).pipe(
  Command.withDescription(
    "Show all snapshots as directories, read-only, until ^C. Needs sshfs. Names, sizes, times and contents are right.\n" +
      "  Owners, modes, links and devices are as the server's own files have them: all belong to the host's number on the\n" +
      "  server, a symlink is a small file that holds its target, a device an empty one. byteback ls -l shows them as they\n" +
      "  were, byteback restore brings them back so. A mount of all keeps none from being pruned; one chosen by --snapshot or\n" +
      "  --at is kept for as long as it is mounted."
  ),
  Command.withShortDescription("all snapshots as directories, to look around in")
)
