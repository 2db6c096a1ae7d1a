// The forced command, as the login user: reads one request and hands it to the privileged helper, and does nothing else.
import { accessSync, constants, readFileSync, read } from "node:fs"
import { exitCode } from "../src/domain/exitCode.ts"
import { forcedCommand, type Session } from "../src/domain/forcedCommand.ts"
import { helloAnswer, isHello } from "../src/domain/hello.ts"
import { refusalLine } from "../src/domain/refusalLine.ts"
import { maxSecluded, parse, parseSecluded } from "../src/domain/request/parse.ts"
import { print } from "../src/domain/request/print.ts"

const sudo = "/usr/bin/sudo"
const helper = "/usr/lib/byteback/byteback-priv"

/** Secluded arguments must have arrived within so many milliseconds. */
const secludedTime = 30_000

const refuse = (message: string, code: number = exitCode.refused): never => {
  process.stderr.write(`${refusalLine({ code, message })}\n`)
  process.exit(code)
}

/** How sshd says this session logged in; it writes the file that SSH_USER_AUTH names. */
const loggedInBy = (): Session["loggedInBy"] => {
  const file = process.env["SSH_USER_AUTH"]
  if (file === undefined) return "unknown"
  try {
    const methods = readFileSync(file, "utf8").trim().split("\n")
    return methods.every((line) => line === "password" || line.startsWith("keyboard-interactive")) ? "password" : "key"
  } catch {
    return "unknown"
  }
}

/** Like `refuse` while a read is under way: Node would wait for that read to end, so the process becomes one that does not. */
const refuseAtOnce = (message: string): void => {
  process.stderr.write(`${refusalLine({ code: exitCode.refused, message })}\n`)
  process.execve!("/bin/sh", ["sh", "-c", `exit ${exitCode.refused}`], {})
}

/** Reads stdin to the empty argument that ends the secluded ones, byte by byte, since rsync's protocol follows at once. */
const secludedArguments = async (): Promise<Uint8Array> => {
  const late = setTimeout(() => refuseAtOnce("the secluded arguments did not arrive in time"), secludedTime)
  const bytes = Buffer.alloc(maxSecluded)
  let size = 0
  while (!(size > 0 && bytes[size - 1] === 0 && (size === 1 || bytes[size - 2] === 0))) {
    if (size === maxSecluded) return refuse("the secluded arguments are too long")
    const got = await new Promise<number>((resolve) =>
      read(0, bytes, size, 1, null, (error, count) => resolve(error ? 0 : count))
    )
    if (got === 0) return refuse("the connection ended within the secluded arguments")
    size += 1
  }
  clearTimeout(late)
  return bytes.subarray(0, size)
}

/** Runs as `byteback-receive -c TEXT` (a login shell, from sshd) or `byteback-receive WORD...`; never returns. */
export const receive = async (args: ReadonlyArray<string>): Promise<void> => {
  const session = forcedCommand({
    words: args[0] === "-c" ? (args[1] ?? "") : ["byteback-receive", ...args].join(" "),
    original: process.env["SSH_ORIGINAL_COMMAND"],
    loggedInBy: loggedInBy()
  })
  if (!session.ok) return refuse(session.message, session.code)
  let parsed = parse(session.line)
  if (parsed.ok && parsed.value._tag === "Secluded") parsed = parseSecluded(parsed.value, await secludedArguments())
  if (!parsed.ok) return refuse(parsed.refusal.message)
  // First words need no privilege, and are said before every backup.
  if (session.host !== null && parsed.value._tag === "Typed" && isHello(parsed.value.json)) {
    process.stdout.write(`${helloAnswer(session.host, Math.floor(Date.now() / 1000))}\n`)
    return
  }
  const words = session.words(parsed.value)
  if (words === null) return refuse("this session may only enrol a machine")
  // an administrator's own session (see packaging/local-session) is root's already
  const [program, ...before] = process.getuid!() === 0 ? [helper] : [sudo, "-n", "--", helper]
  try {
    accessSync(program!, constants.X_OK)
  } catch {
    return refuse(
      `${program} is not installed on the server; nothing was changed. Tell its administrator`,
      exitCode.failed
    )
  }
  process.execve!(program!, [program!, ...before, ...words], {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    BYTEBACK_REQUEST: print(parsed.value),
    BYTEBACK_CLIENT: (process.env["SSH_CLIENT"] ?? "").split(" ")[0] ?? ""
  })
}
