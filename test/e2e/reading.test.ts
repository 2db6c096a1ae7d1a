// The reading commands on real snapshots: from the client over ssh, and on the server as an administrator.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab, type Machine } from "../lab/Lab.ts"
import { everyKind, fingerprint } from "./everyKind.ts"
import {
  backupWords,
  clientMachine,
  hostDirectory,
  nextSnapshotMayCome,
  root,
  serverMachine,
  snapshotNames
} from "./pair.ts"

type Row = { readonly _tag: string; readonly path: string; readonly [field: string]: unknown }

/** What a command prints with --json: its rows, and the trailer. */
const rowsOf = Effect.fn("rowsOf")(function* (machine: Machine, ...words: ReadonlyArray<string>) {
  const lines = (yield* machine.ok(["byteback", ...words, "--json"])).trim().split("\n")
  const rows = lines.map((line) => JSON.parse(line) as Row)
  return { rows: rows.slice(0, -1), end: rows.at(-1)! }
})

/** What `find` on the machine itself says of a tree, a line a file: type, mode, owner, size of files and links, time, name, target. */
const asFound = Effect.fn("asFound")(function* (machine: Machine, directory: string) {
  const printed = yield* machine.ok(["find", directory, "-mindepth", "1", "-printf", "%y|%m|%U:%G|%s|%Ts|%p|%l\\0"])
  const lines = printed.split("\0").filter((one) => one !== "")
  return lines.map((one) => one.replace(/^([^fl]\|[^|]*\|[^|]*\|)\d+/, "$10")).toSorted()
})

const twice = Effect.fn("twice")(function* (server: Machine, client: Machine, change: string) {
  yield* client.ok(backupWords())
  yield* client.ok(["sh", "-ec", change], { cwd: "/data" })
  yield* nextSnapshotMayCome(server, client.name)
  yield* client.ok(backupWords())
  const [first = "", second = ""] = yield* snapshotNames(server, client.name)
  return { first, second }
})

