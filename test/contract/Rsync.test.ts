// Rsync on real rsync over a trivial remote shell, the far end as an unprivileged uid under fake-super: for root.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytesOfText, fromUint8Array, toUint8Array } from "../../src/domain/byteString.ts"
import { judge } from "../../src/domain/comparison.ts"
import { filterRules } from "../../src/domain/filters.ts"
import { parse } from "../../src/domain/request/parse.ts"
import { readItemized } from "../../src/domain/rsync/itemized.ts"
import { isSnapshotRef } from "../../src/domain/snapshotName.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Rsync } from "../../src/services/Rsync.ts"
import { pullPlan, pushPlan, recorder, RsyncSite, suite } from "../services/Rsync.contract.ts"
import { isRoot } from "./sshServer.ts"

/** A uid that nobody has: what a host's is on the server. */
const uid = 1_200_000_321

/** What sshd, the forced command and the helper do, without any of their checks. Words hold no blanks here. */
const remoteShell = (store: string) => `#!/bin/sh
shift
echo "$*" >>'${store}/lines'
set -- $*
dir=current
if [ "$1 $2 $3" = "byteback-restore --fake-super --snapshot" ]; then dir=$4; shift 4; set -- rsync --fake-super "$@"; fi
if [ "$1 $2" = "byteback-push --protocol=1" ]; then shift 2; set -- rsync --fake-super "$@"; fi
cd '${store}'/"$dir" || exit 1
exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --bounding-set=-all --no-new-privs -- "$@"
`

interface Place {
  readonly store: string
  /** the server's lines so far, newest last */
  readonly lines: () => ReadonlyArray<string>
  readonly server: { readonly rsh: string; readonly alias: string }
  readonly machine: string
  readonly snapshot: () => string
}

const place: Effect.Effect<Place, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = fs.mkdtempSync(join(tmpdir(), "byteback-rsync-"))
    fs.chmodSync(directory, 0o755)
    const store = join(directory, "store")
    const machine = join(directory, "machine")
    for (const made of [store, machine, join(store, "current")]) fs.mkdirSync(made)
    fs.chownSync(join(store, "current"), uid, uid)
    const rsh = join(directory, "rsh")
    fs.writeFileSync(rsh, remoteShell(store), { mode: 0o755 })
    let taken = 0
    return {
      directory,
      store,
      machine,
      server: { rsh, alias: "server" },
      lines: () => fs.readFileSync(join(store, "lines"), "utf8").trimEnd().split("\n"),
      snapshot: () => {
        const name = `2026-01-01T00:${String(taken++).padStart(2, "0")}+0000`
        execFileSync("cp", ["-a", join(store, "current"), join(store, name)])
        return name
      }
    }
  }),
  ({ directory }) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const rsync = Rsync.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

/** All paths below a directory, as byte strings, without it. */
const walk = (directory: string): ReadonlyArray<string> =>
  fs.readdirSync(Buffer.from(toUint8Array(directory)), { encoding: "buffer", withFileTypes: true }).flatMap((entry) => {
    const name = fromUint8Array(entry.name)
    return entry.isDirectory() ? [name, ...walk(`${directory}/${name}`).map((below) => `${name}/${below}`)] : [name]
  })

const bytes = (path: string) => Buffer.from(toUint8Array(path))

const regularFiles = (directory: string): Record<string, string> => {
  if (!fs.existsSync(directory)) return {}
  const files = walk(directory).filter((path) => fs.lstatSync(bytes(`${directory}/${path}`)).isFile())
  return Object.fromEntries(files.map((path) => [path, fs.readFileSync(bytes(`${directory}/${path}`), "utf8")]))
}

