// The unit that backs up with the right to read and no other, under a systemd of the machine's own.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { clientMachine, root, serverMachine } from "./pair.ts"
import { booted } from "./systemd.ts"

describe.skipIf(!root)("a backup without root", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("reads what only root may, and writes nothing", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server", "600M")
        const client = yield* clientMachine(server, "reader")
        yield* client.write(
          "/etc/systemd/system/byteback-unprivileged.service.d/source.conf",
          "[Service]\nExecStart=\nExecStart=/usr/bin/byteback backup --quiet --source /data --retry-number 0\n"
        )
        yield* client.ok(["useradd", "--system", "byteback-push"])
        yield* client.ok(["sh", "-c", "echo secret >/data/only && chmod 600 /data/only && chmod 700 /data"])
        yield* client.write(
          "/etc/byteback/pre-backup.d/look",
          "#!/bin/sh\n{ id -un; grep ^CapEff: /proc/self/status; touch /data/written /etc/written /tmp/written; } >/run/byteback-push/seen 2>&1; cp /run/byteback-push/seen /dev/shm/seen\n",
          { mode: "755" }
        )
        const within = yield* booted(client)
        const started = yield* client.run(within("systemctl", "start", "byteback-unprivileged.service"))
        const log = yield* client.run(within("systemctl", "--no-pager", "status", "byteback-unprivileged.service"))
        const seen = yield* client.run(within("cat", "/dev/shm/seen"))
        assert.strictEqual(started.code, 0, log.stdout)
        assert.strictEqual(yield* server.read("/byteback/reader/current/data/only"), "secret\n")
        const [user, rights, ...denied] = seen.stdout.trim().split("\n")
        // CAP_DAC_READ_SEARCH is bit 2
        assert.deepStrictEqual([user, rights], ["byteback-push", "CapEff:\t0000000000000004"])
        assert.lengthOf(
          denied.filter((line) => /Read-only file system|Permission denied/.test(line)),
          3,
          seen.stdout
        )
      }).pipe(Effect.scoped)
    )
  })
})
