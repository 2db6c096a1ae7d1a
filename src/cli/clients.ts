// byteback invite, add-client, remove-client, clients: who may back up to this server.
import { Console, Duration, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { parseSpan } from "../domain/span.ts"
import { addClient } from "../programs/AddClient.ts"
import { clients } from "../programs/Clients.ts"
import { invite } from "../programs/Invite.ts"
import { removeClient } from "../programs/RemoveClient.ts"
import { json } from "./clientFlags.ts"
import { localTime } from "./units.ts"

const host = Argument.String("host").pipe(Argument.withDescription("the machine's name"))

export const inviteCommand = Command.make(
  "invite",
  {
    host,
    address: Flag.String("address").pipe(
      Flag.optional,
      Flag.withDescription("the name by which the client reaches this server; default: what setup-server was told")
    ),
    expires: Flag.String("expires").pipe(
      Flag.filterMap(
        (text) => Option.fromNullishOr(parseSpan(text)),
        () => "Expected a length of time, as in 2h or 7d"
      ),
      Flag.optional,
      Flag.withDescription("how long the invitation holds, as in 2h or 7d")
    ),
    json
  },
  Effect.fnUntraced(function* (given) {
    const result = yield* invite({
      host: given.host,
      ...(Option.isSome(given.address) ? { address: given.address.value } : {}),
      ...(Option.isSome(given.expires) ? { life: Duration.seconds(given.expires.value) } : {})
    })
    if (given.json) return yield* Console.log(JSON.stringify(result))
    const replaces = result.replaces ? " It will replace the key that this host has now." : ""
    yield* Console.error(
      `byteback: paste this line on ${result.host}, as root. It works once, until ${localTime(result.expires)}.${replaces}`
    )
    yield* Console.log(result.command)
  })
).pipe(
  Command.withDescription(
    "Print one line that enrols a machine when it is pasted there: it holds a key that works once"
  ),
  Command.withShortDescription("print one line that enrols a machine")
)

export const addClientCommand = Command.make(
  "add-client",
  {
    host,
    key: Argument.String("key").pipe(
      Argument.withDescription("its public key, as byteback setup-client --print-key prints it")
    ),
    from: Flag.String("from").pipe(
      Flag.atLeast(0),
      Flag.withDescription("an address or network that it may come from, may be repeated; default: from everywhere")
    ),
    replaceKey: Flag.Boolean("replace-key").pipe(
      Flag.withDefault(false),
      Flag.withDescription("give a host that has a key already this one in its place")
    ),
    json
  },
  Effect.fnUntraced(function* (given) {
    const result = yield* addClient({
      host: given.host,
      key: given.key,
      from: given.from,
      replaceKey: given.replaceKey
    })
    yield* Console.log(
      given.json
        ? JSON.stringify(result)
        : `${result.host} ${result.changed ? "may back up from now on" : "was added already"}, with key ${result.fingerprint}`
    )
  })
).pipe(
  Command.withDescription("Let a machine back up with a key that you give"),
  Command.withShortDescription("let a machine back up with a key that you give")
)

export const removeClientCommand = Command.make(
  "remove-client",
  {
    host,
    deleteBackups: Flag.Boolean("delete-backups").pipe(
      Flag.withDefault(false),
      Flag.withDescription("delete all its backups too, for ever")
    ),
    json
  },
  Effect.fnUntraced(function* (given) {
    const result = yield* removeClient({ host: given.host, deleteBackups: given.deleteBackups })
    if (given.json) return yield* Console.log(JSON.stringify(result))
    yield* Console.log(
      given.deleteBackups
        ? `${result.host} is gone, with ${result.deleted.length} subvolumes of backups`
        : `${result.host} may no longer back up; its backups are kept (--delete-backups deletes them)`
    )
    if (result.left.length > 0)
      yield* Console.error(`byteback: left alone, not byteback's own: ${result.left.join(", ")}`)
  })
).pipe(
  Command.withDescription("Take a machine's access away; its backups stay unless you say otherwise"),
  Command.withShortDescription("take a machine's access away")
)

export const clientsCommand = Command.make(
  "clients",
  { json },
  Effect.fnUntraced(function* (given) {
    const result = yield* clients()
    if (given.json) return yield* Console.log(JSON.stringify(result))
    if (result.clients.length === 0)
      yield* Console.error("byteback: no clients yet; invite one with: byteback invite HOST")
    const width = Math.max(0, ...result.clients.map((one) => one.host.length))
    for (const one of result.clients) {
      const invited = one.invitedUntil === null ? "" : `invited until ${localTime(one.invitedUntil)}`
      const parts = [
        one.fingerprint ?? (one.uid === null ? "" : "no key: cannot log in"),
        invited,
        one.uid === null ? "not here yet" : ""
      ]
      yield* Console.log(`${one.host.padEnd(width)}  ${parts.filter((part) => part !== "").join("  ")}`)
    }
    for (const key of result.administratorKeys) yield* Console.log(`(administrator's key, may enrol hosts)  ${key}`)
    if (result.foreignLines > 0) {
      yield* Console.error(
        `byteback: warning: ${result.foreignLines} lines of /etc/byteback/authorized_keys were not written by byteback`
      )
    }
  })
).pipe(
  Command.withDescription("List the machines that may back up here, and their keys"),
  Command.withShortDescription("list the machines that may back up here")
)
