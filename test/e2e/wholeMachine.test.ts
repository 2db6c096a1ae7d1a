// The default job: a machine as it is from / downwards, by its own mount table and the files in /etc/byteback, seen from a terminal.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { clientMachine, root, serverMachine, snapshotNames } from "./pair.ts"

describe.skipIf(!root)("a whole machine", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("is backed up but for what is no use in a backup, and each of those stays as an empty directory", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "whole")
        const emptied = ["/tmp", "/var/tmp", "/var/cache/apt/archives", "/var/backups/localhost", "/mnt/memory"]
        yield* client.ok([
          "sh",
          "-c",
          'mkdir -p "$@" && mount -t tmpfs memory /mnt/memory && for one; do echo junk >"$one/junk"; done',
          "sh",
          ...emptied
        ])
        for (const file of ["/swap.file", "/data/film.iso"]) yield* client.write(file, "junk\n")
        // The machine's programs are the lab's own, and thousands.
        yield* client.write("/etc/byteback/excludes", "/usr/*\n*.iso\n")

        const running = yield* client.tty(["byteback", "backup"])
        const ended = yield* running.wait
        assert.strictEqual(ended.code, 0, ended.stdout)
        const [name] = yield* snapshotNames(server, "whole")
        assert.match(ended.stdout, /\r\x1b\[K\d+ % {2}\d+ of \d+\+? files {2}\S+ \S+ sent {2}/)
        // The line that moves is gone when the last word comes.
        assert.include(ended.stdout, `\r\x1b[Kbyteback: backup of whole complete: snapshot ${name}; `)

        const kept = `/byteback/whole/${name}`
        const same = ["/etc/passwd", "/etc/byteback/excludes", "/data/hello"]
        for (const file of same) assert.strictEqual(yield* server.read(kept + file), yield* client.read(file))
        for (const directory of ["/dev", "/proc", "/run", "/sys", "/usr", ...emptied]) {
          assert.strictEqual(yield* server.ok(["ls", "-A", kept + directory]), "", directory)
        }
        for (const file of ["/swap.file", "/data/film.iso"]) assert.isFalse(yield* server.exists(kept + file), file)

        // What has come since is told, in the root too, but nothing that a backup leaves out.
        yield* client.ok(["sh", "-ec", "mkdir /fresh; echo x >/fresh/file; echo x >/new; echo x >/tmp/x"])
        const since = (yield* client.ok(["byteback", "diff", "latest", "live"])).split("\n")
        assert.includeMembers(since, ["+ /fresh/", "+ /fresh/file", "+ /new"])
        for (const left of ["/mnt/memory", "/tmp/", "/usr/", "/proc/", "/dev/", "/swap.file", "film.iso"])
          assert.notInclude(since.join("\n"), left)
        yield* client.ok(["rm", "-r", "/fresh", "/new"])

        // A filter of its own comes after all that, and with a `!` instead of it.
        yield* client.write("/data/program.o", "junk\n")
        const planned = Effect.fnUntraced(function* (filter: string) {
          yield* client.write("/etc/byteback/rsync_filter", filter)
          const text = yield* client.ok(["byteback", "backup", "--dry-run", "--source", "/data"])
          assert.notInclude(text, "deleting", "what is no part of the source stays")
          return ["film.iso", "program.o"].filter((file) => text.includes(`data/${file}`))
        })
        assert.deepStrictEqual(yield* planned(""), ["program.o"])
        assert.deepStrictEqual(yield* planned("- *.o\n"), [])
        assert.deepStrictEqual(yield* planned("!\n- *.o\n"), ["film.iso"])

        // The administrator's side of it
        const key = (yield* client.ok(["ssh-keygen", "-lf", "/etc/byteback/key.pub"])).split(" ")[1]!
        for (const host of ["spare", "other"]) {
          yield* server.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `/root/${host}`])
          yield* server.ok(["byteback", "add-client", host, yield* server.read(`/root/${host}.pub`)])
        }
        const listed = (yield* server.ok(["byteback", "clients"])).trim().split("\n")
        assert.deepStrictEqual(
          listed.map((line) => line.split(/ +/)[0]),
          ["other", "spare", "whole"]
        )
        assert.include(listed[2], key)
        for (const words of [
          ["byteback", "snapshot", "spare"],
          ["byteback-snapshot", "--root", "/byteback/other"]
        ]) {
          const host = words.at(-1)!.split("/").at(-1)!
          const said = yield* server.ok(words)
          assert.strictEqual(
            said,
            `snapshot ${(yield* snapshotNames(server, host))[0]} of ${host} taken (incomplete)\n`
          )
        }
      }).pipe(Effect.scoped)
    )
  })
})
