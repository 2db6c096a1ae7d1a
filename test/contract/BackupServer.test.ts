// BackupServer over real ssh, to a real sshd and the byteback that is installed there.
import { NodeServices } from "@effect/platform-node"
import { describe } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { BackupServer } from "../../src/services/BackupServer.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Rsync } from "../../src/services/Rsync.ts"
import { Ssh, type SshTarget } from "../../src/services/Ssh.ts"
import { Lab } from "../lab/Lab.ts"
import { BackupServerSite, suite } from "../services/BackupServer.contract.ts"
import { isRoot, needsRoot } from "./btrfsImage.ts"

/** Runs programs where the network is that of a process of the lab, and all else is this machine's. */
const execIn = (pid: number) =>
  Layer.effect(
    Exec,
    Effect.map(Exec, (exec) =>
      Exec.of({
        ...exec,
        run: (program, args, options) =>
          exec.run("nsenter", ["--target", String(pid), "--net", "--", program, ...args], options)
      })
    )
  ).pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

const site = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const lab = yield* Lab.make()
    const server = yield* lab.machine("server", { install: true })
    yield* server.sshd
    const pid = yield* server.pid
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-server-" })
    // What is installed there, as this machine starts it.
    const there = `nsenter --target ${pid} --mount --pid --net --uts --ipc -- /usr/lib/byteback/local-session`
    yield* fs.writeFileString(`${directory}/local-session`, `#!/bin/sh\nexec ${there} "$@"\n`, { mode: 0o755 })
    const lib = Layer.effect(
      Layout,
      Effect.map(Layout, (layout) => ({ ...layout, lib: directory }))
    )
    const tools = Ssh.layer.pipe(Layer.provideMerge([execIn(pid), NodeServices.layer]), Layer.provide(lib))
    const given = Effect.gen(function* () {
      const ssh = yield* Ssh
      yield* fs.makeDirectory(`${directory}/data`)
      yield* fs.writeFileString(`${directory}/data/hello`, "hello\n")
      for (const name of ["web", "stranger", "enroller"]) yield* ssh.generateKey(`${directory}/${name}`)
      const hostKeys = yield* ssh.hostKeys(server.address)
      yield* fs.writeFileString(`${directory}/known_hosts`, hostKeys.map((line) => `${line}\n`).join(""))
      yield* server.write("/root/enroller.pub", `${yield* ssh.publicKey(`${directory}/enroller`)}\n`)
      const store = ["--image", "/srv/byteback.img", "--size", "600M"]
      yield* server.ok(["byteback", "setup-server", ...store, "--administrator-key", "/root/enroller.pub"])
      yield* server.ok(["byteback", "add-client", "web", yield* ssh.publicKey(`${directory}/web`)])
      const target = (name: string): SshTarget => ({
        user: "byteback",
        host: server.address,
        keyFile: `${directory}/${name}`,
        knownHosts: `${directory}/known_hosts`
      })
      return BackupServerSite.of({
        web: target("web"),
        stranger: target("stranger"),
        enroller: target("enroller"),
        directory: `${directory}/data`
      })
    })
    return Layer.mergeAll(BackupServer.layer, Rsync.layer, Layer.effect(BackupServerSite, given)).pipe(
      Layer.provide(tools)
    )
  }).pipe(Effect.provide(NodeServices.layer))
)

describe.skipIf(!isRoot)(`on a real server${needsRoot}`, () => suite("sshd", site))
