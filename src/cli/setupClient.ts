// byteback setup-client: enrol this machine at a server.
import { hostname } from "node:os"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { SetupClientRefused, type SetupClientWay, setupClient } from "../programs/SetupClient.ts"
import { readSettings } from "../programs/connectToServer.ts"
import { json } from "./clientFlags.ts"
import { escapeText } from "../domain/escape.ts"
import { plainSshConfig } from "../domain/sshConfig.ts"

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withDescription(description))

const flags = {
  invitation: text("invitation", "what byteback invite printed on the server"),
  destination: text(
    "destination",
    "the server, byteback@backup.example.org:, where you may log in as an administrator"
  ).pipe(Flag.withAlias("d")),
  hostKey: text("host-key", "the server's host key or its SHA256 fingerprint; without it ssh asks you"),
  via: text("via", "an account of yours on the server that may use sudo: admin@backup.example.org"),
  address: text("address", "with --via: the name by which this machine is to reach the server"),
  printKey: Flag.Boolean("print-key").pipe(
    Flag.withDefault(false),
    Flag.withDescription("only make this machine's key and print it, for an administrator to add by hand")
  ),
  printSshConfig: Flag.Boolean("print-ssh-config").pipe(
    Flag.withDefault(false),
    Flag.withDescription("of a machine that is set up: print what ~/.ssh/config needs for plain ssh and rsync")
  ),
  hostname: text("hostname", "the name of this machine on the server; default: its own"),
  json
}

type Given = {
  readonly [Name in "invitation" | "destination" | "hostKey" | "via" | "address" | "hostname"]: Option.Option<string>
} & { readonly printKey: boolean; readonly printSshConfig: boolean }

/** The one way in that was asked for; null where only ssh's lines were. */
const wayOf = (given: Given): Effect.Effect<SetupClientWay | null, SetupClientRefused> => {
  const invitation = Option.getOrNull(given.invitation)
  const destination = Option.getOrNull(given.destination)
  const via = Option.getOrNull(given.via)
  const host = Option.getOrElse(given.hostname, () => hostname().split(".")[0]!.toLowerCase())
  const refuse = (detail: string) => Effect.fail(new SetupClientRefused({ reason: "bad-option", detail }))
  const asked = [invitation !== null, destination !== null, via !== null, given.printKey, given.printSshConfig]
  if (asked.filter((one) => one).length !== 1) {
    return refuse(
      "give one of --invitation, --destination, --via, --print-key or --print-ssh-config (byteback setup-client --help tells them apart)"
    )
  }
  if (given.printSshConfig) return Effect.succeed(null)
  if (invitation !== null) return Effect.succeed({ _tag: "invitation", invitation })
  if (destination !== null) {
    return Effect.succeed({
      _tag: "destination",
      destination,
      host,
      ...(Option.isSome(given.hostKey) ? { hostKey: given.hostKey.value } : {})
    })
  }
  if (via !== null) {
    return Effect.succeed({
      _tag: "via",
      via,
      host,
      ...(Option.isSome(given.address) ? { address: given.address.value } : {})
    })
  }
  return Effect.succeed({ _tag: "print-key", host })
}

/** The lines by which root's own ssh logs in where backups do. */
const sshLines = Effect.gen(function* () {
  const { destination, keyFile, knownHosts } = yield* readSettings({})
  const lines = plainSshConfig({ ...destination, keyFile, knownHosts })
  if (lines !== null) return lines.trimEnd()
  const detail = "the names of the server, the key or the known_hosts file cannot be written in an ssh_config"
  return yield* new SetupClientRefused({ reason: "bad-option", detail })
})

export const setupClientCommand = Command.make(
  "setup-client",
  flags,
  Effect.fnUntraced(function* (given) {
    const way = yield* wayOf(given)
    if (way === null) return yield* Console.log(yield* sshLines)
    const result = yield* setupClient({
      way,
      onTerminal: (said) => Effect.sync(() => process.stderr.write(said))
    })
    if (given.json) return yield* Console.log(JSON.stringify(result))
    if (result._tag === "key") {
      yield* Console.error(`byteback: let an administrator run this on the server: ${result.command}`)
      return yield* Console.log(result.publicKey)
    }
    if (result.replaced !== null) yield* Console.log(`the destination was ${escapeText(result.replaced)} before`)
    const keys = result.serverKeys.join(", ")
    yield* Console.log(
      `${result.before ? "this machine was" : "this machine is now"} set up as ${result.host} at ${result.destination} (server key ${keys})`
    )
    yield* Console.log("back it up with: byteback backup")
  })
).pipe(
  Command.withDescription("Enrol this machine at a server: makes its key, pins the server's, and tries both"),
  Command.withShortDescription("enrol this machine at a server"),
  Command.withExamples([
    { command: "byteback setup-client --invitation TOKEN", description: "With the line that byteback invite printed" },
    {
      command: "byteback setup-client --destination byteback@backup.example.org:",
      description: "With a key that the server holds for enrolment, or byteback's password where it is allowed"
    },
    {
      command: "byteback setup-client --via admin@backup.example.org",
      description: "With an account that may use sudo"
    },
    {
      command: "byteback setup-client --print-key",
      description: "By hand: byteback add-client on the server does the rest"
    },
    {
      command: "byteback setup-client --print-ssh-config >>/root/.ssh/config",
      description: "Plain rsync byteback@backup.example.org: works then, as typed"
    }
  ])
)
