// The real flock, visudo, sshd, useradd, mkfs.btrfs and mount keep the promises of the set-up services.
import { NodeServices } from "@effect/platform-node"
import { describe } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { Accounts } from "../../src/services/Accounts.ts"
import { AuthorizedKeys } from "../../src/services/AuthorizedKeys.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Mounts } from "../../src/services/Mounts.ts"
import { Programs } from "../../src/services/Programs.ts"
import { Sshd } from "../../src/services/Sshd.ts"
import { Sudoers } from "../../src/services/Sudoers.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { Lab } from "../lab/Lab.ts"
import { suite as accounts } from "../services/Accounts.contract.ts"
import { suite as authorizedKeys } from "../services/AuthorizedKeys.contract.ts"
import { suite as mounts } from "../services/Mounts.contract.ts"
import { suite as sshd } from "../services/Sshd.contract.ts"
import { suite as sudoers } from "../services/Sudoers.contract.ts"
import { isRoot, needsRoot } from "./btrfsImage.ts"

const tools = Layer.mergeAll(Lock.layer, SystemFile.layer, Programs.layer).pipe(
  Layer.provideMerge(Exec.layer),
  Layer.provideMerge(NodeServices.layer)
)

/** A directory of its own for a test, gone at its end, in the places of /etc, /run and the rest. */
const directory = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped({ prefix: "byteback-set-up-" })).pipe(
  Effect.provide(NodeServices.layer),
  Effect.orDie
)

const layoutIn = (top: string) => ({
  config: `${top}/etc/byteback`,
  store: `${top}/store`,
  state: `${top}/state`,
  run: `${top}/run`,
  lib: `${top}/lib`,
  etc: `${top}/etc`
})

const ownLayout = (prepare: (etc: string) => void = () => {}) =>
  Layer.effect(
    Layout,
    Effect.map(directory, (top) => {
      mkdirSync(`${top}/etc`)
      prepare(`${top}/etc`)
      return layoutIn(top)
    })
  )

/** Runs programs in a machine of the lab. */
const inMachine = Layer.effect(
  Exec,
  Effect.gen(function* () {
    const lab = yield* Lab.make()
    const machine = yield* lab.machine("server")
    return yield* Exec.pipe(
      Effect.provide(
        Exec.layerFake((program, args, { stdin }) =>
          Effect.map(
            Effect.orDie(
              machine.run([program, ...args], { env: { LC_ALL: "C" }, ...(stdin === undefined ? {} : { stdin }) })
            ),
            ({ code, stdout, stderr, stdoutBytes }) => ({ code, text: stdout, stderr, stdout: stdoutBytes })
          )
        )
      )
    )
  })
)

describe.skipIf(!isRoot)(`on the real tools${needsRoot}`, () => {
  authorizedKeys("flock", AuthorizedKeys.layer.pipe(Layer.provideMerge(tools), Layer.provideMerge(ownLayout())))

  sudoers(
    "visudo",
    Sudoers.layer.pipe(
      Layer.provide(tools),
      Layer.provideMerge(
        ownLayout((etc) =>
          writeFileSync(`${etc}/sudoers`, `root ALL=(ALL) ALL\n@includedir ${etc}/sudoers.d\n`, { mode: 0o440 })
        )
      )
    )
  )

  sshd(
    "sshd",
    Sshd.layer.pipe(
      Layer.provide(tools),
      Layer.provideMerge(
        ownLayout((etc) => {
          mkdirSync(`${etc}/ssh`)
          for (const type of ["ecdsa", "ed25519"]) {
            execFileSync("ssh-keygen", ["-q", "-N", "", "-t", type, "-f", `${etc}/ssh/ssh_host_${type}_key`])
          }
          const keys = `HostKey ${etc}/ssh/ssh_host_ecdsa_key\nHostKey ${etc}/ssh/ssh_host_ed25519_key\n`
          writeFileSync(`${etc}/ssh/sshd_config`, `${keys}AcceptEnv LANG LC_*\nUsePAM yes\n`)
        })
      )
    )
  )

  mounts(
    "btrfs",
    Mounts.layer.pipe(Layer.provide(tools)),
    Effect.flatMap(directory, (top) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          mkdirSync(`${top}/mounted`)
          return { target: `${top}/mounted`, image: `${top}/image` }
        }),
        ({ target }) =>
          Effect.sync(() => {
            if (existsSync(target) && isMounted(target)) execFileSync("umount", [target])
          })
      )
    )
  )

  accounts("useradd", Accounts.layer.pipe(Layer.provide(inMachine)))
})

const isMounted = (target: string): boolean => {
  try {
    execFileSync("mountpoint", ["--quiet", target])
    return true
  } catch {
    return false
  }
}
