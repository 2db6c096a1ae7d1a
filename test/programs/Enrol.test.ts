// Hosts come and go: invitations, enrolment, keys added and taken away, on a server in memory.
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import { parseInvitation, pemOfKey } from "../../src/domain/invitation.ts"
import { addClient } from "../../src/programs/AddClient.ts"
import { clients } from "../../src/programs/Clients.ts"
import { enrol } from "../../src/programs/Enrol.ts"
import { invite } from "../../src/programs/Invite.ts"
import { removeClient } from "../../src/programs/RemoveClient.ts"
import { AuthorizedKeys } from "../../src/services/AuthorizedKeys.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Ssh } from "../../src/services/Ssh.ts"
import { Sshd } from "../../src/services/Sshd.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { numberedKey } from "../domain/publicKeys.ts"

/** An ssh-keygen that makes a different key each time. */
const keygen = Layer.effect(
  Ssh,
  Effect.gen(function* () {
    const files = yield* SystemFile
    let made = 100
    const fake = yield* Ssh.pipe(Effect.provide(Ssh.layerFake({})))
    return Ssh.of({
      ...fake,
      generateKey: (path) => Effect.orDie(files.write(path, pemOfKey(btoa(`secret ${++made}`.padEnd(60))), 0o600)),
      publicKey: () => Effect.sync(() => text(made))
    })
  })
)

const server = Layer.mergeAll(
  AuthorizedKeys.layer,
  Registry.layer,
  Journal.layerFake,
  Sshd.layerFake,
  Store.layerFake,
  keygen
).pipe(Layer.provideMerge(Layer.mergeAll(SystemFile.layerFake, Lock.layerFake)))

const text = (n: number) => `${numberedKey(n).type} ${numberedKey(n).blob}`

/** A server that setup-server was run on. */
const ready = Effect.gen(function* () {
  const files = yield* SystemFile
  yield* files.directory("/etc/ssh/sshd_config.d", 0o755)
  yield* files.write("/etc/ssh/sshd_config.d/byteback.conf", "", 0o644)
  yield* files.directory("/etc/byteback", 0o755)
  yield* files.write("/etc/byteback/address", "backup.example.org:2222\n", 0o644)
})

const fact = <E>(title: string, body: Effect.Effect<void, E, Layer.Success<typeof server>>) =>
  it.effect(title, () => Effect.andThen(ready, body).pipe(Effect.provide(server)))

const keyOf = (host: string) =>
  Effect.map(clients(), ({ clients: all }) => all.find((one) => one.host === host)?.fingerprint ?? null)

describe("an invitation", () => {
  fact(
    "carries the server's address, port and host key, and the one-time key whose line names the host",
    Effect.gen(function* () {
      const invited = yield* invite({ host: "web1" })
      const invitation = Result.getOrThrow(parseInvitation(invited.command))
      assert.deepInclude(invitation, { address: "backup.example.org", port: 2222, host: "web1", expires: 86400 })
      assert.lengthOf(invitation.hostKeys, 1)
      const { entries } = yield* (yield* AuthorizedKeys).list
      assert.deepStrictEqual(entries, [{ _tag: "invitation", host: "web1", expires: 86400, key: numberedKey(101) }])
      assert.deepStrictEqual(yield* (yield* SystemFile).names("/scratch"), [])
    })
  )

  fact(
    "enrols once: the second machine that uses it is refused",
    Effect.gen(function* () {
      yield* invite({ host: "web1" })
      assert.deepStrictEqual(yield* enrol({ invitedAs: "web1", host: "web1", key: text(1) }), {
        _tag: "enrol",
        host: "web1"
      })
      const error = yield* Effect.flip(enrol({ invitedAs: "web1", host: "web1", key: text(2) }))
      assert.deepInclude(error, { _tag: "EnrolRefused", reason: "invitation-used", exit: "refused" })
      assert.deepStrictEqual((yield* (yield* AuthorizedKeys).list).entries, [
        { _tag: "host", host: "web1", from: [], key: numberedKey(1) }
      ])
      const { uid } = yield* (yield* Registry).get("web1")
      assert.deepInclude((yield* (yield* Journal).read("web1")).entries[0], { _tag: "enrolled", uid })
    })
  )

  fact(
    "enrols one machine only when two use it at once",
    Effect.gen(function* () {
      yield* invite({ host: "web1" })
      const fiber = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4], (n) => Effect.exit(enrol({ invitedAs: "web1", host: "web1", key: text(n) })), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 minute")
      const ends = yield* Fiber.join(fiber)
      assert.lengthOf(
        ends.filter((end) => end._tag === "Success"),
        1
      )
      assert.lengthOf((yield* (yield* AuthorizedKeys).list).entries, 1)
    })
  )

  fact(
    "is for its own host and its own time",
    Effect.gen(function* () {
      yield* invite({ host: "web1", life: Duration.hours(1) })
      assert.deepInclude(yield* Effect.flip(enrol({ invitedAs: "web1", host: "web2", key: text(1) })), {
        reason: "other-host"
      })
      yield* TestClock.adjust("61 minutes")
      assert.deepInclude(yield* Effect.flip(enrol({ invitedAs: "web1", host: "web1", key: text(1) })), {
        reason: "invitation-used"
      })
      yield* invite({ host: "other" })
      const { clients: all } = yield* clients()
      assert.deepStrictEqual(
        all.map(({ host }) => host),
        ["other"]
      )
    })
  )

  fact(
    "gives a host that is enrolled another key, and its old one is worth nothing any more",
    Effect.gen(function* () {
      yield* addClient({ host: "web1", key: text(1) })
      const { uid } = yield* (yield* Registry).get("web1")
      assert.isTrue((yield* invite({ host: "web1" })).replaces)
      yield* enrol({ invitedAs: "web1", host: "web1", key: text(2) })
      assert.strictEqual((yield* (yield* Registry).get("web1")).uid, uid)
      const { entries } = yield* (yield* AuthorizedKeys).list
      assert.deepStrictEqual(
        entries.map(({ key }) => key),
        [numberedKey(2)]
      )
    })
  )

  fact(
    "replaces the one before it",
    Effect.gen(function* () {
      yield* invite({ host: "web1" })
      yield* invite({ host: "web1" })
      assert.lengthOf((yield* (yield* AuthorizedKeys).list).entries, 1)
    })
  )

  it.effect("is not made where no server was set up, or without an address", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* Effect.flip(invite({ host: "a" })), { reason: "not-set-up" })
      yield* ready
      yield* (yield* SystemFile).remove("/etc/byteback/address")
      assert.deepInclude(yield* Effect.flip(invite({ host: "a" })), { reason: "no-address", exit: "usage" })
      assert.strictEqual((yield* Effect.flip(invite({ host: "A" })))._tag, "InvalidHostName")
    }).pipe(Effect.provide(server))
  )
})

