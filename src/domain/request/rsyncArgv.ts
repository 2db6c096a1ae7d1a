// The rsync that is executed for a request: rebuilt from the type, no word of the client's as it came.
import type { Pull, Push, Restore } from "./request.ts"
import { asArgument } from "./requestPath.ts"
import { printCluster, printLongOption } from "./rsyncOptions.ts"

/** Seconds without a sign of life after which rsync gives up; a client's wish is moved between these. */
export const timeoutBounds = { least: 600, most: 3600 }

/** The one directory that an rsync sees. */
export const dataDirectory = "/data"

/**
 * The argv of rsync's server side, to be run in `current` for a push and in the snapshot (`snapshotOf`) for the others.
 * --fake-super always, a timeout always (the longest where the client asked for none, since it then sends no signs of
 * life when it is busy), --confine-root where this server's rsync (`rsyncVersion`, such as 3.5.0) knows it. `root` is what the
 * directory is called where rsync runs.
 */
export const rsyncArgv = (
  request: Push | Pull | Restore,
  rsyncVersion: string,
  root: string = dataDirectory
): ReadonlyArray<string> => {
  const timeout = Math.min(timeoutBounds.most, Math.max(timeoutBounds.least, request.timeout ?? timeoutBounds.most))
  const cluster = printCluster(request)
  return [
    "rsync",
    "--server",
    ...(request._tag === "Push" ? [] : ["--sender"]),
    ...(cluster === "" ? [] : [cluster]),
    ...request.options.map(printLongOption),
    `--timeout=${timeout}`,
    "--fake-super",
    ...(knowsConfineRoot(rsyncVersion) ? [`--confine-root=${root}`] : []),
    "--",
    ".",
    ...paths(request)
  ]
}

const knowsConfineRoot = (version: string): boolean => {
  const [major, minor] = version.split(".", 2).map(Number)
  return major !== undefined && minor !== undefined && (major > 3 || (major === 3 && minor >= 5))
}

const paths = (request: Push | Pull | Restore): ReadonlyArray<string> => {
  switch (request._tag) {
    case "Push":
      return ["."]
    case "Restore":
      return request.paths.map(asArgument)
    case "Pull":
      return request.paths.map(({ path }) => asArgument(path))
  }
}
