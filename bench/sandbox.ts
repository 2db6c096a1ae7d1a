// What the sandbox costs: how long it takes to start, and the throughput of a push with and without it, interleaved.
import { spawnSync } from "node:child_process"
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { randomBytes } from "node:crypto"
import type { Processor } from "../src/domain/seccomp.ts"
import { seccompFilter } from "../src/domain/seccomp.ts"
import { filterDescriptor, sandboxArgv, unconfinedArgv } from "../src/domain/sandbox.ts"
import type { BenchRow } from "./row.ts"

const packaging = join(import.meta.dirname, "../packaging")
const uid = 1_200_000_000
const rounds = 5
const megabytes = 256

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Milliseconds that a program takes, with the filter as its descriptor 7. */
const time = (argv: ReadonlyArray<string>, cwd: string, filter: string): number => {
  const descriptor = openSync(filter, "r")
  const stdio = Array.from({ length: filterDescriptor + 1 }, () => "ignore" as const)
  const began = performance.now()
  const ended = spawnSync(argv[0]!, argv.slice(1), { cwd, stdio: [...stdio.slice(0, filterDescriptor), descriptor] })
  const took = performance.now() - began
  closeSync(descriptor)
  if (ended.status !== 0) throw new Error(`${argv.join(" ")} ended with ${ended.status}`)
  return took
}

/** Needs root, bubblewrap and rsync. */
export const rows = (): ReadonlyArray<BenchRow> => {
  const top = mkdtempSync(join(tmpdir(), "byteback-bench-"))
  try {
    const source = join(top, "source")
    const current = join(top, "current")
    const filter = join(top, "filter")
    writeFileSync(filter, seccompFilter(process.arch as Processor))
    mkdirSync(source)
    for (let index = 0; index < 64; index += 1)
      writeFileSync(join(source, String(index)), randomBytes((megabytes / 64) << 20))
    const sandbox = { directory: current, access: "read-write", uid } as const
    const confined = (command: ReadonlyArray<string>) => sandboxArgv(sandbox, command)
    const bare = (command: ReadonlyArray<string>) => unconfinedArgv(uid, command)

    /** What the server's side runs: as on a server, with its limits and the watch beside it, or nothing but the program. */
    const asOnServer = (words: string) => `set -u
run=${top} room=0 least_free=0 least_metadata=0
. ${packaging}/run-bounded
. ${packaging}/run-share
bounded ${filter} 600 ${words}
exit "$code"`
    const alone = (words: string) => `exec ${words} 7<${filter}`

    /** A push of everything into an empty current, the server's side started by a remote shell. */
    const push = (argv: ReadonlyArray<string>, script: (words: string) => string): number => {
      rmSync(current, { recursive: true, force: true })
      mkdirSync(current)
      spawnSync("chown", [String(uid), current])
      const shell = join(top, "shell")
      const words = argv.map((word) => `'${word}'`).join(" ")
      writeFileSync(shell, `#!/bin/sh\ncd ${current}\n${script(words)}\n`, { mode: 0o755 })
      return time(["rsync", "-a", "--inplace", "--whole-file", "-e", shell, `${source}/`, "x:."], top, filter)
    }
    spawnSync("chmod", ["755", top])
    const server = ["rsync", "--server", "-logDtpre.iLsfxCIvu", "--inplace", "--fake-super", ".", "."]
    const pushes = { with: [] as Array<number>, without: [] as Array<number> }
    const starts = { with: [] as Array<number>, without: [] as Array<number> }
    for (let round = 0; round < rounds; round += 1) {
      pushes.with.push(push(confined(server), asOnServer))
      pushes.without.push(push(bare(server), alone))
    }
    for (let round = 0; round < 30; round += 1) {
      starts.with.push(time(confined(["/usr/bin/true"]), current, filter))
      starts.without.push(time(["/usr/bin/true"], current, filter))
    }
    const slower = median(pushes.with) / median(pushes.without)
    return [
      {
        name: "a push in the sandbox, against one without (times as long)",
        value: slower,
        unit: "x",
        target: 1.1,
        ratio: 1 / slower
      },
      { name: "a push in the sandbox", value: (megabytes * 1000) / median(pushes.with), unit: "MiB/s" },
      {
        name: "start of the sandbox",
        value: median(starts.with) - median(starts.without),
        unit: "ms",
        target: 30
      }
    ]
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
}
