// npm run demo: the main job on two machines made of namespaces, with everything real, in a few minutes.
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect } from "effect"
import { bytes, duration } from "../../src/cli/units.ts"
import { Lab, LabError, type Machine } from "./Lab.ts"
import { realTree } from "./realTree.ts"

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text)
const say = (text: string) => Console.log(`\n${bold(text)}`)

/** In a log, without the line that moves; the last of it is what the summary says. */
const inLog = (text: string) =>
  text
    .replaceAll(/\r\x1b\[K\d[^\r\n]*/g, "")
    .replaceAll("\r\x1b[K", "")
    .replaceAll("\r", "")

/** Runs a command in a machine as a user at its terminal would, showing what it shows. */
const shown = Effect.fn("shown")(function* (machine: Machine, argv: ReadonlyArray<string>, display = argv.join(" ")) {
  yield* Console.log(`${machine.name}# ${display}`)
  const before = yield* Clock.currentTimeMillis
  const running = yield* machine.tty(argv)
  let printed = 0
  const flush = Effect.sync(() => {
    const text = running.stdout()
    const next = text.slice(printed)
    printed = text.length
    process.stdout.write(process.stdout.isTTY ? next : inLog(next))
  })
  const echo = Effect.forever(Effect.andThen(flush, Effect.sleep("100 millis")))
  const { code } = yield* Effect.raceFirst(running.wait, Effect.andThen(echo, Effect.never))
  yield* flush
  if (code !== 0) return yield* new LabError({ message: `${display} ended with exit code ${code}` })
  return ((yield* Clock.currentTimeMillis) - before) / 1000
}, Effect.scoped)

const demo = Effect.gen(function* () {
  const began = yield* Clock.currentTimeMillis
  const times: Array<readonly [string, number]> = []
  const timed = Effect.fn("timed")(function* (what: string, ...args: Parameters<typeof shown>) {
    times.push([what, yield* shown(...args)])
  })
  yield* say("Two machines: a backup server and a client, made of namespaces, gone when this ends")
  const lab = yield* Lab
  const server = yield* lab.machine("server", { install: true })
  const client = yield* lab.machine("client", { install: true })
  yield* server.sshd

  yield* say("Set up the server: user, btrfs store, sshd and sudo drop-ins")
  yield* timed("set up the server", server, [
    "byteback",
    "setup-server",
    "--image",
    "/srv/byteback.img",
    "--size",
    "6G",
    "--address",
    "server"
  ])
  yield* say("Invite the client: one line to paste, which carries the server's host key and a key that works once")
  const line = (yield* server.ok(["byteback", "invite", "client"])).trim().split("\n").at(-1)!
  yield* timed("set up the client", client, line.split(" "), `${line.slice(0, 60)}...`)

  const { directories, files } = yield* realTree(client, 50_000)
  const sources = directories.flatMap((directory) => ["--source", directory])
  yield* say(`First backup: ${files} real files of ${directories.join(", ")}`)
  yield* timed("first backup", client, ["byteback", "backup", ...sources])

  yield* say(
    "Changes on the client: a file edited, one deleted, one added. The server is told not to wait six hours; names tell the minute, so one passes"
  )
  const [first = "/usr/share"] = directories
  yield* client.ok([
    "sh",
    "-c",
    'printf "changed\\n" >> "$1/common-licenses/GPL-3"; rm "$1/common-licenses/BSD"; printf "new\\n" > "$1/new-file"',
    "sh",
    first
  ])
  yield* server.write("/etc/byteback/snapshot_interval", "0\n")
  yield* server.until(["sh", "-c", 'test ! -e "/byteback/client/$(date -u +%Y-%m-%dT%H:%M+0000)"'], { timeout: 70_000 })
  yield* timed("second backup", client, ["byteback", "backup", ...sources])

  yield* say("Both restore points, seen from the client")
  yield* shown(client, ["byteback", "snapshots"])

  yield* say("Restore, and compare with the source: content, owner, mode, times, links, xattrs, ACLs")
  yield* timed("restore", client, ["byteback", "restore", first, "--to", "/restored"])
  const differences = yield* client.ok([
    "rsync",
    "-niaHAX",
    "--checksum",
    "--delete",
    `${first}/`,
    `/restored${first}/`
  ])
  if (differences !== "") return yield* new LabError({ message: `the restored tree differs:\n${differences}` })
  yield* Console.log(`no difference in ${first}`)

  yield* say("How long it took")
  for (const [what, seconds] of times) yield* Console.log(`  ${what.padEnd(20)} ${duration(seconds)}`)
  const used = yield* server.ok(["du", "-B1", "-s", "/srv/byteback.img"])
  yield* Console.log(`  the store takes ${bytes(Number(used.split("\t")[0]))} of disk, two snapshots in it`)
  yield* Console.log(`  in all               ${duration(((yield* Clock.currentTimeMillis) - began) / 1000)}`)
}).pipe(Effect.scoped, Effect.provide(Lab.layer()))

if (process.getuid?.() !== 0) {
  console.error("byteback: the demo makes machines out of namespaces and needs root; run it with sudo")
  process.exit(1)
}
NodeRuntime.runMain(
  Effect.catchTag(demo, "LabError", (error) =>
    Effect.andThen(Console.error(`byteback: ${error.message}`), Effect.fail(error))
  ),
  { disableErrorReporting: true }
)