describe("an administrator's session", () => {
  fact(
    "may add a host that is not there, and none that is, or was with its backups kept",
    Effect.gen(function* () {
      yield* enrol({ invitedAs: null, host: "web1", key: text(1) })
      const again = { invitedAs: null, host: "web1", key: text(2) }
      assert.deepInclude(yield* Effect.flip(enrol(again)), { reason: "enrolled-already", exit: "refused" })
      yield* removeClient({ host: "web1" })
      assert.deepInclude(yield* Effect.flip(enrol(again)), { reason: "enrolled-already" })
      assert.isNull(yield* keyOf("web1"))
    })
  )

  fact(
    "cannot give one key to two hosts, nor one that is no key",
    Effect.gen(function* () {
      yield* enrol({ invitedAs: null, host: "web1", key: text(1) })
      assert.deepInclude(yield* Effect.flip(enrol({ invitedAs: null, host: "web2", key: text(1) })), {
        reason: "key-in-use"
      })
      const bad = yield* Effect.flip(enrol({ invitedAs: null, host: "web3", key: 'ssh-rsa AAAA",command="sh' }))
      assert.deepInclude(bad, { _tag: "KeyRefused", exit: "refused" })
      assert.deepStrictEqual(
        (yield* (yield* Registry).list).map(({ host }) => host),
        ["web1"]
      )
    })
  )
})

describe("add-client", () => {
  fact(
    "adds a host, and changes nothing the second time",
    Effect.gen(function* () {
      const first = yield* addClient({ host: "web1", key: `${text(1)} root@web1\n`, from: ["192.0.2.0/24"] })
      assert.isTrue(first.changed)
      assert.deepStrictEqual(yield* addClient({ host: "web1", key: text(1), from: ["192.0.2.0/24"] }), {
        ...first,
        changed: false
      })
      assert.lengthOf((yield* (yield* Journal).read("web1")).entries, 1)
    })
  )

  fact(
    "replaces a key only when told so",
    Effect.gen(function* () {
      yield* addClient({ host: "web1", key: text(1) })
      assert.deepInclude(yield* Effect.flip(addClient({ host: "web1", key: text(2) })), { reason: "has-a-key" })
      yield* addClient({ host: "web1", key: text(2), replaceKey: true })
      assert.lengthOf((yield* (yield* AuthorizedKeys).list).entries, 1)
      assert.deepInclude(yield* Effect.flip(addClient({ host: "web2", key: text(2) })), { reason: "key-in-use" })
      assert.deepInclude(yield* Effect.flip(addClient({ host: "web2", key: text(3), from: ["*"] })), { exit: "usage" })
    })
  )
})

describe("remove-client", () => {
  fact(
    "takes the key and the invitation, and keeps the backups and the uid for when the host comes back",
    Effect.gen(function* () {
      const { uid } = yield* addClient({ host: "web1", key: text(1) })
      yield* invite({ host: "web1" })
      assert.deepStrictEqual(yield* removeClient({ host: "web1" }), {
        host: "web1",
        hadKey: true,
        deleted: [],
        left: []
      })
      assert.deepStrictEqual((yield* (yield* AuthorizedKeys).list).entries, [])
      assert.deepStrictEqual(yield* (yield* Store).hosts, ["web1"])
      assert.strictEqual((yield* addClient({ host: "web1", key: text(2) })).uid, uid)
    })
  )

  fact(
    "deletes the backups when told so, but not while one is being made",
    Effect.gen(function* () {
      yield* addClient({ host: "web1", key: text(1) })
      yield* addClient({ host: "web2", key: text(2) })
      const busy = Effect.gen(function* () {
        yield* (yield* SystemFile).directory("/run/byteback/web1", 0o700)
        yield* (yield* Lock).take("/run/byteback/web1/lock", "a backup")
        return yield* Effect.flip(removeClient({ host: "web1", deleteBackups: true }))
      }).pipe(Effect.scoped)
      assert.strictEqual((yield* busy)._tag, "Locked")
      assert.isNotNull(yield* keyOf("web1"))
      yield* removeClient({ host: "web1", deleteBackups: true })
      assert.deepStrictEqual(yield* (yield* Store).hosts, ["web2"])
      assert.deepStrictEqual(
        (yield* clients()).clients.map(({ host }) => host),
        ["web2"]
      )
    })
  )

  fact(
    "says when there is no such host",
    Effect.gen(function* () {
      assert.deepInclude(yield* Effect.flip(removeClient({ host: "web9" })), {
        _tag: "NotEnrolled",
        exit: "notEnrolled"
      })
    })
  )
})
