// A request back into a command line. The helper that runs as root gets this line, and parses it again as if a stranger sent it.
import { encodeBase64url } from "./base64url.ts"
import { escapeWord } from "./lexer.ts"
import { encodeQuotedPrintable } from "./quotedPrintable.ts"
import type { Cluster, PullPath, Request, SecludedOf, Transfer } from "./request.ts"
import { asArgument } from "./requestPath.ts"
import { printCluster, printLongOption } from "./rsyncOptions.ts"

/** The canonical line of a request: it parses to the same request. */
export const print = (request: Request): string => {
  switch (request._tag) {
    case "Typed":
      return `byteback request ${encodeBase64url(new TextEncoder().encode(request.json))}`
    case "Ping":
    case "Complete":
      return line("byteback-receive", `--${request._tag.toLowerCase()}`, request.verbose && "--verbose")
    case "List":
      return line(
        `byteback-receive --snapshot ${request.snapshot} --list`,
        request.all && "--all",
        request.verbose && "--verbose",
        ...request.paths.map((path) => encodeQuotedPrintable(path, "*?[]{}"))
      )
    case "Push":
      return line(server(request), ...transfer(request), ".", ".")
    case "Restore":
      return line(
        server(request),
        ...transfer(request),
        ".",
        ...request.paths.map((path) => encodeQuotedPrintable(path, ""))
      )
    case "Pull":
      return line(server(request), ...transfer(request), ".", ...request.paths.map(pullPath))
    case "Secluded":
      return line(server(request.of), printCluster({ ...request, letters: `s${request.letters}` }))
  }
}

const line = (...words: ReadonlyArray<string | false>): string => words.filter(Boolean).join(" ")

const server = (of: SecludedOf): string => {
  switch (of._tag) {
    case "Push":
      return "rsync --server"
    case "Pull":
      return "rsync --server --sender"
    case "Restore":
      return line(`byteback-restore --snapshot ${of.snapshot}`, of.all && "--all", "--server --sender")
  }
}

const transfer = (request: Transfer & Cluster): ReadonlyArray<string> => [
  printCluster(request),
  ...request.options.map(printLongOption),
  request.timeout === undefined ? "" : `--timeout=${request.timeout}`
]

const pullPath = ({ path, snapshot }: PullPath): string =>
  escapeWord(snapshot === undefined ? asArgument(path) : path === "." ? snapshot : `${snapshot}/${path}`)