const site = Layer.effect(
  RsyncSite,
  Effect.gen(function* () {
    const { machine, server, snapshot, store } = yield* place
    return RsyncSite.of({
      root: machine,
      server,
      write: (path, content) =>
        Effect.sync(() => {
          fs.mkdirSync(join(path, ".."), { recursive: true })
          fs.writeFileSync(path, content)
        }),
      remove: (path) => Effect.sync(() => fs.rmSync(path)),
      files: (directory) =>
        Effect.sync(() =>
          Object.fromEntries(
            Object.entries(regularFiles(directory)).map(([path, content]) => [`${directory}/${path}`, content])
          )
        ),
      current: Effect.sync(() =>
        Object.fromEntries(
          Object.entries(regularFiles(join(store, "current"))).map(([path, content]) => [`/${path}`, content])
        )
      ),
      snapshot: Effect.sync(() => {
        const name = snapshot()
        assert(isSnapshotRef(name))
        return name
      })
    })
  })
)

/** Everything that a restore must bring back of each path: one line a fact. */
const facts = (directory: string): ReadonlyArray<string> => {
  const inodes = new Map<bigint, string>()
  const lines = ["", ...walk(directory)].map((path) => {
    const file = bytes(`${directory}/${path}`)
    const stat = fs.lstatSync(file, { bigint: true })
    const sameAs = inodes.get(stat.ino) ?? path
    if (!stat.isDirectory()) inodes.set(stat.ino, sameAs)
    return [
      path,
      stat.mode.toString(8),
      stat.uid,
      stat.gid,
      stat.mtimeNs,
      stat.isDirectory() ? "" : stat.size,
      stat.isCharacterDevice() || stat.isBlockDevice() ? stat.rdev : "",
      sameAs,
      stat.isSymbolicLink() ? fs.readlinkSync(file, "latin1") : "",
      stat.isFile() ? fs.readFileSync(file).toString("base64").slice(0, 64) : ""
    ].join(" | ")
  })
  // xattrs hold capabilities and ACLs too
  const xattrs = execFileSync(
    "sh",
    ["-c", 'cd "$1" && find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -hd -m - -e hex --', "sh", directory],
    {
      encoding: "latin1",
      stdio: ["ignore", "pipe", "ignore"]
    }
  )
  return [...lines.toSorted(), ...xattrs.split("\n\n").map((block) => block.split("\n").toSorted().join(" "))]
}

const run = (program: string, ...args: ReadonlyArray<string>) => execFileSync(program, args, { encoding: "utf8" })

/** A tree of every kind of file and metadata there is. */
const makeEverything = (directory: string) => {
  const at = (name: string) => join(directory, name)
  fs.mkdirSync(at("dir/deep"), { recursive: true })
  fs.writeFileSync(at("file"), "content")
  fs.chownSync(at("file"), 12_345, 54_321)
  fs.chmodSync(at("file"), 0o640)
  run("touch", "-d", "2001-02-03 04:05:06.123456789", at("file"))
  for (const [name, mode] of [
    ["setuid", 0o4755],
    ["setgid", 0o2755],
    ["nothing", 0o000]
  ] as const) {
    fs.writeFileSync(at(name), name)
    fs.chownSync(at(name), 33, 33)
    fs.chmodSync(at(name), mode)
  }
  fs.mkdirSync(at("sticky"))
  fs.chmodSync(at("sticky"), 0o1777)
  fs.mkdirSync(at("locked"))
  fs.writeFileSync(at("locked/inside"), "x")
  fs.chmodSync(at("locked"), 0o000)
  fs.linkSync(at("file"), at("dir/hardlink"))
  fs.symlinkSync("../file", at("dir/symlink"))
  fs.symlinkSync("/nowhere at all", at("dangling"))
  fs.lchownSync(at("dangling"), 7, 8)
  run("mknod", at("null"), "c", "1", "3")
  run("mknod", at("loop"), "b", "7", "200")
  run("mkfifo", "-m", "600", at("fifo"))
  fs.writeFileSync(at("xattr"), "x")
  run("setfattr", "-n", "user.colour", "-v", "0x00ff0a", at("xattr"))
  run("setfattr", "-n", "trusted.secret", "-v", "root's", at("xattr"))
  run("setfattr", "-n", "user.on.dir", "-v", "d", at("dir"))
  fs.writeFileSync(at("capable"), "x", { mode: 0o755 })
  run("/usr/sbin/setcap", "cap_net_raw+ep", at("capable"))
  fs.writeFileSync(at("acl"), "x")
  run("setfacl", "-m", "u:4711:rw,g:12:r", at("acl"))
  run("setfacl", "-m", "d:u:4711:rwx", at("dir"))
  fs.writeFileSync(at("sparse"), "")
  fs.truncateSync(at("sparse"), 64 * 1024 * 1024)
  fs.appendFileSync(at("sparse"), "end")
  for (const name of [
    "caf\u00e9",
    "two\nlines",
    " blank ",
    "-rf",
    "*?[x]",
    "back\\slash",
    "\u001b[31m",
    "'quote\"",
    "$(id)"
  ]) {
    fs.writeFileSync(bytes(`${directory}/${name}`), "name")
  }
  // rsync looks at whole seconds, and leaves the time of what it makes in the second of the original's: make all older
  run(
    "find",
    directory,
    "-depth",
    "-newermt",
    "2002-01-01",
    "-exec",
    "touch",
    "-hd",
    "2011-12-13 14:15:16.987654321",
    "--",
    "{}",
    "+"
  )
}

