// The reading commands on real snapshots: from the client over ssh, and on the server as an administrator.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { backupWords, clientMachine, root, serverMachine } from "./pair.ts"

describe.skipIf(!root)("reading", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("is an administrator's too on the server, by --host and without the client's key", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("local")
        const client = yield* clientMachine(server, "reader")
        yield* client.ok(backupWords())
        const here = yield* client.ok(["byteback", "snapshots", "--json"])
        assert.strictEqual(yield* server.ok(["byteback", "snapshots", "--host", "reader", "--json"]), here)
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
      }).pipe(Effect.scoped)
    )
  })
})
