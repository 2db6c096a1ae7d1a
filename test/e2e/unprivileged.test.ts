// The unit that backs up with the right to read and no other, under a systemd of the machine's own.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { clientMachine, root, serverMachine } from "./pair.ts"

/** Becomes systemd in namespaces of its own, in a control group that the real machine's systemd does not know. */
const boot = `
mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mkdir -p "/sys/fs/cgroup/$1" &&
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs" && umount /sys/fs/cgroup &&
exec unshare --cgroup --mount --pid --fork --kill-child=KILL sh -c '
mount -t cgroup2 none /sys/fs/cgroup && mount -t proc proc /proc &&
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target'`

/** Takes the control groups away again, once nothing is left in them. */
const tidy = `
mount -t cgroup2 none /sys/fs/cgroup
for try in $(seq 100); do
  find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} + 2>/dev/null
  test -e "/sys/fs/cgroup/$1" || exit 0
  sleep 0.05
done
exit 1`

const inSystemd = 'exec nsenter --target "$(pgrep -o -x systemd)" --mount --pid --cgroup -- "$@"'

describe.skipIf(!root)("a backup without root", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("reads what only root may, and writes nothing", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server", "600M")
        const client = yield* clientMachine(server, "reader")
        const group = `byteback-lab-${process.pid}`
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
        const systemd = yield* client.start(["sh", "-c", boot, "sh", group])
        const within = (...argv: ReadonlyArray<string>) => ["sh", "-c", inSystemd, "sh", ...argv]
        yield* client.until(within("systemctl", "is-system-running"), { timeout: 60_000 })
        const started = yield* client.run(within("systemctl", "start", "byteback-unprivileged.service"))
        const log = yield* client.run(within("systemctl", "--no-pager", "status", "byteback-unprivileged.service"))
        const seen = yield* client.run(within("cat", "/dev/shm/seen"))
        yield* systemd.kill("SIGKILL")
        yield* client.ok(["unshare", "--mount", "sh", "-c", tidy, "sh", group])
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