if (!isRoot) console.warn("test/contract/Rsync: skipped, owners and devices can only be made by root")

describe.skipIf(!isRoot)("on real rsync", () => {
  suite("Rsync", Layer.merge(rsync, site))

  it.live("everything comes back as it was", () =>
    Effect.gen(function* () {
      const { machine, server, snapshot, store } = yield* place
      const service = yield* Rsync
      makeEverything(machine)
      const rules = filterRules({ mountinfo: "", sources: [machine], excludes: [], rsyncFilter: ["!"] })
      const pushed = yield* service.push(pushPlan(server, [machine], { rules }))
      assert.deepStrictEqual(pushed.problems, [])
      // the server holds nothing but plain files and directories of the host's own uid
      const kept = join(store, "current")
      for (const path of walk(kept)) {
        const stat = fs.lstatSync(bytes(`${kept}/${path}`))
        assert.isTrue(stat.isFile() || stat.isDirectory(), path)
        assert.strictEqual(stat.uid, uid, path)
        assert.strictEqual(stat.mode & 0o6000, 0, path)
      }
      const name = snapshot()
      assert(isSnapshotRef(name))
      const out = join(store, "out")
      fs.mkdirSync(out)
      const path = fromUint8Array(Buffer.from(machine))
      const pulled = yield* service.pull(pullPlan(server, name, [path], out, { devices: true }))
      assert.deepStrictEqual(pulled.problems, [])
      assert.deepStrictEqual(facts(`${out}${machine}`), facts(machine))
      // and each of its names by itself, whatever it is
      const names = fs.readdirSync(machine, "latin1").map((one) => `${path}/${one}`)
      const each = join(store, "each")
      fs.mkdirSync(each)
      yield* service.pull(pullPlan(server, name, [...names, `${path}/dir/hardlink`], each, { devices: true }))
      assert.deepStrictEqual(facts(`${each}${machine}`), facts(machine))
      assert.isBelow(fs.statSync(`${out}${machine}/sparse`).blocks * 512, 1024 * 1024)

      // a second push finds nothing to do
      const changes: Array<string> = []
      yield* service.push(pushPlan(server, [machine], { rules, itemize: true }), {
        change: (line) => Effect.sync(() => void changes.push(line))
      })
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("a restore makes no device that was not asked for", () =>
    Effect.gen(function* () {
      const { machine, server, snapshot, store } = yield* place
      const service = yield* Rsync
      execFileSync("mknod", [join(machine, "null"), "c", "1", "3"])
      fs.writeFileSync(join(machine, "file"), "x")
      yield* service.push(pushPlan(server, [machine]))
      const name = snapshot()
      assert(isSnapshotRef(name))
      yield* service.pull(pullPlan(server, name, [machine], join(store, "out")))
      assert.deepStrictEqual(fs.readdirSync(`${store}/out${machine}`), ["file"])
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("a user's own xattr never comes back as a capability", () =>
    Effect.gen(function* () {
      const { machine, server, snapshot, store } = yield* place
      const service = yield* Rsync
      const file = join(machine, "file")
      fs.writeFileSync(file, "x", { mode: 0o755 })
      // a true capability in the shape that fake-super keeps it in
      execFileSync("setfattr", [
        "-n",
        "user.rsync.security.capability",
        "-v",
        "0x0100000200200000000000000000000000000000",
        file
      ])
      execFileSync("setfattr", ["-n", "user.mine", "-v", "kept", file])
      const name = () => {
        const taken = snapshot()
        assert(isSnapshotRef(taken))
        return taken
      }
      const restored = (out: string) =>
        Effect.suspend(() => service.pull(pullPlan(server, name(), [machine], join(store, out)))).pipe(
          Effect.map(() => run("getfattr", "-hd", "-m", "-", "--absolute-names", `${store}/${out}${file}`))
        )
      // without the guard it does: the attack is real
      yield* service.push(pushPlan(server, [machine]))
      assert.include(yield* restored("unguarded"), "security.capability")
      const rules = filterRules({ mountinfo: "", sources: [machine], excludes: [], rsyncFilter: ["!"] })
      yield* service.push(pushPlan(server, [machine], { rules }))
      const guarded = yield* restored("guarded")
      assert.notInclude(guarded, "capability")
      assert.include(guarded, "user.mine")
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("an interrupted push goes on where it was", () =>
    Effect.gen(function* () {
      const { machine, server, store } = yield* place
      const service = yield* Rsync
      const size = 48 * 1024 * 1024
      const content = Buffer.alloc(size)
      for (let at = 0; at < size; at += 8) content.writeDoubleLE(Math.random(), at)
      fs.writeFileSync(join(machine, "big"), content)
      const { observer, seen } = recorder()
      const fiber = yield* Effect.forkChild(
        service.push(pushPlan(server, [machine], { flags: ["--bwlimit=20000"] }), observer)
      )
      while (!seen.some(({ bytes: sent }) => sent > size / 4)) yield* Effect.sleep(20)
      yield* Fiber.interrupt(fiber)
      const arrived = fs.statSync(`${store}/current${machine}/big`).size
      assert.isAbove(arrived, size / 8)
      const { stats } = yield* service.push(pushPlan(server, [machine]))
      // what was in flight when it was cut may have to be sent again
      assert.isBelow(stats.literal, size - arrived + 1024 * 1024)
      assert.isAbove(stats.matched, arrived - 1024 * 1024)
      assert.deepStrictEqual(fs.readFileSync(`${store}/current${machine}/big`), content)
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("progress and changes are told", () =>
    Effect.gen(function* () {
      const { machine, server } = yield* place
      const service = yield* Rsync
      fs.writeFileSync(join(machine, "file"), Buffer.alloc(4 * 1024 * 1024, "x"))
      const { observer, seen } = recorder()
      const changes: Array<string> = []
      const plan = pushPlan(server, [machine], { itemize: true, flags: ["--bwlimit=8000"] })
      yield* service.push(plan, { ...observer, change: (line) => Effect.sync(() => void changes.push(line)) })
      assert.strictEqual(seen.at(-1)?.bytes, 4 * 1024 * 1024)
      assert.strictEqual(seen.at(-1)?.percent, 100)
      assert.strictEqual(seen.at(-1)?.files, 1)
      assert.include(changes, `<f+++++++++ ${machine}/file`)
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("a full disk is told as what it is", () =>
    Effect.gen(function* () {
      const { machine, server, store } = yield* place
      const service = yield* Rsync
      fs.writeFileSync(join(machine, "file"), Buffer.alloc(8 * 1024 * 1024, "x"))
      const current = join(store, "current")
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          execFileSync("mount", ["-t", "tmpfs", "-o", `size=1M,uid=${uid},mode=700`, "tmpfs", current])
        ),
        () => Effect.sync(() => execFileSync("umount", [current]))
      )
      const error = yield* Effect.flip(service.push(pushPlan(server, [machine], { xattrs: false, acls: false })))
      assert.strictEqual(error.reason, "no-space")
      assert.strictEqual(error.exit, "noSpace")
      assert.isFalse(error.retryable)
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("two directories are compared by content and attributes, and nothing is changed", () =>
    Effect.gen(function* () {
      const { machine, store } = yield* place
      const names = ["same", "content", "longer", "mode", "only left", "\u00e4 \n"]
      for (const [index, side] of [machine, store].entries()) {
        for (const name of names) {
          if (name === "only left" && index === 1) continue
          const path = join(side, name)
          fs.writeFileSync(path, name === "content" ? `${index}` : name === "longer" ? "x".repeat(index + 1) : "x")
          fs.utimesSync(path, 1000, name === "longer" ? 1000 + index : 1000)
          fs.chmodSync(path, name === "mode" ? 0o600 + index : 0o644)
        }
      }
      fs.chmodSync(join(store, names[5]!), 0o600)
      const found: Array<readonly [string, string | null]> = []
      const change = (line: string) =>
        Effect.sync(() => {
          const item = readItemized(line)
          if (item !== null && item.kind !== "directory") found.push([item.name, judge(item)])
        })
      const paths = names.map(bytesOfText)
      yield* (yield* Rsync).compare({ left: `${machine}/`, right: store, paths, acls: true, xattrs: true }, { change })
      assert.deepStrictEqual(Object.fromEntries(found), {
        content: "unexplained",
        longer: "changed",
        mode: "attributes",
        "only left": "gone",
        [bytesOfText(names[5]!)]: "attributes"
      })
      assert.isFalse(fs.existsSync(join(store, "only left")))
      assert.strictEqual(fs.readFileSync(join(store, "content"), "utf8"), "1")
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )

  it.live("what the server is asked stays within its grammar, with every option that byteback has", () =>
    Effect.gen(function* () {
      const { lines, machine, server, snapshot, store } = yield* place
      const service = yield* Rsync
      fs.writeFileSync(join(machine, "file"), "x")
      for (const more of [
        {},
        { acls: false, xattrs: false },
        { dryRun: true, itemize: true },
        { rules: ["-x user.rsync.*", "- /tmp/*"] },
        { flags: ["--bwlimit=100000", "--compress", "--compress-choice=zstd", "--max-delete=5"] }
      ]) {
        yield* service.push(pushPlan(server, [machine], more))
      }
      const name = snapshot()
      assert(isSnapshotRef(name))
      const out = join(store, "out")
      for (const more of [
        {},
        { devices: true, overwrite: "always" },
        { dryRun: true, itemize: true, overwrite: "if-newer", deletes: true },
        { dryRun: true, itemize: "sized", checksum: true },
        { dryRun: true, namesOnly: true },
        { acls: false, xattrs: false, overwrite: "never" }
      ] as const) {
        yield* service.pull(pullPlan(server, name, [machine], out, more))
      }
      const seen = lines()
      assert.strictEqual(
        seen[0]?.replace(/e\.[A-Za-z]+ /, "e. "),
        "byteback-push --protocol=1 --server -lHogDtpAXrRe. --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . ."
      )
      assert.strictEqual(
        seen[5]?.replace(/e\.[A-Za-z]+ /, "e. "),
        `byteback-restore --fake-super --snapshot ${name} --server --sender -lHogtpAXrRSe. --specials --timeout=600 --numeric-ids --files-from=- --from0 . .`
      )
      for (const line of seen) {
        const parsed = parse(line)
        assert.isTrue(parsed.ok, parsed.ok ? line : `${line}: ${parsed.refusal.message}`)
      }
    }).pipe(Effect.scoped, Effect.provide(rsync))
  )
})
