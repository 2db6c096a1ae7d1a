// Setting a client up, against a server in memory that knows keys, invitations and its own host key.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { formatInvitation, type Invitation, pemOfKey } from "../../src/domain/invitation.ts"
import { parsePublicKey } from "../../src/domain/authorizedKey.ts"
import { version } from "../../src/domain/version.ts"
import { setupClient, type SetupClientWay } from "../../src/programs/SetupClient.ts"
import { Accounts } from "../../src/services/Accounts.ts"
import { fingerprintOf } from "../../src/services/AuthorizedKeys.ts"
import { BackupServer, ServerRefused } from "../../src/services/BackupServer.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Ssh, SshError } from "../../src/services/Ssh.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { numberedKey } from "../domain/publicKeys.ts"

const words = (n: number) => `${numberedKey(n).type} ${numberedKey(n).blob}`
const own = words(1)
const hostKey = words(9)
const secret = btoa("the one-time secret".padEnd(60))

const invitation: Invitation = {
  v: 1,
  address: "backup.example.org",
  port: 2222,
  user: "byteback",
  host: "web1",
  hostKeys: [hostKey],
  key: secret,
  expires: 1795000000
}
const token = formatInvitation(invitation)

/** What the server knows, and what it was asked. */
interface World {
  readonly enrolled: Map<string, string>
  invitations: ReadonlyArray<string>
  readonly asked: Array<string>
}

const world = (): World => ({ enrolled: new Map(), invitations: ["web1"], asked: [] })

const machine = (server: World) => {
  const ssh = Layer.effect(
    Ssh,
    Effect.gen(function* () {
      const files = yield* SystemFile
      const fake = yield* Ssh.pipe(Effect.provide(Ssh.layerFake({})))
      return Ssh.of({
        ...fake,
        generateKey: (path) =>
          Effect.orDie(
            Effect.flatMap(files.read(path), (there) =>
              there === null ? files.write(path, "own", 0o600) : Effect.void
            )
          ),
        publicKey: () => Effect.succeed(own),
        hostKeys: () => Effect.succeed([`backup.example.org ${words(8)}`, `backup.example.org ${hostKey}`])
      })
    })
  )
  const backup = Layer.effect(
    BackupServer,
    Effect.gen(function* () {
      const files = yield* SystemFile
      const fake = yield* BackupServer.pipe(Effect.provide(BackupServer.layerFake({})))
      return BackupServer.of({
        ...fake,
        connect: Effect.fnUntraced(function* (target) {
          const fail = (reason: SshError["reason"]) =>
            new SshError({ reason, subject: target.host, exitCode: 255, stderr: "" })
          const pins = (yield* Effect.orDie(files.read(target.knownHosts))) ?? ""
          if (!pins.includes(hostKey)) {
            if (pins !== "") return yield* fail("host-key-changed")
            if (target.ownIdentities !== true) return yield* fail("host-key-unknown")
            yield* Effect.orDie(files.write(target.knownHosts, `backup.example.org ${hostKey}\n`, 0o600))
          }
          const key = target.keyFile === undefined ? null : yield* Effect.orDie(files.read(target.keyFile))
          const enrolling = target.ownIdentities === true || (key === pemOfKey(secret) && server.invitations.length > 0)
          const host = [...server.enrolled].find(([, one]) => one === own)?.[0]
          if (!enrolling && (key !== "own" || host === undefined)) return yield* fail("key-refused")
          const session = yield* fake.connect(target)
          return {
            ...session,
            hello: Effect.sync(() => {
              server.asked.push("hello")
              return {
                _tag: "hello" as const,
                protocol: 1,
                oldest: 1,
                version,
                host: host ?? "",
                now: 0
              }
            }),
            enrol: (name: string, text: string) =>
              Effect.suspend(() => {
                server.asked.push(`enrol ${name}`)
                if (server.enrolled.has(name) && target.ownIdentities === true) {
                  return Effect.fail(new ServerRefused({ code: 12, detail: "there is one already", due: null }))
                }
                server.enrolled.set(name, text)
                server.invitations = []
                return Effect.succeed({ _tag: "enrol" as const, host: name })
              })
          }
        })
      })
    })
  )
  const exec = Exec.layerFake((_, args) =>
    Effect.succeed(
      args.at(-2) === "admin@backup.example.org" && args.at(-1) === "sudo byteback invite web1 --json"
        ? {
            text: `[sudo] password for admin: \r\n${JSON.stringify({ host: "web1", token, command: "x", expires: 1, replaces: false })}\r\n`
          }
        : { code: 1, text: "sudo: a password is required\r\n" }
    )
  )
  return Layer.mergeAll(ssh, backup, exec, Accounts.layerFake).pipe(Layer.provideMerge(SystemFile.layerFake))
}

