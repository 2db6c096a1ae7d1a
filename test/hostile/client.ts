// What a hostile server, or a local user of the client, may try against the client.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { unprivilegedArgv } from "../../src/domain/unprivileged.ts"
import { backupWords } from "../e2e/pair.ts"
import type { Deed } from "./deed.ts"
import { Siege } from "./siege.ts"

const area = "Client"
const runner = "/usr/lib/byteback/run-pull"

/** Restores /data while the server runs `script` in place of rsync and its sandbox. */
const restoreFrom = Effect.fnUntraced(function* (script: string) {
  const { attacker, server } = yield* Siege
  yield* server.ok(["sh", "-c", 'mv "$1" "$1.good" && cat >"$1" && chmod 755 "$1"', "sh", runner], { stdin: script })
  yield* attacker.ok(["rm", "-rf", "/restored"])
  const result = yield* attacker
    .run(["byteback", "restore", "/data", "--to", "/restored"], { timeout: 60_000 })
    .pipe(Effect.ensuring(Effect.ignore(server.ok(["mv", `${runner}.good`, runner]))))
  return result
})

/** Drops what a runner gets before rsync's own words, which it then has as "$@". */
const rsyncWords = 'while [ "$1" != rsync ]; do shift; done; shift'

export const clientDeeds: ReadonlyArray<Deed> = [
  {
    area,
    name: "setuid files, capabilities and devices in a restore",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      const { code, stderr } = yield* attacker.run(["byteback", "restore", "/data", "--to", "/plain"])
      assert.strictEqual(code, 0, stderr)
      assert.include(stderr, "1 setuid or setgid files, 1 with capabilities, 0 devices")
      assert.include(stderr, "/plain/data/rights/setuid")
      assert.isFalse(yield* attacker.exists("/plain/data/rights/null"), "no device unless it was asked for")
      assert.strictEqual(yield* attacker.ok(["stat", "-c", "%a", "/plain"]), "700\n")
      const asked = yield* attacker.run(["byteback", "restore", "/data", "--to", "/asked", "--devices"])
      assert.include(asked.stderr, "1 setuid or setgid files, 1 with capabilities, 1 devices")
      yield* attacker.ok(["rm", "-rf", "/plain", "/asked"])
      return {
        outcome: "a fresh directory of 0700, no devices unless asked for, and all of it reported",
        saw: [stderr]
      }
    })
  },
  {
    area,
    name: "a server that sends another tree out of turn",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* server.ok(["sh", "-c", "mkdir -p /evil/data /evil/etc && echo x >/evil/etc/evil && echo x >/evil/evil"])
      // the list of what is wanted is never read: rsync on the client finds the conversation out of step
      const script = `#!/bin/sh
${rsyncWords}
cd /evil
for word; do
  shift
  case $word in --files-from=*|--from0|--confine-root=*) ;; .) set -- "$@" . ; break ;; *) set -- "$@" "$word" ;; esac
done
exec rsync --server "$@" evil etc
`
      const { code, stderr } = yield* restoreFrom(script)
      assert.strictEqual(code, exitCode.failed)
      assert.match(stderr, /^byteback: the connection broke off; what had arrived is kept \(File-list index [^\n]*\n$/)
      assert.strictEqual(
        yield* attacker.ok(["sh", "-c", "find /restored -name 'evil*'; ls /evil 2>/dev/null; true"]),
        ""
      )
      yield* server.ok(["rm", "-rf", "/evil"])
      return { outcome: "1: the connection broke off; none of it is written", saw: [stderr] }
    })
  },
  {
    area,
    name: "endless escaped stderr",
    run: Effect.gen(function* () {
      const script = `#!/bin/sh
yes "$(printf '\\033[2J\\033]0;evil\\007 evil')" >&2
`
      const { code, stderr, stdout } = yield* restoreFrom(script)
      assert.deepStrictEqual([code, stderr, stdout], [exitCode.failed, "byteback: rsync failed\n", ""])
      return { outcome: "1: rsync failed; no control byte reaches the terminal", saw: [stderr] }
    })
  },
  {
    area,
    name: "a changed host key",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      yield* attacker.ok([
        "sh",
        "-c",
        "cp -p /etc/byteback/known_hosts /root/known && ssh-keygen -q -t ed25519 -N '' -f /root/other"
      ])
      const [name] = (yield* attacker.read("/etc/byteback/known_hosts")).split(" ")
      yield* attacker.ok([
        "sh",
        "-c",
        'echo "$1 $(cut -d" " -f1,2 /root/other.pub)" >/etc/byteback/known_hosts',
        "sh",
        name!
      ])
      const { code, stderr } = yield* attacker.run(backupWords())
      yield* attacker.ok(["mv", "/root/known", "/etc/byteback/known_hosts"])
      assert.strictEqual(code, exitCode.failed)
      assert.match(stderr, /^byteback: server: shows another host key than the one pinned at set-up; [^\n]*\n$/)
      assert.strictEqual((yield* attacker.run(["byteback", "snapshots"])).code, 0, "its twin")
      return { outcome: "1: shows another host key than the one pinned at set-up; nothing is sent", saw: [stderr] }
    })
  },
  {
    area,
    name: "a group-writable configuration",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      yield* attacker.ok(["sh", "-c", "echo /nothing >/etc/byteback/excludes && chmod g+w /etc/byteback/excludes"])
      const { code, stderr } = yield* attacker.run(backupWords())
      yield* attacker.ok(["rm", "/etc/byteback/excludes"])
      assert.strictEqual(code, exitCode.usage)
      assert.include(stderr, "can be written by other users")
      return { outcome: "2: can be written by other users", saw: [stderr] }
    })
  },
  {
    area,
    name: "a lock directory of another user",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      yield* attacker.ok(["rm", "-rf", "/run/byteback"])
      const made = yield* attacker.run(["mkdir", "/run/byteback"], { user: "nobody" })
      assert.match(made.stderr, /Permission denied$/m)
      assert.strictEqual(made.code, 1)
      assert.include([0, 15], (yield* attacker.run(backupWords())).code)
      assert.strictEqual(yield* attacker.ok(["stat", "-c", "%u %a", "/run/byteback"]), "0 700\n")
      const saw: Array<string> = []
      for (const [damage, says] of [
        ["chown nobody", "belongs to another user"],
        ["chmod g+w", "can be written by other users"]
      ] as const) {
        yield* attacker.ok(["sh", "-c", `install -d -m 700 /run/byteback && ${damage} /run/byteback`])
        const { code, stderr } = yield* attacker.run(backupWords())
        assert.strictEqual(code, exitCode.usage)
        assert.match(stderr, new RegExp(`^byteback: [^\\n]*/run/byteback[^\\n]*${says}[^\\n]*\\n$`))
        saw.push(stderr)
        yield* attacker.ok(["rm", "-rf", "/run/byteback"])
      }
      return { outcome: "cannot be made by one, in /run; 2 where one has it all the same", saw }
    })
  },
  {
    area,
    name: "a push with no right but to read",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* attacker.ok([
        "sh",
        "-c",
        "mkdir -m 700 /data/roots && echo secret >/data/roots/only && chmod 600 /data/roots/only"
      ])
      const unprivileged = [...backupWords(), "--unprivileged"]
      const nobody = yield* attacker.run(unprivileged)
      assert.strictEqual(nobody.code, exitCode.usage)
      assert.include(nobody.stderr, "useradd --system byteback-push")
      yield* attacker.ok(["useradd", "--system", "byteback-push"])
      const hook = "/etc/byteback/pre-backup.d/look"
      const look =
        "#!/bin/sh\n{ id -un; grep ^CapEff: /proc/self/status; } >/tmp/seen; touch /data/roots/x && exit 1; exit 0\n"
      yield* attacker.write(hook, look, { mode: "0755" })
      const { code, stderr } = yield* attacker.run(unprivileged)
      assert.include([exitCode.ok, exitCode.tooSoon] as ReadonlyArray<number>, code, stderr)
      // CAP_DAC_READ_SEARCH is bit 2
      assert.strictEqual(yield* attacker.read("/tmp/seen"), "byteback-push\nCapEff:\t0000000000000004\n")
      assert.strictEqual(yield* server.read("/byteback/attacker/current/data/roots/only"), "secret\n")
      const without = unprivilegedArgv(["cat", "/data/roots/only"]).filter((word) => !word.startsWith("--ambient"))
      const incapable = yield* attacker.run(without)
      assert.match(incapable.stderr, /Permission denied$/m, "the capability is what makes the difference")
      assert.strictEqual(incapable.code, 1)
      yield* attacker.ok(["rm", "-rf", "/data/roots", hook, "/tmp/seen"])
      // root's own backups go on
      const own = yield* attacker.run(backupWords())
      assert.include([exitCode.ok, exitCode.tooSoon] as ReadonlyArray<number>, own.code, own.stderr)
      return {
        outcome: "CAP_DAC_READ_SEARCH is enough for files that only root can read",
        saw: [nobody.stderr, stderr]
      }
    })
  },
  {
    area: "Doctor",
    name: "a server with everything wrong",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const healthy = yield* server.run(["byteback", "doctor"])
      assert.deepStrictEqual([healthy.code, healthy.stdout], [0, "nothing is wrong with this server\n"])
      const keys = yield* server.read("/etc/byteback/authorized_keys")
      const writable =
        "/usr/lib/byteback /usr/lib/byteback/seccomp-*.bpf /usr/lib/byteback/run-* /usr/lib/byteback/reader.cjs /etc/sudoers.d/byteback /etc/byteback/allow_old_rsync /var/lib/byteback"
      yield* server.ok([
        "sh",
        "-c",
        `echo 'ssh-ed25519 AAAA root@web' >>/etc/byteback/authorized_keys
         mount -o remount,user_subvol_rm_allowed /byteback && mv /usr/bin/bwrap /usr/bin/bwrap.away
         mv /usr/bin/rsync /usr/bin/rsync.good && printf '#!/bin/sh\necho "rsync  version 3.2.7  protocol version 31"\n' >/usr/bin/rsync
         chmod 755 /usr/bin/rsync; echo 3.2.3 >/etc/byteback/allow_old_rsync
         for path in ${writable}; do chmod g+w "$path"; done
         echo 'PermitUserEnvironment yes' >/etc/ssh/sshd_config.d/00-lax.conf`
      ])
      const paths = (yield* server.ok(["sh", "-c", `ls -d ${writable}`])).trim().split("\n")
      const { code, stdout } = yield* server.run(["byteback", "doctor", "--json"])
      yield* server.ok([
        "sh",
        "-c",
        `for path in ${writable}; do chmod g-w "$path"; done
         mv /usr/bin/rsync.good /usr/bin/rsync; rm /etc/byteback/allow_old_rsync; mv /usr/bin/bwrap.away /usr/bin/bwrap; rm /etc/ssh/sshd_config.d/00-lax.conf
         umount /byteback && mount /byteback`
      ])
      yield* server.write("/etc/byteback/authorized_keys", keys)
      type Finding = { readonly check: string; readonly problem: string }
      const { findings: found } = JSON.parse(stdout) as { readonly findings: ReadonlyArray<Finding> }
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(found.map(({ check }) => check).toSorted(), [
        "key-line",
        "permit-user-environment",
        "rsync-holes",
        "sandbox-missing",
        "user-subvol-rm-allowed",
        ...paths.map(() => "writable-path")
      ])
      const writablePaths = found
        .filter(({ check }) => check === "writable-path")
        .map(({ problem }) => problem.split(" ")[0])
      assert.sameMembers(writablePaths, paths)
      assert.strictEqual((yield* server.run(["byteback", "doctor"])).code, 0)
      return { outcome: "byteback doctor finds each, and nothing else", saw: [] }
    })
  }
]
