// Getting it back with nothing but rsync: the line that the manual has always given, and the old client's own.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { Lab, type Machine } from "../lab/Lab.ts"
import { oldRsync } from "../lab/oldRsync.ts"
import { everyKind, fingerprint } from "./everyKind.ts"
import { backupWords, clientMachine, nextSnapshotMayCome, root, serverMachine, snapshotNames } from "./pair.ts"

const old = root ? oldRsync("3.2.7") : null
if (root && old === null)
  console.warn("test/e2e/plainRsync: rsync 3.2.7 cannot be had from apt here; its half is skipped")

/** The version that an rsync says it is; empty where it says none. */
const versionIn = (printed: string): string => /^rsync +version (\S+)/.exec(printed)?.[1] ?? ""

const own = versionIn(spawnSync("rsync", ["--version"], { encoding: "utf8" }).stdout ?? "")
if (root && !own.startsWith("3.5."))
  console.warn(`test/e2e/plainRsync: this machine has rsync ${own}, so that 3.5.0 is not looked at`)

/** root's ssh as the manual has it: with nothing but the lines that setup-client prints. */
const plainSsh = (client: Machine) =>
  client.ok([
    "sh",
    "-ec",
    "umask 77; mkdir -p /root/.ssh; byteback setup-client --print-ssh-config >>/root/.ssh/config"
  ])

