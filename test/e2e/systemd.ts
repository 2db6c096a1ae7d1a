// A systemd of a machine's own, in namespaces and a control group that the real machine's systemd does not know.
import { Effect } from "effect"
import type { Machine } from "../lab/Lab.ts"

/** Becomes systemd. That /sys is read-only tells it to know no devices: it would unmount what is on one that no udev told it of. */
const boot = `
mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mkdir -p "/sys/fs/cgroup/$1" &&
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs" && umount /sys/fs/cgroup &&
exec unshare --cgroup --mount --pid --fork --kill-child=KILL sh -c '
mount --bind /sys /sys && mount -o remount,bind,ro /sys && mount -t cgroup2 none /sys/fs/cgroup && mount -t proc proc /proc &&
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

/** Runs systemd on a machine until the scope closes; what it gives turns a command into one that is run within. */
export const booted = Effect.fn("booted")(function* (machine: Machine) {
  const group = `byteback-lab-${process.pid}-${machine.name}`
  const within = (...argv: ReadonlyArray<string>) => ["sh", "-c", inSystemd, "sh", ...argv]
  yield* Effect.acquireRelease(machine.start(["sh", "-c", boot, "sh", group]), (systemd) =>
    Effect.andThen(systemd.kill("SIGKILL"), machine.ok(["unshare", "--mount", "sh", "-c", tidy, "sh", group])).pipe(
      Effect.orDie
    )
  )
  yield* machine.until(within("systemctl", "is-system-running"), { timeout: 60_000 })
  return within
})
