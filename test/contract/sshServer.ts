// An OpenSSH server of a test's own, on the loopback, with nothing of the machine's: for root.
import { Effect, Schema, type Scope } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const isRoot = process.getuid?.() === 0

export class TestServerError extends Schema.TaggedError<TestServerError>()("TestServerError", {
  message: Schema.String
}) {}

export interface SshServer {
  readonly port: number
  /** a directory for the test's files, gone with the scope */
  readonly directory: string
  /** a private key that may log in as root */
  readonly keyFile: string
  /** a private key that may not */
  readonly strangersKey: string
  /** files of known_hosts: with the right key, with none, with another */
  readonly pinned: string
  readonly unpinned: string
  readonly mispinned: string
  /** how many sessions have logged in */
  readonly logins: () => number
  /** what sshd logged */
  readonly log: () => string
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("data", () => socket.destroy())
    socket.once("close", (failed) => resolve(!failed))
    socket.once("error", () => {})
  })

const key = (directory: string, name: string): string => {
  const file = join(directory, name)
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file])
  return file
}

const publicWords = (file: string): string => readFileSync(`${file}.pub`, "utf8").split(" ").slice(0, 2).join(" ")

/** Starts it and waits until it answers; ended with the scope, with all its sessions. */
export const sshServer: Effect.Effect<SshServer, TestServerError, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "byteback-sshd-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const port = yield* Effect.promise(freePort)
  const hostKey = key(directory, "host")
  const keyFile = key(directory, "machine")
  const strangersKey = key(directory, "stranger")
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 })
    return join(directory, name)
  }
  const config = file(
    "sshd_config",
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${file("authorized_keys", readFileSync(`${keyFile}.pub`, "utf8"))}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "PermitRootLogin yes",
      "PidFile none",
      "LogLevel VERBOSE",
      "MaxStartups 100",
      ""
    ].join("\n")
  )
  let log = ""
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // sshd wants its own /run/sshd; a mount namespace gives it one that nobody else sees
      const start = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f "$1"'
      const child = spawn("unshare", [
        "--mount",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "sh",
        "-c",
        start,
        "sh",
        config
      ])
      child.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString()
      })
      return child
    }),
    (child) =>
      Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            child.once("close", () => resolve())
            child.kill("SIGKILL")
          })
      )
  )
  for (let tries = 0; !(yield* Effect.promise(() => answers(port))); tries++) {
    if (tries > 500) return yield* new TestServerError({ message: `sshd did not start: ${log}` })
    yield* Effect.sleep(20)
  }
  const name = `[127.0.0.1]:${port}`
  return {
    port,
    directory,
    keyFile,
    strangersKey,
    pinned: file("pinned", `${name} ${publicWords(hostKey)}\n`),
    unpinned: file("unpinned", ""),
    mispinned: file("mispinned", `${name} ${publicWords(strangersKey)}\n`),
    logins: () => log.split("Accepted publickey").length - 1,
    log: () => log
  }
})
