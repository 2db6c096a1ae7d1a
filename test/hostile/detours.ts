// What a client may ask without being refused, and where it does not lead.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { backupWords, nextSnapshotMayCome, pruneEnded, snapshotNames } from "../e2e/pair.ts"
import type { Deed } from "./deed.ts"
import { Siege } from "./siege.ts"

const current = "/byteback/attacker/current"

export const detourDeeds: ReadonlyArray<Deed> = [
  {
    area: "Push",
    name: "-s with another host on stdin, in a push",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* attacker.ok(["sh", "-c", "mkdir -p /detour && echo x >/detour/strayed"])
      const words = ["rsync", "-as", "-e", "ssh", "/detour/strayed", "alone:../victim/current/data"]
      const { stderr, stdout } = yield* attacker.run(words)
      const found = yield* server.ok(["find", "/byteback", "-maxdepth", "4", "-name", "strayed"])
      assert.strictEqual(found, `${current}/strayed\n`)
      yield* server.ok(["rm", `${current}/strayed`])
      return { outcome: "in one's own current, whatever its destination", saw: [stdout, stderr] }
    })
  },
  {
    area: "Push",
    name: "fake-super left out",
    run: Effect.gen(function* () {
      const { attacker, send, server } = yield* Siege
      yield* attacker.ok([
        "sh",
        "-ec",
        "mkdir -p /detour/real; cd /detour/real; ln -sf /etc/canary link; cp /bin/true setuid; chmod 4755 setuid; [ -e null ] || mknod null c 1 3"
      ])
      const words = ["rsync", "-aD", "-e", "ssh", "--rsync-path=rsync", "/detour/real", "alone:."]
      const { stderr, stdout } = yield* attacker.run(words)
      const kinds = yield* server.ok(["sh", "-c", `cd ${current}/real && find . -type f -printf '%f %#m\n' | sort`])
      // as they were told to the server, and no more than that: nothing there is a link, a device or setuid
      assert.match(kinds, /^link 0\d{3}\nnull 0\d{3}\nsetuid 0\d{3}\n$/)
      const listed = yield* send("byteback-receive --snapshot current --list --all /real/*")
      yield* server.ok(["rm", "-rf", `${current}/real`])
      return { outcome: "given all the same: plain files", saw: [stdout, stderr, listed.stdout] }
    })
  },
  {
    area: "Restore",
    name: "10,000 paths by --files-from, and some of them lead out",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      const out = [
        "../victim/current/data/secret",
        "/../victim/current/data/secret",
        "/etc/canary",
        "data/../../../etc/canary"
      ]
      const paths = ["data/hello", ...out, ...Array.from({ length: 10_000 }, (_, index) => `data/none-${index}`)]
      yield* attacker.write("/root/paths", `${paths.join("\n")}\n`)
      const words = ["rsync", "-a", "--files-from=/root/paths", "-e", "ssh", "alone:latest/", "/gathered"]
      const { code, stderr, stdout } = yield* attacker.run(words)
      assert.include([0, 23], code, stderr)
      assert.strictEqual(yield* attacker.ok(["sh", "-c", "cd /gathered && find . -type f"]), "./data/hello\n")
      yield* attacker.ok(["rm", "-rf", "/gathered"])
      return { outcome: "what there is of one's own, and nothing else", saw: [stdout, stderr] }
    })
  },
  {
    area: "Snapshots",
    name: "`--snapshot *`",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const { code, stderr, stdout } = yield* send("byteback-receive --snapshot * --list --all /*")
      assert.strictEqual(code, 0, stderr)
      const own = yield* snapshotNames(server, "attacker")
      const told = new Set(stdout.split("\n").flatMap((line) => /\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d{4}/.exec(line) ?? []))
      assert.isNotEmpty(told)
      assert.includeMembers(own, [...told])
      return { outcome: "all of one's own, and nobody else's", saw: [stdout, stderr] }
    })
  },
  {
    area: "Content",
    name: "a sparse file of 8 EiB in current",
    run: Effect.gen(function* () {
      const { attacker, server, victim } = yield* Siege
      yield* nextSnapshotMayCome(server, "attacker")
      yield* attacker.ok(["rsync", "-aX", "-e", "ssh", "/data", "alone:."])
      const uid = (yield* server.ok(["stat", "-c", "%u", current])).trim()
      const make = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "truncate"]
      yield* server.ok([...make, "-s", "9223372036854775807", "endless"], { cwd: current })
      const before = yield* snapshotNames(server, "attacker")
      yield* attacker.ok(["ssh", "alone", "byteback-receive --complete"])
      const [name] = (yield* snapshotNames(server, "attacker")).filter((one) => !before.includes(one))
      const listed = yield* attacker.ok(["byteback", "ls", "-l", `${name}:/`])
      assert.include(listed, "endless")
      const found = yield* attacker.ok(["byteback", "find", "endless", "--snapshot", name!])
      const changed = yield* attacker.run(["byteback", "diff", before.at(-1)!, name!])
      assert.strictEqual(changed.code, 0, changed.stderr)
      assert.match(changed.stdout, /endless/)
      // what follows a backup measures it, and nobody waits for that
      yield* pruneEnded(server)
      assert.strictEqual((yield* server.run(["byteback", "prune", "--dry-run"])).code, 0)
      yield* nextSnapshotMayCome(server, "victim")
      yield* victim.ok(backupWords())
      yield* server.ok(["btrfs", "-q", "subvolume", "delete", `/byteback/attacker/${name}`])
      yield* server.ok(["rm", `${current}/endless`])
      return {
        outcome: "listed, found and measured as what it is; the neighbour is served",
        saw: [listed, found, changed.stdout]
      }
    })
  }
]
