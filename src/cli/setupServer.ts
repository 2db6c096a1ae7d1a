// byteback setup-server: make this machine a backup server.
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { SetupRefused, type StoreSource } from "../domain/setup/plan.ts"
import { setupServer } from "../programs/SetupServer.ts"
import { json } from "./clientFlags.ts"
import { sizeFlag } from "./size.ts"

const flags = {
  device: Flag.String("device").pipe(
    Flag.optional,
    Flag.withDescription("make a btrfs on this device, which must be empty, and mount it at /byteback")
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDefault(false),
    Flag.withDescription("make the btrfs even if the device is not empty: what is on it is lost")
  ),
  image: Flag.String("image").pipe(
    Flag.optional,
    Flag.withDescription("keep the store in this file, for a machine without a spare device")
  ),
  size: sizeFlag("size").pipe(Flag.optional, Flag.withDescription("how large the image may become, as in 500G")),
  address: Flag.String("address").pipe(
    Flag.optional,
    Flag.withDescription("the name by which clients reach this machine, for invitations")
  ),
  administratorKey: Flag.String("administrator-key").pipe(
    Flag.optional,
    Flag.withDescription("a public key file whose owner may enrol new hosts, and do nothing else")
  ),
  passwordEnrolment: Flag.Boolean("password-enrolment").pipe(
    Flag.withDefault(false),
    Flag.withDescription("let whoever knows the byteback user's password enrol new hosts, and do nothing else")
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withAlias("n"),
    Flag.withDefault(false),
    Flag.withDescription("change nothing, and print every change that would be made")
  ),
  json
}

const wrong = (detail: string) => Effect.fail(new SetupRefused({ reason: "bad-option", detail }))

const storeOf = (given: {
  readonly device: Option.Option<string>
  readonly image: Option.Option<string>
  readonly size: Option.Option<number>
  readonly force: boolean
}): Effect.Effect<StoreSource, SetupRefused> => {
  const device = Option.getOrNull(given.device)
  const image = Option.getOrNull(given.image)
  const size = Option.getOrNull(given.size)
  if (device !== null && image !== null) return wrong("give either --device or --image, not both")
  if (device !== null) return Effect.succeed({ _tag: "device", device, force: given.force })
  if (image === null) return Effect.succeed({ _tag: "mounted" })
  if (size === null) return wrong("--image needs --size, as in --size 500G")
  return Effect.succeed({ _tag: "image", file: image, size })
}

export const setupServerCommand = Command.make(
  "setup-server",
  flags,
  Effect.fnUntraced(function* (given) {
    const store = yield* storeOf(given)
    const result = yield* setupServer({
      store,
      passwordEnrolment: given.passwordEnrolment,
      ...(Option.isSome(given.administratorKey) ? { administratorKeyFile: given.administratorKey.value } : {}),
      ...(Option.isSome(given.address) ? { address: given.address.value } : {}),
      dryRun: given.dryRun,
      ...(given.json ? {} : { onChange: (line: string) => Console.log(line) })
    })
    if (given.json) return yield* Console.log(JSON.stringify(result))
    if (given.dryRun) yield* Effect.forEach(result.changes, (line) => Console.log(`would ${line}`), { discard: true })
    yield* Effect.forEach(result.warnings, (line) => Console.error(`byteback: warning: ${line}`), { discard: true })
    yield* Console.log(
      given.dryRun
        ? `${result.changes.length} changes, none of them made`
        : result.changes.length === 0
          ? "nothing to do: this server is set up"
          : "this server is set up; invite a client with: byteback invite HOST"
    )
  })
).pipe(
  Command.withDescription("Make this machine a backup server; can be run again without harm"),
  Command.withShortDescription("make this machine a backup server"),
  Command.withExamples([
    { command: "byteback setup-server --device /dev/vg0/byteback", description: "On a device of its own" },
    { command: "byteback setup-server --image /srv/byteback.img --size 500G", description: "In a file" },
    { command: "byteback setup-server", description: "On a btrfs that is mounted at /byteback already" }
  ])
)
