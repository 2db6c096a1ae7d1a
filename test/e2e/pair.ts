// A server and its clients in the lab, set up as a user would: what every end-to-end test begins with.
import { Effect } from "effect"
import { Lab, type Machine } from "../lab/Lab.ts"

export const root = process.getuid?.() === 0
if (!root) console.warn("test/e2e: skipped, machines can only be made by root")

/** A server with a store of `size` on a loopback image, its sshd running. */
export const serverMachine = Effect.fn("serverMachine")(function* (name = "server", size = "2G") {
  const lab = yield* Lab
  const server = yield* lab.machine(name, { install: true })
  yield* server.sshd
  yield* server.ok(["byteback", "setup-server", "--image", "/srv/byteback.img", "--size", size])
  return server
})

/** The words of the line that `byteback invite` prints for a host. */
export const invitation = Effect.fn("invitation")(function* (server: Machine, host: string) {
  const printed = yield* server.ok(["byteback", "invite", host, "--address", server.name])
  return printed.trim().split("\n").at(-1)!.split(" ")
})

/** A client with a small tree of its own in /data, enrolled at the server by an invitation. */
export const clientMachine = Effect.fn("clientMachine")(function* (server: Machine, name = "client") {
  const lab = yield* Lab
  const client = yield* lab.machine(name, { install: true })
  yield* client.ok(yield* invitation(server, name))
  yield* client.write("/data/hello", "hello\n")
  return client
})

/** A backup of /data without retries, as a cron job would run it. */
export const backupWords = (...more: ReadonlyArray<string>) => [
  ...["byteback", "backup", "--source", "/data", "--retry-number", "0"],
  ...more
]

/** The names of a host's snapshots, as they lie in the store. */
export const snapshotNames = Effect.fn("snapshotNames")(function* (server: Machine, host: string) {
  const listed = yield* server.ok(["ls", "-A", `/byteback/${host}`])
  return listed
    .trim()
    .split("\n")
    .filter((name) => name !== "current")
})

/** Lets the server take a snapshot at once and under a new name: no interval, and the next minute has begun. */
export const nextSnapshotMayCome = Effect.fn("nextSnapshotMayCome")(function* (server: Machine, host: string) {
  yield* server.write("/etc/byteback/snapshot_interval", "0\n")
  yield* server.until(["sh", "-c", 'test ! -e "/byteback/$1/$(date -u +%Y-%m-%dT%H:%M+0000)"', "sh", host], {
    timeout: 70_000
  })
})

/** Waits for the prune after a backup, which measures it: until then journal and snapshots are not a test's to forge. */
export const pruneEnded = (server: Machine) =>
  server.until(["sh", "-c", "! pgrep -f 'byteback.cjs [p]rune'"], { timeout: 60_000 })

/** Where a host's backups lie in the store. */
export const hostDirectory = (host: string) => `/byteback/${host}`
