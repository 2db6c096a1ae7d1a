// A server with a victim's backups on it, and a hostile host of the same server: what every attack starts from.
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Scope } from "effect"
import { Lab, type LabError, type Machine, type RunOptions, type RunResult } from "../lab/Lab.ts"
import { backupWords, clientMachine, serverMachine } from "../e2e/pair.ts"

/** Words that no byte which the attacker sees may hold. */
const canaries = {
  victim: "canary-of-the-victim-7f3a",
  etc: "canary-of-the-servers-etc-91c2",
  root: "canary-of-roots-home-d04e"
} as const

/** Every snapshot with its owner, group, mode, ro flag and the sum of all that is in it. */
const seals = `
cd /byteback
for s in */20*; do
  echo "$s $(stat -c '%u %g %a' "$s") $(btrfs property get "$s" ro)" "$(cd "$s" && {
    find . ! -inum 2 -printf '%P|%y|%m|%U|%G|%s|%T@|%n|%l\\n' | sort
    find . -type f -print0 | sort -z | xargs -0r sha256sum
    getfattr -R -P -h -d -m - --encoding=hex .
  } | sha256sum)"
done`

/** How the attacker's ssh is called; one connection for all that do not need their own. */
const sshConfig = `Host server
  User byteback
  IdentityFile /etc/byteback/key
  UserKnownHostsFile /etc/byteback/known_hosts
  ControlMaster auto
  ControlPath /root/mux
  ControlPersist 600
  LogLevel ERROR
Host alone
  HostName server
  HostKeyAlias server
  User byteback
  IdentityFile /etc/byteback/key
  IdentitiesOnly yes
  UserKnownHostsFile /etc/byteback/known_hosts
  ControlPath none
`

const sendBytes = 'line=$(cat "$1"; echo .); rm "$1"; exec ssh "$2" "${line%.}"'

/** The machine, and all that its programs have said to whoever ran them. */
const overheard = (machine: Machine) => {
  const heard: Array<() => string> = []
  const hear = (result: RunResult) => void heard.push(() => result.stdout + result.stderr)
  const run: Machine["run"] = (argv, options) =>
    Effect.tap(machine.run(argv, options), (result) => Effect.sync(() => hear(result)))
  const start: Machine["start"] = (argv, options) =>
    Effect.tap(machine.start(argv, options), (running) =>
      Effect.sync(() => void heard.push(() => running.stdout() + running.stderr()))
    )
  const ok: Machine["ok"] = (argv, options) =>
    Effect.tap(machine.ok(argv, options), (stdout) => Effect.sync(() => void heard.push(() => stdout)))
  const read: Machine["read"] = (file) => ok(["cat", "--", file])
  return { machine: { ...machine, run, start, ok, read }, all: () => heard.splice(0).map((said) => said()) }
}

/** Another server with a store of its own, that both hosts may back up to: `ssh NAME`. */
const otherServer = Effect.fnUntraced(function* (
  machines: { readonly attacker: Machine; readonly victim: Machine },
  name: string,
  size: string
) {
  const server = yield* serverMachine(name, size)
  const entry = sshConfig.replace("Host server", `Host ${name}`).split("Host alone")[0]!
  const own = entry.replace("/etc/byteback/known_hosts", "/dev/null\n  StrictHostKeyChecking no")
  for (const [host, machine] of Object.entries(machines)) {
    yield* server.ok(["byteback", "add-client", host, (yield* machine.read("/etc/byteback/key.pub")).trim()])
    yield* machine.ok(["sh", "-c", "mkdir -p -m 700 /root/.ssh; cat >>/root/.ssh/config"], {
      stdin: own.replace("/root/mux", "none")
    })
  }
  yield* server.write("/etc/byteback/snapshot_interval", "0\n")
  return server
})