describe.skipIf(!root)("reading", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("is an administrator's too on the server, by --host and without the client's key", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("local")
        const client = yield* clientMachine(server, "reader")
        yield* client.ok(backupWords())
        for (const words of [
          ["snapshots", "--json"],
          ["ls", "-lR", "--json", "/"],
          ["find", "hello", "--snapshot", "all"],
          ["history", "/data/hello"],
          ["cat", "/data/hello"],
          ["diff", "latest", "current", "/data"],
          ["dump", "latest", "/data"]
        ]) {
          const here = yield* client.ok(["byteback", ...words])
          assert.strictEqual(yield* server.ok(["byteback", ...words, "--host", "reader"]), here)
        }
        // a snapshot is named in UTC, and shown as the clocks of whoever asks show it
        const [name = ""] = yield* snapshotNames(server, "reader")
        for (const TZ of ["UTC", "Asia/Kathmandu", "America/St_Johns"]) {
          const local = (yield* client.ok(["date", "-d", name, "+%F %H:%M"], { env: { TZ } })).trim()
          const listed = yield* client.ok(["byteback", "snapshots"], { env: { TZ } })
          assert.strictEqual(listed.slice(0, listed.indexOf(local) + local.length), `${name}  ${local}`, TZ)
        }
        // with what was new in it, how many files it holds, how it stands and what holds it until when
        const columns = Effect.map(client.ok(["byteback", "snapshots"]), (listed) =>
          listed.trim().split(/ {2,}/).slice(2)
        )
        const [age, size, files, ...state] = yield* columns
        assert.match(age!, /^(just now|\d+ minutes? ago)$/)
        assert.match(size!, /^\+\d+(\.\d)? [kM]?B$/)
        const within = yield* server.ok(["sh", "-c", `find /byteback/reader/${name} -type f | wc -l`])
        assert.deepStrictEqual([files, ...state], [`${within.trim()} files`, "complete"])
        yield* server.ok(["byteback", "hold", "reader", name, "--for", "2d"])
        const then = (yield* client.ok(["date", "-d", "2 days", "+%F %H:"])).trim()
        const [held = ""] = (yield* columns).slice(-1)
        assert.match(held, new RegExp(`^complete, held until ${then}\\d\\d: by an administrator$`))
        yield* server.ok(["byteback", "release", "reader", name])
        const nobody = yield* server.run(["byteback", "snapshots", "--host", "nobody"])
        assert.strictEqual(nobody.code, 10)
        assert.include(nobody.stderr, "nobody is not a host of this server")
        const user = yield* server.run(["byteback", "snapshots", "--host", "reader"], { user: "daemon" })
        assert.strictEqual(user.code, 1)
        assert.include(user.stderr, "by root")
        const elsewhere = yield* client.run(["byteback", "snapshots", "--host", "reader"])
        assert.include(elsewhere.stderr, "reader is not a host of this server")
        yield* server.ok([
          ...["rsync", "-a", "--rsh=/usr/lib/byteback/local-session reader", "--rsync-path=rsync --fake-super"],
          ...["server:latest/data/", "/back"]
        ])
        assert.strictEqual(yield* server.read("/back/hello"), "hello\n")

        const cat = yield* client.run(["byteback", "cat", "--json", "/data/hello"])
        assert.deepStrictEqual([cat.code, cat.stdout, cat.stderr], [0, "hello\n", '{"_tag":"end","bytes":6}\n'])
        const missing = yield* client.run(["byteback", "dump", "--json", "latest", "/data/never"])
        assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
        const error = JSON.parse(missing.stderr) as Record<string, unknown>
        assert.deepStrictEqual([error["_tag"], error["code"]], ["error", 1])
        assert.match(String(error["message"]), /^\/data\/never is not in latest/)
        const died = yield* server.run([
          ...["/usr/lib/byteback/run-pull", "/run/byteback/reader", "4", "*", "none", "60"],
          ...["sh", "-c", "kill -ABRT $$"]
        ])
        assert.deepStrictEqual([died.code, died.stdout], [1, ""])
        assert.match(died.stderr, /^byteback: stopped, it took too much time or memory.* \(code 1\)\n$/m)
      }).pipe(Effect.scoped)
    )

    it.effect("tells every kind of file as it was on its machine, and never a byte that moves the cursor", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("kinds1")
        const client = yield* clientMachine(server, "lister")
        yield* client.ok(["sh", "-c", everyKind])
        yield* client.ok(backupWords())
        const { end, rows } = yield* rowsOf(client, "ls", "-lR", "/data")
        assert.deepStrictEqual(end, { ...end, _tag: "end", rows: rows.length, cut: null })
        const told = rows.map((row) => {
          const { gid, mode, mtime, path, size, target, type, uid } = row
          const bytes = row["path_b64"] === undefined ? path : Buffer.from(String(row["path_b64"]), "base64").toString()
          return `${type}|${Number(mode).toString(8)}|${uid}:${gid}|${size}|${Math.floor(Number(mtime))}|${bytes}|${target ?? ""}`
        })
        assert.deepStrictEqual(told.toSorted(), yield* asFound(client, "/data"))
        const device = rows.find(({ path }) => path === "/data/dir/disk")
        assert.deepStrictEqual(device?.["device"], [7, 200])
        for (const words of [
          ["ls", "-lR", "/"],
          ["find", "*", "--snapshot", "all"],
          ["ls", "-R", "/", "--json"]
        ]) {
          assert.match(yield* client.ok(["byteback", ...words]), /^[\x20-\x7e\n]*$/)
        }
        const odd = "/data/name with blanks \n and \x1b and \xff"
        const shell = 'byteback cat "$(printf "/data/name with blanks \\n and \\033 and \\377")"'
        assert.strictEqual(yield* client.ok(["sh", "-c", shell]), "x", odd)
      }).pipe(Effect.scoped)
    )

    it.effect("gives a tar from which GNU tar makes the same tree, in all that tar can hold", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("tar1")
        const client = yield* clientMachine(server, "archivist")
        yield* client.ok(["sh", "-c", everyKind])
        const long = "l".repeat(200)
        const more = `rm dir/socket; mkdir ${long}; cd ${long}; printf x > ${long}; ln ${long} hard; ln -s ${long}/${long}/${long} far
          printf x > "$(printf '%0200d\\377' 0)"; chown 3000000000:4000000000 hard; touch -d '1960-01-01 00:00:00.5' early
          touch -d '2400-01-01' late; setfattr -n 'user.a=b%c' -v 0x00ff0a hard`
        yield* client.ok(["sh", "-ec", more], { cwd: "/data" })
        yield* client.ok(backupWords())
        const before = yield* fingerprint(client, "/data")
        yield* client.ok(["sh", "-c", "byteback dump latest /data >/a.tar"])
        yield* client.ok(["sh", "-c", "mkdir /x && tar --xattrs --xattrs-include='*' --acls -xpf /a.tar -C /x"])
        assert.deepStrictEqual(yield* fingerprint(client, "/x/data"), before)
      }).pipe(Effect.scoped)
    )

    it.effect(
      "tells versions, differences and places of what changed between two snapshots",
      () =>
        Effect.gen(function* () {
          const server = yield* serverMachine("changes")
          const client = yield* clientMachine(server, "changing")
          yield* client.ok(["sh", "-c", everyKind])
          // rsync compares lists of xattrs that two kinds of names sort differently, so such a file always looks changed to it
          yield* client.ok(["setfattr", "-x", "trusted.note", "/data/dir/file"])
          // a link that leads elsewhere with the same size and time; a file that becomes a directory, and the other way round
          const turned = (target: string) => `ln -sfn ${target} turned; touch -hd @1000000000 turned`
          yield* client.ok([
            "sh",
            "-ec",
            `cd /data; ${turned("aaa")}; echo x >grows; mkdir -p shrinks/deep; echo x >'we\\[ird'`
          ])
          const { first, second } = yield* twice(
            server,
            client,
            `${turned("bbb")}; rm grows; mkdir grows; echo y >grows/leaf; rm -r shrinks; echo z >shrinks; rm dir/old; mv dir/secret dir/moved; echo more >>hello; chmod 600 nothing; mkdir new; echo x >new/x; ln hello link
           rm absolute; mkdir absolute; rm -r dir/sub; setfattr -n user.k -v v '*'`
          )
          const changes = (...words: ReadonlyArray<string>) =>
            Effect.map(rowsOf(client, "diff", ...words), ({ rows }) =>
              rows.map(({ change, path, type }) => `${change} ${type} ${path}`)
            )
          const expected = [
            "metadata f /data/*",
            "content d /data/absolute",
            "added f /data/dir/moved",
            "removed f /data/dir/old",
            "removed f /data/dir/secret",
            "removed d /data/dir/sub",
            "content d /data/grows",
            "added f /data/grows/leaf",
            "content f /data/hello",
            "added f /data/link",
            "added d /data/new",
            "added f /data/new/x",
            "metadata f /data/nothing",
            "content f /data/shrinks",
            "removed d /data/shrinks/deep",
            "content f /data/turned"
          ]
          assert.deepStrictEqual(yield* changes(first), expected)
          const below = expected.filter((line) => line.includes("/data/dir/"))
          assert.deepStrictEqual(yield* changes(first, second, "/data/dir"), below)
          assert.deepStrictEqual(yield* changes(second, "latest"), [])
          // current is no read-only snapshot, so both trees are walked
          const walked = yield* changes(first, "current")
          assert.deepStrictEqual(walked.toSorted(), expected.toSorted())

          assert.deepStrictEqual(yield* changes("latest", "live", "/data"), [])
          const later = `touch 'we\\[ird'; echo now >>dir/file; rm dir/moved; echo y >new/y; chmod 700 new; touch hello
            touch -d '2020-01-01' nothing; printf NOTHING > nothing; touch -d '2021-01-01' nothing`
          yield* client.ok(["sh", "-ec", later], { cwd: "/data" })
          const live = [
            "added f /data/new/y",
            "content f /data/dir/file",
            "content f /data/dir/hard",
            "content f /data/nothing",
            // rsync cannot be asked for it by itself, so it counts as written
            "content f /data/we\\[ird",
            "metadata d /data/new",
            "metadata f /data/hello",
            "metadata f /data/link",
            "removed f /data/dir/moved"
          ]
          assert.deepStrictEqual((yield* changes("latest", "live", "/data")).toSorted(), live)
          const sinceRoot = (yield* changes("latest", "live")).toSorted()
          assert.deepStrictEqual(sinceRoot, live)

          const versions = yield* rowsOf(client, "history", "/data/hello")
          assert.deepStrictEqual(
            versions.rows.map(({ first: from, last, size }) => [from, last, size]),
            [
              [first, first, 6],
              [second, second, 11]
            ]
          )
          const gone = yield* rowsOf(client, "history", "/data/dir/secret")
          assert.deepStrictEqual(
            gone.rows.map((row) => [row._tag, row["snapshots"], row["uid"]]),
            [
              ["version", 1, 1234],
              ["absent", 1, undefined]
            ]
          )
          const same = yield* rowsOf(client, "history", "/data/dir/file")
          assert.deepStrictEqual(
            same.rows.map((row) => [row["first"], row["last"], row["snapshots"]]),
            [[first, second, 2]]
          )

          const found = (...words: ReadonlyArray<string>) =>
            Effect.map(rowsOf(client, "find", ...words), ({ rows }) => rows.map(({ path }) => path))
          assert.deepStrictEqual(yield* found("*ov*", "--below", "/data/dir"), ["/data/dir/moved"])
          assert.deepStrictEqual(yield* found("*", "--type", "l"), ["/data/dir/symlink", "/data/turned"])
          assert.deepStrictEqual(yield* found("*", "--type", "p", "--snapshot", "all"), ["/data/dir/fifo"])
          assert.deepStrictEqual(yield* found("dir/s?cr*", "--snapshot", first), ["/data/dir/secret"])
          assert.deepStrictEqual(yield* found("*", "--size", "+1M"), ["/data/dir/sparse"])
          assert.deepStrictEqual(yield* found("s*", "--below", "/data/dir", "--size", "-1M", "--type", "f"), [
            "/data/dir/setuid"
          ])
          assert.deepStrictEqual(yield* found("old", "--older", "2002-01-01", "--snapshot", "all"), ["/data/dir/old"])
          const newer = yield* client.run(["byteback", "find", "old", "--newer", "7d", "--snapshot", "all"])
          assert.deepStrictEqual(
            [newer.code, newer.stdout, newer.stderr],
            [1, "", "byteback: nothing in any snapshot is called old\n"]
          )
          const everywhere = yield* rowsOf(client, "find", "secret", "--snapshot", "all")
          assert.deepStrictEqual(
            everywhere.rows.map((row) => [row.path, row["first"], row["last"], row["snapshots"], row["mode"]]),
            [["/data/dir/secret", first, first, 1, 0o660]]
          )

          const missing = yield* client.run(["byteback", "cat", "/data/dir/old"])
          assert.strictEqual(missing.code, 1)
          assert.include(missing.stderr, `/data/dir/old is not in latest; the last snapshot that has it is ${first}`)
          const never = yield* client.run(["byteback", "ls", "/data/never"])
          assert.include(never.stderr, "/data/never is not in latest, and in no snapshot")
          const wrong = yield* client.run(["byteback", "ls", "2020-01-01T00:00+0000:/"])
          assert.strictEqual(wrong.code, 1)
          assert.include(wrong.stderr, `no snapshot 2020-01-01T00:00+0000; the nearest are ${first}, ${second}`)
          for (const words of [
            ["history", `${first}:/data/hello`],
            ["diff", first, second, `${first}:/data`],
            ["dump", second, `${first}:/data`],
            ["find", "hello", "--below", `${first}:/data`]
          ]) {
            const { code, stderr, stdout } = yield* client.run(["byteback", ...words])
            assert.deepStrictEqual([code, stdout], [2, ""], words.join(" "))
            assert.include(stderr, "a snapshot before the path means nothing here")
          }
          const nothing = yield* client.run(["byteback", "find", "no-such-thing"])
          assert.deepStrictEqual([nothing.code, nothing.stdout], [1, ""])
          assert.include(nothing.stderr, "nothing in latest is called no-such-thing")
          for (const path of ["/data/dir", "/data/dir/symlink", "/data/dir/fifo"]) {
            const odd = yield* client.run(["byteback", "cat", path])
            assert.deepStrictEqual([odd.code, odd.stdout], [1, ""], path)
          }
          const cut = yield* client.run(["byteback", "find", "*", "--limit", "3"])
          assert.strictEqual(cut.stdout.trim().split("\n").length, 3)
          assert.include(cut.stderr, "cut after 3 rows")
          // there are more than 4 in either snapshot alone
          const cutInAll = yield* client.run(["byteback", "find", "*", "--snapshot", "all", "--limit", "4"])
          assert.deepStrictEqual([cutInAll.code, cutInAll.stdout.trim().split("\n").length], [0, 4])
          assert.strictEqual(cutInAll.stderr, "byteback: cut after 4 rows: there are more; --limit shows them\n")
          const none = yield* client.run(["byteback", "find", "*", "--limit", "0"])
          assert.deepStrictEqual(
            [none.code, none.stdout, none.stderr],
            [1, "", "byteback: cut after 0 rows: there are more; --limit shows them\n"]
          )
          const asObjects = yield* rowsOf(client, "find", "*", "--snapshot", "all", "--limit", "4")
          assert.deepStrictEqual([asObjects.rows.length, asObjects.end], [4, { _tag: "end", rows: 4, cut: "rows" }])
          const all = yield* rowsOf(client, "find", "*", "--snapshot", "all")
          assert.isAbove(all.rows.length, 4)
          assert.strictEqual(all.end["cut"], null)
        }).pipe(Effect.scoped),
      400_000
    )

    it.effect("shows garbage in place of metadata as such, and goes on; one host never sees another's", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("garbage")
        const client = yield* clientMachine(server, "forger")
        const other = yield* clientMachine(server, "other")
        yield* other.write("/data/canary", "canary\n")
        yield* other.ok(backupWords())
        yield* client.write("/data/after", "after\n")
        yield* client.ok(backupWords())
        const forged = `${hostDirectory("forger")}/current/data/hello`
        for (const value of ["garbage", "100644 0,0 99999999999:0", "40755 0,0 0:0", "777777 1,2 3:4", ""]) {
          yield* server.ok(["setfattr", "-n", "user.rsync.%stat", "-v", value, forged])
          const { rows } = yield* rowsOf(client, "ls", "-l", "current:/data")
          assert.deepStrictEqual(
            rows.map(({ mode, path, type }) => [path, type, mode]),
            [
              ["/data/after", "f", 0o644],
              ["/data/hello", "?", undefined]
            ]
          )
          assert.include(yield* client.ok(["byteback", "ls", "-l", "current:data"]), "??????????")
        }
        yield* client.ok(["sh", "-c", "byteback dump current / >/all.tar"])
        assert.match(yield* client.ok(["tar", "-tvf", "/all.tar"]), /^-rw------- 0\/0 .* data\/hello$/m)
        for (const words of [
          ["ls", "/../other/current"],
          ["find", "canary", "--snapshot", "all"],
          ["history", "/../../other/current/data/canary"],
          ["cat", "latest:../../other/current/data/canary"]
        ]) {
          const { code, stdout } = yield* client.run(["byteback", ...words])
          assert.deepStrictEqual([code, stdout], [1, ""], words.join(" "))
        }
      }).pipe(Effect.scoped)
    )

    it.effect("says in time that an answer is not all, where the cable is cut in the middle of it", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("cable")
        const client = yield* clientMachine(server, "cutoff")
        const fill = `mkdir many; cd many; name=$(printf '%0200d' 0); seq -f "$name%.0f" 50000 | xargs touch
          head -c 60000000 /dev/urandom >big`
        yield* client.ok(["sh", "-ec", fill], { cwd: "/data" })
        yield* client.ok(backupWords())
        // Whoever reads takes a little and waits; what neither pipes nor ssh hold by then has not left the server.
        const slowly = (name: string, words: string) =>
          client.start([
            ...[
              "bash",
              "-c",
              "set -o pipefail; byteback $1 --io-timeout 6 | { head -c 4096; until test -e /go; do sleep 0.1; done; cat; } >$2"
            ],
            ...["bash", words, `/${name}`]
          ])
        const running = {
          list: yield* slowly("list", "ls -lR /data --limit 1000000"),
          rows: yield* slowly("rows", "ls -R /data --limit 1000000 --json"),
          archive: yield* slowly("archive", "dump latest /data"),
          file: yield* slowly("file", "cat --json /data/many/big")
        }
        for (const name of Object.keys(running)) yield* client.until(["test", "-s", `/${name}`])
        yield* client.cut
        const before = performance.now()
        yield* client.write("/go", "")
        const ended = yield* Effect.all(
          { list: running.list.wait, rows: running.rows.wait, archive: running.archive.wait, file: running.file.wait },
          { concurrency: "unbounded" }
        )
        assert.isBelow(performance.now() - before, 40_000)
        for (const [name, { code, stderr }] of Object.entries(ended)) {
          assert.strictEqual(code, 1, `${name}: ${stderr}`)
          const lines = stderr.trim().split("\n")
          assert.lengthOf(lines, 1, stderr)
          const told = name === "file" ? String((JSON.parse(lines[0]!) as { message: string }).message) : lines[0]!
          assert.match(
            told,
            /the connection ended in the middle of the answer \(.*\); what came of it is not all, so ask again$/
          )
        }
        assert.notInclude(yield* client.ok(["tail", "-n", "1", "/rows"]), '"_tag":"end"')
        // tar itself takes an archive that ends between two files for whole, so the exit code is what counts
        const sizes = yield* client.ok(["stat", "-c", "%s", "/archive", "/file"])
        for (const size of sizes.trim().split("\n")) assert.isBelow(Number(size), 60_000_000)
        yield* client.plug
        yield* server.until(["sh", "-c", '! pgrep -f "[r]eader.cjs"'], { timeout: 90_000 })
      }).pipe(Effect.scoped)
    )
  })
})