const fact = <E>(
  title: string,
  body: (server: World) => Effect.Effect<void, E, Layer.Success<ReturnType<typeof machine>>>
) =>
  it.effect(title, () => {
    const server = world()
    return body(server).pipe(Effect.provide(machine(server)))
  })

const byInvitation: SetupClientWay = { _tag: "invitation", invitation: token }
const byDestination: SetupClientWay = { _tag: "destination", destination: "byteback@backup.example.org:", host: "web1" }
const read = (name: string) => Effect.flatMap(SystemFile, (files) => files.read(`/etc/byteback/${name}`))

describe("setup-client with an invitation", () => {
  fact("enrols, pins the server's key, writes the destination, and proves it by a hello", (server) =>
    Effect.gen(function* () {
      const result = yield* setupClient({ way: byInvitation })
      assert.deepStrictEqual(result, {
        _tag: "ready",
        host: "web1",
        destination: "ssh://byteback@backup.example.org:2222",
        replaced: null,
        before: false,
        serverKeys: [fingerprintOf(numberedKey(9).blob)]
      })
      assert.deepStrictEqual(server.asked, ["enrol web1", "hello"])
      assert.strictEqual(yield* read("known_hosts"), `[backup.example.org]:2222 ${hostKey}\n`)
      assert.strictEqual(yield* read("destination"), "ssh://byteback@backup.example.org:2222\n")
      assert.isTrue(Result.isSuccess(parsePublicKey(server.enrolled.get("web1") ?? "")))
      assert.deepStrictEqual(yield* (yield* SystemFile).names("/scratch"), [])
    })
  )

  fact("is harmless the second time: the server is only greeted", (server) =>
    Effect.gen(function* () {
      yield* setupClient({ way: byInvitation })
      const again = yield* setupClient({ way: byInvitation })
      assert.deepInclude(again, { before: true, host: "web1" })
      assert.deepStrictEqual(server.asked, ["enrol web1", "hello", "hello"])
    })
  )

  fact("that was used or has expired ends in one clear line, and nothing but a key is written", (server) =>
    Effect.gen(function* () {
      server.invitations = []
      const error = yield* Effect.flip(setupClient({ way: byInvitation }))
      assert.deepInclude(error, { reason: "invitation", exit: "refused" })
      assert.match(error.message, /used already, or has expired \(it was good until 2026-11-18T/)
      assert.isNull(yield* read("destination"))
      assert.isNull(yield* read("known_hosts"))
    })
  )

  fact("does not become another name for a machine that is enrolled already", (server) =>
    Effect.gen(function* () {
      server.enrolled.set("old-name", own)
      yield* (yield* SystemFile).directory("/etc/byteback", 0o755)
      const error = yield* Effect.flip(setupClient({ way: byInvitation }))
      assert.deepInclude(error, { reason: "other-name" })
      assert.include(error.message, "old-name")
      assert.deepStrictEqual(server.asked, ["hello"])
    })
  )

  fact("says which destination it replaced", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      yield* files.directory("/etc/byteback", 0o755)
      yield* files.write("/etc/byteback/destination", "byteback@old.example.org:\n", 0o644)
      assert.deepInclude(yield* setupClient({ way: byInvitation }), { replaced: "byteback@old.example.org:" })
    })
  )

  fact("does not put a key where others could take or change it", () =>
    Effect.gen(function* () {
      yield* (yield* SystemFile).directory("/etc/byteback", 0o777)
      assert.deepInclude(yield* Effect.flip(setupClient({ way: byInvitation })), { reason: "unsafe" })
      assert.isNull(yield* read("key"))
    })
  )
})