const suite = (version: string, program: Uint8Array | null) =>
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 240_000 })((it) => {
    it.effect(`rsync ${version} brings back files of any snapshot, and lists them`, () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "plain")
        yield* plainSsh(client)
        yield* client.ok(["sh", "-c", everyKind])
        yield* client.ok(backupWords())
        yield* client.write("/data/hello", "second\n")
        yield* nextSnapshotMayCome(server, "plain")
        yield* client.ok(backupWords())
        const [first] = (yield* snapshotNames(server, "plain")) as [string, string]
        yield* client.write("/data/hello", "now\n")
        if (program !== null) yield* client.write("/usr/local/bin/rsync", program, { mode: "755" })
        assert.strictEqual(versionIn(yield* client.ok(["rsync", "--version"])), version)

        // The line as the manual has it, in an empty directory.
        const seed = (...paths: ReadonlyArray<string>) =>
          client.run(
            [
              ...["rsync", "-Prat", "--rsync-path=rsync --fake-super"],
              ...paths.map((path) => `byteback@server1:${path}`),
              "."
            ],
            { cwd: "/here" }
          )
        const got = Effect.fnUntraced(function* (...paths: ReadonlyArray<string>) {
          yield* client.ok(["sh", "-c", "rm -rf /here; mkdir /here"])
          const { code, stderr } = yield* seed(...paths)
          assert.strictEqual(code, 0, `${paths.join(" ")}: ${stderr}`)
          return (yield* client.ok(["sh", "-c", "cd /here; find . -type f | sort | xargs -r -d '\\n' cat"])).trim()
        })
        assert.strictEqual(yield* got("data/hello"), "second", "a path without a snapshot is of the latest")
        assert.strictEqual(yield* got("/data/hello"), "second")
        assert.strictEqual(yield* got("latest/data/hello"), "second")
        assert.strictEqual(yield* got("current/data/hello"), "second")
        assert.strictEqual(yield* got(`${first}/data/hello`), "hello")
        assert.strictEqual(yield* got(`/${first}/data/hello`, `${first}/data/dir/secret`), "hello\nsecret")
        assert.strictEqual(yield* got("data/ leading and trailing "), "x")
        assert.strictEqual(yield* got("data/back\\slash"), "x")
        assert.strictEqual(yield* got("data/dir/secret"), "secret")
        assert.strictEqual(
          (yield* client.ok(["stat", "-c", "%a %u %g", "/here/secret"])).trim(),
          (yield* client.ok(["stat", "-c", "%a %u %g", "/data/dir/secret"])).trim()
        )

        const secluded = [
          "rsync",
          "-Prats",
          "--rsync-path=rsync --fake-super",
          "byteback@server1:data/ leading and trailing "
        ]
        yield* client.ok([...secluded, "/secluded"])
        assert.strictEqual(yield* client.read("/secluded"), "x")

        // A whole tree with everything in it.
        yield* client.ok(["sh", "-c", "rm -rf /here; mkdir /here; echo second > /data/hello"])
        const all = yield* client.run(["rsync", "-aHAX", "--numeric-ids", "byteback@server1:data", "/here"])
        assert.strictEqual(all.code, 0, all.stderr)
        const [is, was] = yield* Effect.all([fingerprint(client, "/here/data"), fingerprint(client, "/data")])
        const withoutHello = (lines: ReadonlyArray<string>) => lines.filter((line) => !/^(hello)?\|/.test(line))
        assert.deepStrictEqual(
          { ...is, metadata: withoutHello(is.metadata) },
          { ...was, metadata: withoutHello(was.metadata) }
        )

        // Listings.
        const listed = yield* client.ok(["rsync", "--list-only", "byteback@server1:latest/data/dir/"])
        assert.match(listed, /^-rw-rw----\s+6 .* secret$/m)
        assert.match(listed, /^lrwxrwxrwx .* symlink$/m)
        assert.match(yield* client.ok(["rsync", "byteback@server1:"]), / data$/m)
        assert.match(
          yield* client.ok(["rsync", "-r", "--list-only", `byteback@server1:${first}/data/`]),
          / dir\/sparse$/m
        )

        // What is not there, and what may not be.
        yield* client.ok(["sh", "-c", "rm -rf /here; mkdir /here"])
        for (const [paths, says] of [
          [["data/never"], /No such file or directory/],
          [["2001-01-01T00:00+0000/data/hello"], /byteback: this host has no snapshot 2001-01-01T00:00\+0000/],
          [["latest/data/hello", `${first}/data/hello`], /one session restores from one snapshot/],
          [["../other/current/etc/passwd"], /a path may not hold "\.\."/]
        ] as const) {
          const { code, stderr } = yield* seed(...paths)
          assert.notStrictEqual(code, 0, paths.join(" "))
          assert.match(stderr, says)
        }
        assert.strictEqual(yield* client.ok(["ls", "-A", "/here"]), "")
      }).pipe(Effect.scoped)
    )

    it.effect(`an old client on rsync ${version} lists and restores with its very lines`, () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "elder")
        yield* plainSsh(client)
        yield* client.ok(["sh", "-c", "mkdir '/data/a b'; echo blank > '/data/a b/file'; echo other > /data/other"])
        yield* client.ok(backupWords())
        const [name] = (yield* snapshotNames(server, "elder")) as [string]
        if (program !== null) yield* client.write("/usr/local/bin/rsync", program, { mode: "755" })
        assert.strictEqual(versionIn(yield* client.ok(["rsync", "--version"])), version)
        const list = (line: string) => client.ok(["ssh", "byteback@server2", `byteback-receive ${line}`])
        assert.match(
          yield* list("--snapshot * --list data/a=20b"),
          new RegExp(`^${name.replace("+", "\\+")} .* 6 .*/data/a b/file$`, "m")
        )
        assert.match(yield* list("--snapshot * --list --all --verbose /data/"), /\/data\/hello$/m)
        assert.match(yield* list(`--snapshot ${name} --list data/*er`), /\/data\/other$/m)
        assert.strictEqual(yield* list("--list nothing"), "")

        const saved = "saved-do-not-delete"
        const seal = `cd /byteback/elder && btrfs -q subvolume snapshot -r current ${saved} && ln -s /etc link`
        yield* server.ok(["sh", "-ec", seal])
        yield* client.ok(["mkdir", "/here"])
        const restored = (snapshot: string) =>
          client.run(
            [
              ...["rsync", "-rlptgoDRz", "--numeric-ids", "--inplace", "--timeout=300"],
              `--rsync-path=byteback-restore --fake-super --snapshot ${snapshot}`,
              ...["byteback@server2:data/hello", ":data/other", "."]
            ],
            { cwd: "/here" }
          )
        for (const snapshot of ["*", name, "current", saved]) {
          const { code, stderr } = yield* restored(snapshot)
          assert.strictEqual(code, 0, stderr)
          assert.strictEqual(yield* client.ok(["cat", "/here/data/hello", "/here/data/other"]), "hello\nother\n")
          yield* client.ok(["rm", "-r", "/here/data"])
        }
        for (const [snapshot, says] of [
          ["link", /this host has no snapshot link; the nearest are/],
          ["elsewhere", /this host has no snapshot elsewhere; the nearest are/]
        ] as const) {
          const { code, stderr } = yield* restored(snapshot)
          assert.notStrictEqual(code, 0, snapshot)
          assert.match(stderr, says)
        }
        assert.strictEqual(yield* client.ok(["ls", "-A", "/here"]), "")

        // Our own commands name it too.
        assert.match(yield* list(`--snapshot ${saved} --list data/*er`), /\/data\/other$/m)
        assert.strictEqual(
          yield* client.ok(["byteback", "find", "ot*", "--snapshot", saved, "--below", "/data"]),
          "/data/other\n"
        )
        assert.strictEqual(yield* client.ok(["byteback", "diff", name, saved]), "")
        assert.strictEqual(yield* client.ok(["byteback", "cat", `${saved}:/data/other`]), "other\n")
        yield* client.ok(["byteback", "restore", "/data/other", "--snapshot", saved, "--to", "/saved"])
        assert.strictEqual(yield* client.read("/saved/data/other"), "other\n")

        // An rsync of the old clients' time took names that were not the very words that it had asked for.
        const old = (more: string, path: string) =>
          client.run(
            [
              ...["rsync", "-rlptgoDRz", "--numeric-ids", "--inplace", "--timeout=300", "--trust-sender"],
              `--rsync-path=byteback-restore --fake-super --snapshot *${more}`,
              ...[`byteback@server2:${path}`, "."]
            ],
            { cwd: "/here" }
          )
        assert.strictEqual((yield* old("", "data/a=20b/file")).code, 0)
        assert.strictEqual(yield* client.read("/here/data/a b/file"), "blank\n")
        yield* client.ok(["rm", "-r", "/here/data"])
        const every = yield* old(" --all", "data/hello")
        assert.notStrictEqual(every.code, 0)
        assert.include(every.stderr, "byteback: --all is not served to this old client; nothing was sent")
        assert.strictEqual(yield* client.ok(["ls", "-A", "/here"]), "")
      }).pipe(Effect.scoped)
    )
  })

describe.skipIf(!root)("the machine's own rsync", () => suite(own, null))
describe.skipIf(old === null)("an older rsync", () => suite("3.2.7", old))
