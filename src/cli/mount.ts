// byteback mount: look around in all snapshots.
import { resolve } from "node:path"
import { Console, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { escapeName } from "../domain/escape.ts"
import { mount } from "../programs/Mount.ts"
import { jsonFailure } from "./jsonFailure.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"

export const mountCommand = Command.make(
  "mount",
  {
    ...serverFlags,
    host,
    json,
    directory: Argument.String("directory").pipe(Argument.withDescription("an empty directory"))
  },
  (given) => {
    const directory = resolve(given.directory)
    return mount({
      settings: settingsOf(given),
      host: Option.getOrUndefined(given.host),
      directory,
      ready: given.json
        ? Console.log(JSON.stringify({ _tag: "mounted", directory }))
        : Console.error(`byteback: all snapshots are in ${escapeName(directory)}, read-only; ^C unmounts it`)
    }).pipe(jsonFailure(given.json))
  }
).pipe(
  Command.withDescription(
    "Show all snapshots as directories, read-only, until ^C. Needs sshfs. Names, sizes, times and contents are right.\n" +
      "  Owners, modes, links and devices are as the server's own files have them: all belong to the host's number on the\n" +
      "  server, a symlink is a small file that holds its target, a device an empty one. byteback ls -l shows them as they\n" +
      "  were, byteback restore brings them back so. A mount keeps no snapshot from being pruned; a restore does."
  ),
  Command.withShortDescription("all snapshots as directories, to look around in")
)