describe("setup-client with an administrator's access", () => {
  fact("pins the key that ssh asked about, and greets only the second time", (server) =>
    Effect.gen(function* () {
      assert.deepInclude(yield* setupClient({ way: byDestination }), { before: false, host: "web1" })
      assert.strictEqual(yield* read("known_hosts"), `backup.example.org ${hostKey}\n`)
      assert.deepInclude(yield* setupClient({ way: byDestination }), { before: true })
      assert.deepStrictEqual(server.asked, ["enrol web1", "hello", "hello"])
    })
  )

  fact("pins the key that was named, by its fingerprint, and no other that the server shows", () =>
    Effect.gen(function* () {
      yield* setupClient({ way: { ...byDestination, hostKey: fingerprintOf(numberedKey(9).blob) } })
      assert.strictEqual(yield* read("known_hosts"), `backup.example.org ${hostKey}\n`)
    })
  )

  fact("sends nothing to a server that does not show the key that was named", (server) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(setupClient({ way: { ...byDestination, hostKey: "SHA256:other" } }))
      assert.deepInclude(error, { reason: "host-key" })
      assert.deepStrictEqual(server.asked, [])
    })
  )

  fact("passes the server's refusal on, and writes no destination", (server) =>
    Effect.gen(function* () {
      server.enrolled.set("web1", words(5))
      assert.deepInclude(yield* Effect.flip(setupClient({ way: byDestination })), { _tag: "ServerRefused", code: 12 })
      assert.isNull(yield* read("destination"))
    })
  )

  fact("stops at a server whose pinned key has changed", (server) =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      yield* files.directory("/etc/byteback", 0o755)
      yield* files.write("/etc/byteback/known_hosts", `backup.example.org ${words(8)}\n`, 0o644)
      assert.deepInclude(yield* Effect.flip(setupClient({ way: byDestination })), { reason: "host-key-changed" })
      assert.deepStrictEqual(server.asked, [])
    })
  )
})

describe("setup-client by another account", () => {
  fact("shows what that account is asked, takes the invitation, and goes on with it", (server) =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const onTerminal = (text: string) => Effect.sync(() => void shown.push(text))
      const way = { _tag: "via", via: "admin@backup.example.org", host: "web1" } as const
      assert.deepInclude(yield* setupClient({ way, onTerminal }), { host: "web1", before: false })
      assert.strictEqual(shown.join(""), "[sudo] password for admin: \r\n")
      assert.deepStrictEqual(server.asked, ["enrol web1", "hello"])
      const refused = yield* Effect.flip(setupClient({ way: { ...way, host: "web2" }, onTerminal }))
      assert.deepInclude(refused, { reason: "no-invitation" })
      for (const via of ["-oProxyCommand=x", "a b", "a;b", ""]) {
        assert.deepInclude(yield* Effect.flip(setupClient({ way: { ...way, via } })), { reason: "bad-option" })
      }
    })
  )
})

describe("setup-client --print-key", () => {
  fact("makes a key once and asks no server", (server) =>
    Effect.gen(function* () {
      const way = { _tag: "print-key", host: "web1" } as const
      const result = yield* setupClient({ way })
      assert.deepStrictEqual(result, {
        _tag: "key",
        host: "web1",
        publicKey: own,
        command: `byteback add-client web1 '${own}'`
      })
      assert.deepStrictEqual(server.asked, [])
      assert.strictEqual((yield* Effect.flip(setupClient({ way: { ...way, host: "Web 1" } })))._tag, "InvalidHostName")
    })
  )
})