export class Siege extends Context.Service<
  Siege,
  {
    readonly server: Machine
    /** root on this one is hostile */
    readonly attacker: Machine
    readonly victim: Machine
    /** Sends a line, a byte each character, to the forced command, and `stdin` after it. */
    readonly send: (line: string, options?: RunOptions, over?: "server" | "alone") => Effect.Effect<RunResult, LabError>
    /** Another server with a store of its own and the same two hosts, for as long as the scope is open. */
    readonly otherServer: (name: string, size: string) => Effect.Effect<Machine, LabError, Lab | Scope.Scope>
    /** Such a server of 600 MB, `tight`, that stays for all attacks after the first that asks for it. */
    readonly tight: Effect.Effect<Machine, LabError>
    /** Another one that stays, `open`, for attacks that reach their goal there: nothing of it is looked at afterwards. */
    readonly open: Effect.Effect<Machine, LabError>
    /** Each snapshot of a server with its owner, mode, ro flag and the sum of all that is in it, a line each. */
    readonly sealed: (machine: Machine) => Effect.Effect<ReadonlyArray<string>, LabError>
    /**
     * After an attack: every snapshot of the server is as it was, and so is each that is left on `tight` where that was attacked; no
     * byte that the attacker's programs printed, and none in `saw`, holds a canary.
     */
    readonly unharmed: (saw: ReadonlyArray<string>) => Effect.Effect<void, LabError>
  }
>()("byteback/test/Siege") {
  static readonly layer = Layer.effect(
    Siege,
    Effect.gen(function* () {
      const server = yield* serverMachine("server", "1500M")
      const { all, machine: attacker } = overheard(yield* clientMachine(server, "attacker"))
      const victim = yield* clientMachine(server, "victim")
      yield* server.write("/etc/canary", `${canaries.etc}\n`)
      yield* server.write("/root/canary", `${canaries.root}\n`)
      yield* victim.write("/data/secret", `${canaries.victim}\n`)
      yield* attacker.write("/root/.ssh/config", sshConfig, { mode: "0600" })
      const rights = "mkdir -p /data/rights && cd /data/rights && cp /bin/true setuid && chmod 4755 setuid"
      yield* attacker.ok([
        "sh",
        "-c",
        `${rights} && cp /bin/true capable && setcap cap_net_raw+ep capable && mknod null c 1 3`
      ])
      yield* attacker.ok(backupWords())
      yield* victim.ok(backupWords())
      const lab = yield* Lab
      const scope = yield* Effect.scope
      const hosts = { attacker, victim }
      const lasting = (name: string, size: string) =>
        Effect.cached(
          otherServer(hosts, name, size).pipe(
            Effect.provideService(Scope.Scope, scope),
            Effect.provideService(Lab, lab)
          )
        )
      const made = yield* lasting("tight", "600M")
      const open = yield* lasting("open", "512M")
      let attacked: Machine | null = null
      const tight = Effect.tap(made, (machine) => Effect.sync(() => void (attacked = machine)))
      const look = (machine: Machine) => Effect.map(machine.ok(["sh", "-c", seals]), (text) => text.trim().split("\n"))
      let before = yield* look(server)
      let beforeTight: ReadonlyArray<string> = []
      let sent = 0
      return Siege.of({
        server,
        attacker,
        victim,
        otherServer: (name, size) => otherServer(hosts, name, size),
        tight,
        open,
        send: Effect.fnUntraced(function* (line, options, over = "server") {
          const file = `/root/line-${sent++}`
          yield* attacker.write(file, Buffer.from(line, "latin1"))
          return yield* attacker.run(["sh", "-c", sendBytes, "sh", file, over], options)
        }),
        sealed: look,
        unharmed: Effect.fnUntraced(function* (saw) {
          const now = yield* look(server)
          for (const line of before) assert.include(now, line, "as it was")
          before = now
          if (attacked !== null) {
            const then = new Map(beforeTight.map((line) => [line.split(" ")[0], line]))
            beforeTight = yield* look(attacked)
            attacked = null
            // Pruning may take some there.
            for (const line of beforeTight) assert.include([line, undefined], then.get(line.split(" ")[0]), "as it was")
          }
          for (const bytes of [...saw, ...all()])
            for (const canary of Object.values(canaries)) assert.notInclude(bytes, canary, "a secret got out")
        })
      })
    })
  ).pipe(Layer.provideMerge(Lab.layer()))
}
