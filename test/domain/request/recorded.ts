// What rsync's clients send as their remote command, as recorded: each line beside the command that made rsync send it, the
// versions of rsync that did, and the request that it means. test/contract/recordedLines records them afresh.
import { pullArgv, type PullPlan } from "../../../src/domain/rsync/pullArgv.ts"
import { pushArgv, type PushPlan } from "../../../src/domain/rsync/pushArgv.ts"
import type { Request, Transfer } from "../../../src/domain/request/request.ts"
import type { SnapshotRef } from "../../../src/domain/snapshotName.ts"

/** The client of Debian 12 as it was released, which the machines in the field have, and the newest. */
export const versions = ["3.2.7", "3.5.0"] as const

export interface Recording {
  readonly asked: string
  /** rsync's arguments, with `rsh` in the place of ssh */
  readonly argv: (rsh: string) => ReadonlyArray<string>
  /** the versions that send this; both if absent */
  readonly only?: (typeof versions)[number]
  readonly line: string
  /** what followed on stdin, of a client with -s: arguments that end in a NUL each, and an empty one */
  readonly secluded?: ReadonlyArray<string>
  /** the request, or the words of its refusal */
  readonly means: Request | string
}

const alias = "server"

/** The rsync of `byteback backup`. */
const push =
  (more: Partial<PushPlan>): Recording["argv"] =>
  (rsh) =>
    pushArgv({
      server: { rsh, alias },
      sources: ["/"],
      rules: [],
      acls: true,
      xattrs: true,
      ioTimeout: 600,
      flags: [],
      dryRun: false,
      progress: false,
      itemize: false,
      ...more
    })

/** The rsync of `byteback restore`, and of whatever compares with a snapshot. */
const pull =
  (more: Partial<PullPlan>): Recording["argv"] =>
  (rsh) =>
    pullArgv({
      server: { rsh, alias },
      snapshot: "2026-11-23T17:52+0000" as SnapshotRef,
      paths: ["/etc/hosts"],
      destination: "/nowhere",
      acls: true,
      xattrs: true,
      devices: false,
      ioTimeout: 600,
      dryRun: false,
      progress: false,
      itemize: false,
      ...more
    })

/** A command as its user typed it, but for `--rsh`: options in one text, then what may hold blanks. */
const typed =
  (options: string, ...words: ReadonlyArray<string>): Recording["argv"] =>
  (rsh) => [`--rsh=${rsh}`, ...options.split(" "), ...words]

const oldBackup = (destination: string, letters = "-vaXR") =>
  typed(
    `${letters} --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace`,
    "--rsync-path=rsync --fake-super",
    "/",
    `${alias}:${destination}`
  )

const oldRestore = (snapshot: string, ...paths: ReadonlyArray<string>) =>
  typed(
    "-rlptgoDRz --timeout=300 --numeric-ids --inplace",
    `--rsync-path=byteback-restore --fake-super --snapshot ${snapshot}`,
    ...paths.map((path) => `${alias}:${path}`),
    "."
  )

/** `rsync -Prat --rsync-path='rsync --fake-super' byteback@host:path/to/file .` */
const seed = (...paths: ReadonlyArray<string>) =>
  typed("-Prat", "--rsync-path=rsync --fake-super", ...paths.map((path) => `${alias}:${path}`), ".")

/** A cluster without its hyphen, of the usual client where it has no `e`, and the long options. */
const transfer = (cluster: string, options: string): Transfer => {
  const [letters = "", client = ".iLsfxCIvu"] = cluster.split("e")
  const long = options.split(" ").filter((word) => word !== "" && !word.startsWith("--timeout="))
  const timeout = /--timeout=(\d+)/.exec(options)?.[1]
  return {
    letters,
    client,
    options: long.map((word) => {
      const [name = "", value] = word.split("=")
      return value === undefined ? { name } : { name, value }
    }),
    ...(timeout === undefined ? {} : { timeout: Number(timeout) })
  }
}

const pushed = (cluster: string, options: string): Request => ({ _tag: "Push", ...transfer(cluster, options) })

/** A path, or a snapshot and a path in it. */
type Asked = string | readonly [snapshot: string, path: string]

const pulled = (cluster: string, options: string, paths: ReadonlyArray<Asked>): Request => ({
  _tag: "Pull",
  ...transfer(cluster, options),
  paths: paths.map((asked) =>
    typeof asked === "string" ? { path: asked } : { snapshot: asked[0] as SnapshotRef, path: asked[1] }
  )
})

const restored = (of: string, cluster: string, options: string, paths: ReadonlyArray<string>): Request => ({
  _tag: "Restore",
  snapshot: of.split(" ")[0] as SnapshotRef,
  all: of.endsWith(" --all"),
  ...transfer(cluster, options),
  paths
})

const ours = "--timeout=600 --delete-during --delete-excluded --stats --modify-window=-1 --numeric-ids --inplace"
const fetching = "--timeout=600 --numeric-ids --files-from=- --from0"

export const recordings: ReadonlyArray<Recording> = [
  {
    asked: "byteback backup",
    argv: push({}),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", ours)
  },
  {
    asked: "byteback backup of a file system without ACLs and xattrs",
    argv: push({ acls: false, xattrs: false }),
    line: "byteback-push --protocol=1 --server -lHogDtprRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtprR", ours)
  },
  {
    asked: "byteback backup on a terminal",
    argv: push({ progress: true }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", ours)
  },
  {
    asked: "byteback backup --dry-run --verbose",
    argv: push({ dryRun: true, itemize: true }),
    line: "byteback-push --protocol=1 --server -nlHogDtpAXrRe.iLsfxCIvu --log-format=%i --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("nlHogDtpAXrR", `--log-format=%i ${ours}`)
  },
  {
    asked: "byteback backup --io-timeout 10800",
    argv: push({ ioTimeout: 10_800 }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed(
      "lHogDtpAXrR",
      "--timeout=10800 --delete-during --delete-excluded --stats --modify-window=-1 --numeric-ids --inplace"
    )
  },
  {
    asked: "rsync_flags: --bwlimit=1000",
    argv: push({ flags: ["--bwlimit=1000"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --bwlimit=1000 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--bwlimit=1000 ${ours}`)
  },
  {
    asked: "rsync_flags: --max-delete=5",
    argv: push({ flags: ["--max-delete=5"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --max-delete=5 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--max-delete=5 ${ours}`)
  },
  {
    asked: "rsync_flags: --verbose",
    argv: push({ flags: ["--verbose"] }),
    line: "byteback-push --protocol=1 --server -vlHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("vlHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: -vvv",
    argv: push({ flags: ["-vvv"] }),
    line: "byteback-push --protocol=1 --server -vvvlHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("vvvlHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: --one-file-system",
    argv: push({ flags: ["--one-file-system"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRxe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrRx", ours)
  },
  {
    asked: "rsync_flags: -xx",
    argv: push({ flags: ["-xx"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRxxe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrRxx", ours)
  },
  {
    asked: "rsync_flags: --compress",
    argv: push({ flags: ["--compress"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRze.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrRz", ours)
  },
  {
    asked: "rsync_flags: --compress-choice=zstd --compress-level=-5",
    argv: push({ flags: ["--compress-choice=zstd", "--compress-level=-5"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --compress-level=-5 --timeout=600 --compress-choice=zstd --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--compress-level=-5 --compress-choice=zstd ${ours}`)
  },
  {
    asked: "rsync_flags: --compress-choice=lz4",
    argv: push({ flags: ["--compress-choice=lz4"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --compress-choice=lz4 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--compress-choice=lz4 ${ours}`)
  },
  {
    asked: "rsync_flags: --old-compress",
    argv: push({ flags: ["--old-compress"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRze.iLsfxCIvu --timeout=600 --old-compress --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrRz", `--old-compress ${ours}`)
  },
  {
    asked: "rsync_flags: --new-compress",
    argv: push({ flags: ["--new-compress"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --new-compress --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--new-compress ${ours}`)
  },
  {
    asked: "rsync_flags: --no-inc-recursive",
    argv: push({ flags: ["--no-inc-recursive"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.LsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrRe.LsfxCIvu", ours)
  },
  {
    asked: "rsync_flags: --checksum",
    argv: push({ flags: ["--checksum"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrcRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrcR", ours)
  },
  {
    asked: "rsync_flags: --checksum-choice=md5",
    argv: push({ flags: ["--checksum-choice=md5"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --checksum-choice=md5 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--checksum-choice=md5 ${ours}`)
  },
  {
    asked: "rsync_flags: --whole-file",
    argv: push({ flags: ["--whole-file"] }),
    line: "byteback-push --protocol=1 --server -lWHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lWHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: --sparse --no-inplace",
    argv: push({ flags: ["--sparse", "--no-inplace"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRSe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids . .",
    means: pushed(
      "lHogDtpAXrRS",
      "--timeout=600 --delete-during --delete-excluded --stats --modify-window=-1 --numeric-ids"
    )
  },
  {
    asked: "rsync_flags: --delete-delay",
    argv: push({ flags: ["--delete-delay"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-delay --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed(
      "lHogDtpAXrR",
      "--timeout=600 --delete-delay --delete-excluded --stats --modify-window=-1 --numeric-ids --inplace"
    )
  },
  {
    asked: "rsync_flags: --ignore-errors --force --fsync",
    argv: push({ flags: ["--ignore-errors", "--force", "--fsync"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --force --stats -@-1 --ignore-errors --numeric-ids --fsync --inplace . .",
    means: pushed(
      "lHogDtpAXrR",
      "--timeout=600 --delete-during --delete-excluded --force --stats --modify-window=-1 --ignore-errors --numeric-ids --fsync --inplace"
    )
  },
  {
    asked: "rsync_flags: --omit-dir-times --omit-link-times --prune-empty-dirs",
    argv: push({ flags: ["--omit-dir-times", "--omit-link-times", "--prune-empty-dirs"] }),
    line: "byteback-push --protocol=1 --server -lmOJHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lmOJHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: --atimes",
    argv: push({ flags: ["--atimes"] }),
    line: "byteback-push --protocol=1 --server -lHogDtUpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtUpAXrR", ours)
  },
  {
    asked: "rsync_flags: --update --ignore-existing",
    argv: push({ flags: ["--update", "--ignore-existing"] }),
    line: "byteback-push --protocol=1 --server -ulHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --ignore-existing --inplace . .",
    means: pushed(
      "ulHogDtpAXrR",
      "--timeout=600 --delete-during --delete-excluded --stats --modify-window=-1 --numeric-ids --ignore-existing --inplace"
    )
  },
  {
    asked: "rsync_flags: --existing --size-only",
    argv: push({ flags: ["--existing", "--size-only"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --size-only --stats -@-1 --numeric-ids --existing --inplace . .",
    means: pushed(
      "lHogDtpAXrR",
      "--timeout=600 --delete-during --delete-excluded --size-only --stats --modify-window=-1 --numeric-ids --existing --inplace"
    )
  },
  {
    asked: "rsync_flags: --executability --no-perms",
    argv: push({ flags: ["--executability", "--no-perms"] }),
    line: "byteback-push --protocol=1 --server -lHogDtEAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtEAXrR", ours)
  },
  {
    asked: "rsync_flags: --ignore-times",
    argv: push({ flags: ["--ignore-times"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrIRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrIR", ours)
  },
  {
    asked: "rsync_flags: --no-implied-dirs --delete-missing-args",
    argv: push({ flags: ["--no-implied-dirs", "--delete-missing-args"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats --delete-missing-args -@-1 --numeric-ids --inplace --no-implied-dirs . .",
    means: pushed(
      "lHogDtpAXrR",
      "--timeout=600 --delete-during --delete-excluded --stats --delete-missing-args --modify-window=-1 --numeric-ids --inplace --no-implied-dirs"
    )
  },
  {
    asked: "rsync_flags: --secluded-args",
    argv: push({ flags: ["--secluded-args"] }),
    line: "byteback-push --protocol=1 --server -slHogDtpAXrRe.iLsfxCIvu",
    secluded: [
      "rsync",
      "--timeout=600",
      "--delete-during",
      "--delete-excluded",
      "--stats",
      "-@-1",
      "--numeric-ids",
      "--inplace",
      ".",
      "."
    ],
    means: pushed("lHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: --no-devices",
    argv: push({ flags: ["--no-devices"] }),
    line: "byteback-push --protocol=1 --server -lHogtpAXrRe.iLsfxCIvu --specials --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogtpAXrR", `--specials ${ours}`)
  },
  {
    asked: "rsync_flags: --no-specials",
    argv: push({ flags: ["--no-specials"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --no-specials --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", `--no-specials ${ours}`)
  },
  {
    asked: "rsync_flags: --copy-links",
    argv: push({ flags: ["--copy-links"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: pushed("lHogDtpAXrR", ours)
  },
  {
    asked: "rsync_flags: --iconv=utf8",
    argv: push({ flags: ["--iconv=utf8"] }),
    line: "byteback-push --protocol=1 --server -lHogDtpAXrRe.iLsfxCIvu --iconv=utf8 --timeout=600 --delete-during --delete-excluded --stats -@-1 --numeric-ids --inplace . .",
    means: 'the option is not allowed: "--iconv"'
  },
  {
    asked: "byteback restore",
    argv: pull({}),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -lHogtpAXrRSe.iLsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "lHogtpAXrRS", `--specials ${fetching}`, ["."])
  },
  {
    asked: "byteback restore --devices --overwrite always",
    argv: pull({ devices: true, overwrite: "always" }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -lHogDtpAXrIRSe.iLsfxCIvu --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "lHogDtpAXrIRS", fetching, ["."])
  },
  {
    asked: "byteback restore --dry-run --overwrite if-newer --delete",
    argv: pull({ dryRun: true, itemize: true, overwrite: "if-newer", deletes: true }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -unlHogtpAXrRSe.iLsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "unlHogtpAXrRS", `--specials ${fetching}`, ["."])
  },
  {
    asked: "contents compared, by checksum",
    argv: pull({ dryRun: true, itemize: "sized", checksum: true }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -nlHogtpAXrcRSe.iLsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "nlHogtpAXrcRS", `--specials ${fetching}`, ["."])
  },
  {
    asked: "names looked at, not below them",
    argv: pull({ dryRun: true, namesOnly: true }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -nlHogtpAXRSe.LsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "nlHogtpAXRSe.LsfxCIvu", `--specials ${fetching}`, ["."])
  },
  {
    asked: "byteback restore --overwrite never, without ACLs and xattrs",
    argv: pull({ acls: false, xattrs: false, overwrite: "never" }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -lHogtprRSe.iLsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "lHogtprRS", `--specials ${fetching}`, ["."])
  },
  {
    asked: "byteback restore on a terminal",
    argv: pull({ progress: true }),
    line: "byteback-restore --fake-super --snapshot 2026-11-23T17:52+0000 --server --sender -lHogtpAXrRSe.iLsfxCIvu --specials --timeout=600 --numeric-ids --files-from=- --from0 . .",
    means: restored("2026-11-23T17:52+0000", "lHogtpAXrRS", `--specials ${fetching}`, ["."])
  },
  {
    asked: "the old client's backup",
    argv: oldBackup("."),
    line: "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . .",
    means: pushed("vlogDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's backup to a path",
    argv: oldBackup("/store/backups"),
    line: "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . /store/backups",
    means: pushed("vlogDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's backup to a path with a blank",
    argv: oldBackup("/store/back ups"),
    line: "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . /store/back\\ ups",
    means: pushed("vlogDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's backup to no path",
    argv: oldBackup(""),
    line: "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . .",
    means: pushed("vlogDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's backup, quiet",
    argv: oldBackup(".", "-aXR"),
    line: "rsync --fake-super --server -logDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . .",
    means: pushed("logDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's backup with -s",
    argv: oldBackup("/store/back ups", "-svaXR"),
    line: "rsync --fake-super --server -svlogDtpXrRe.iLsfxCIvu",
    secluded: [
      "rsync",
      "--timeout=10800",
      "--delete-during",
      "--delete-excluded",
      "--numeric-ids",
      "--inplace",
      ".",
      "/store/back ups"
    ],
    means: pushed("vlogDtpXrR", "--timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace")
  },
  {
    asked: "the old client's restore",
    argv: oldRestore("*", "/etc/a=20b", "srv"),
    line: "byteback-restore --fake-super --snapshot * --server --sender -logDtprRze.iLsfxCIvu --timeout=300 --numeric-ids --inplace . /etc/a=20b srv",
    means: restored("*", "logDtprRz", "--timeout=300 --numeric-ids --inplace", ["etc/a b", "srv"])
  },
  {
    asked: "the old client's restore of everything",
    argv: oldRestore("* --all", "/etc"),
    line: "byteback-restore --fake-super --snapshot * --all --server --sender -logDtprRze.iLsfxCIvu --timeout=300 --numeric-ids --inplace . /etc",
    means: restored("* --all", "logDtprRz", "--timeout=300 --numeric-ids --inplace", ["etc"])
  },
  {
    asked: "the old client's restore of a snapshot",
    argv: oldRestore("2014-03-01T01:02+0100", "/etc"),
    line: "byteback-restore --fake-super --snapshot 2014-03-01T01:02+0100 --server --sender -logDtprRze.iLsfxCIvu --timeout=300 --numeric-ids --inplace . /etc",
    means: restored("2014-03-01T01:02+0100", "logDtprRz", "--timeout=300 --numeric-ids --inplace", ["etc"])
  },
  {
    asked: "the old client's restore of an administrator's snapshot",
    argv: oldRestore("saved-do-not-delete", "etc"),
    line: "byteback-restore --fake-super --snapshot saved-do-not-delete --server --sender -logDtprRze.iLsfxCIvu --timeout=300 --numeric-ids --inplace . etc",
    means: restored("saved-do-not-delete", "logDtprRz", "--timeout=300 --numeric-ids --inplace", ["etc"])
  },
  {
    asked: "the old client's restore with -s",
    argv: typed(
      "-srlptgoDRz --numeric-ids",
      "--rsync-path=byteback-restore --fake-super --snapshot *",
      "server:/etc/a=20b",
      "."
    ),
    line: "byteback-restore --fake-super --snapshot * --server --sender -slogDtprRze.iLsfxCIvu",
    secluded: ["rsync", "--numeric-ids", ".", "/etc/a=20b"],
    means: restored("*", "logDtprRz", "--numeric-ids", ["etc/a b"])
  },
  {
    asked: "the seed's line",
    argv: seed("path/to/file"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . path/to/file",
    means: pulled("logDtpr", "", ["path/to/file"])
  },
  {
    asked: "the seed's line, absolute",
    argv: seed("/path/to/file"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . /path/to/file",
    means: pulled("logDtpr", "", ["path/to/file"])
  },
  {
    asked: "the seed's line of a snapshot",
    argv: seed("2026-11-23T17:52+0000/etc", "2026-11-23T17:52+0000/srv/"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . 2026-11-23T17:52+0000/etc 2026-11-23T17:52+0000/srv/",
    means: pulled("logDtpr", "", [
      ["2026-11-23T17:52+0000", "etc"],
      ["2026-11-23T17:52+0000", "srv/"]
    ])
  },
  {
    asked: "the seed's line of current",
    argv: seed("current/./etc"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . current/./etc",
    means: pulled("logDtpr", "", [["current", "etc"]])
  },
  {
    asked: "the seed's line with a blank",
    argv: seed("path/to/my file"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . path/to/my\\ file",
    means: pulled("logDtpr", "", ["path/to/my file"])
  },
  {
    asked: "the seed's line with -s",
    argv: typed("-Prats", "--rsync-path=rsync --fake-super", "server:path/to/my file", "."),
    line: "rsync --fake-super --server --sender -slogDtpre.iLsfxCIvu",
    secluded: ["rsync", ".", "path/to/my file"],
    means: pulled("logDtpr", "", ["path/to/my file"])
  },
  {
    asked: "the seed's line with odd characters",
    argv: seed(`a "b" 'c' !d #e $f (g) ; & | < > % , = + @ : \\ {h} é`),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a\\ \\\"b\\\"\\ \\'c\\'\\ \\!d\\ \\#e\\ \\$f\\ \\(g\\)\\ \\;\\ \\&\\ \\|\\ \\<\\ \\>\\ %\\ ,\\ =\\ +\\ @\\ :\\ \\\\\\ \\{h\\}\\ é",
    means: pulled("logDtpr", "", ["a \"b\" 'c' !d #e $f (g) ; & | < > % , = + @ : \\ {h} é"])
  },
  {
    asked: "a hyphen",
    argv: seed("-rf"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . ./-rf",
    means: pulled("logDtpr", "", ["-rf"])
  },
  {
    asked: "a literal star",
    argv: seed("a\\*b"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a\\*b",
    means: pulled("logDtpr", "", ["a*b"])
  },
  {
    asked: "a backtick",
    argv: seed("a`b"),
    only: "3.2.7",
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a`b",
    means:
      'a character that only a shell would understand (in a name it arrives with rsync -s), without a backslash before it: "`"'
  },
  {
    asked: "a backtick",
    argv: seed("a`b"),
    only: "3.5.0",
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a\\`b",
    means: pulled("logDtpr", "", ["a`b"])
  },
  {
    asked: "a tilde with -s",
    argv: typed("-Prats", "server:a~", "."),
    line: "rsync --server --sender -slogDtpre.iLsfxCIvu",
    secluded: ["rsync", ".", "a~"],
    means: pulled("logDtpr", "", ["a~"])
  },
  {
    asked: "a tilde",
    argv: seed("a~"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a~",
    means:
      'a character that only a shell would understand (in a name it arrives with rsync -s), without a backslash before it: "~"'
  },
  {
    asked: "a caret",
    argv: seed("a^b"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a^b",
    means:
      'a character that only a shell would understand (in a name it arrives with rsync -s), without a backslash before it: "^"'
  },
  {
    asked: "a star",
    argv: seed("a*"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a*",
    means: 'a character that only a shell would understand, without a backslash before it: "*"'
  },
  {
    asked: "a tab",
    argv: seed("a\tb"),
    line: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a\\\tb",
    means:
      'control characters are not allowed: "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . a\\\\\\x09b"'
  },
  {
    asked: "a listing",
    argv: typed("server:"),
    line: "rsync --server --sender -de.LsfxCIvu . .",
    means: pulled("de.LsfxCIvu", "", ["."])
  },
  {
    asked: "a listing of a directory",
    argv: typed("--list-only server:etc/"),
    line: "rsync --server --sender -de.LsfxCIvu --list-only . etc/",
    means: pulled("de.LsfxCIvu", "--list-only", ["etc/"])
  },
  {
    asked: "a listing of a snapshot",
    argv: typed("-r --list-only server:latest/"),
    line: "rsync --server --sender -re.iLsfxCIvu --list-only . latest/",
    means: pulled("r", "--list-only", [["latest", "."]])
  },
  {
    asked: "everything of everything",
    argv: typed("-aHAX --numeric-ids server:data ."),
    line: "rsync --server --sender -lHogDtpAXre.iLsfxCIvu --numeric-ids . data",
    means: pulled("lHogDtpAXr", "--numeric-ids", ["data"])
  },
  {
    asked: "a dry run",
    argv: typed("-an server:x ."),
    line: "rsync --server --sender -nlogDtpre.iLsfxCIvu . x",
    means: pulled("nlogDtpr", "", ["x"])
  },
  {
    asked: "of two",
    argv: typed("-a server:a/ server:b ."),
    line: "rsync --server --sender -logDtpre.iLsfxCIvu . a/ b",
    means: pulled("logDtpr", "", ["a/", "b"])
  },
  {
    asked: "-v --progress --partial --bwlimit",
    argv: typed("-av --progress --partial --bwlimit=5 server:x ."),
    line: "rsync --server --sender -vlogDtpre.iLsfxCIvu --bwlimit=5 . x",
    means: pulled("vlogDtpr", "--bwlimit=5", ["x"])
  },
  {
    asked: "-S -z",
    argv: typed("-aSz server:x ."),
    line: "rsync --server --sender -logDtprSze.iLsfxCIvu . x",
    means: pulled("logDtprSz", "", ["x"])
  },
  {
    asked: "-zz",
    argv: typed("-azz server:x ."),
    line: "rsync --server --sender -logDtpre.iLsfxCIvu --new-compress . x",
    means: pulled("logDtpr", "--new-compress", ["x"])
  },
  {
    asked: "--exclude --delete stay with the client",
    argv: typed("-a --exclude=y --delete server:x ."),
    line: "rsync --server --sender -logDtpre.iLsfxCIvu . x",
    means: pulled("logDtpr", "", ["x"])
  },
  {
    asked: "--files-from the client's stdin",
    argv: typed("-a --files-from=- --from0 --ignore-missing-args server:x ."),
    line: "rsync --server --sender -logDtpRe.LsfxCIvu --ignore-missing-args --files-from=- --from0 . x",
    means: pulled("logDtpRe.LsfxCIvu", "--ignore-missing-args --files-from=- --from0", ["x"])
  },
  {
    asked: "--no-devices",
    argv: typed("-aHAX --no-devices server:x ."),
    line: "rsync --server --sender -lHogtpAXre.iLsfxCIvu --specials . x",
    means: pulled("lHogtpAXr", "--specials", ["x"])
  },
  {
    asked: "--files-from the server",
    argv: typed("-a --files-from=:list server:x ."),
    line: "rsync --server --sender -logDtpRe.LsfxCIvu --files-from list . x",
    means: 'the option needs a value after =: "--files-from"'
  },
  {
    asked: "-L",
    argv: typed("-aL server:x ."),
    line: "rsync --server --sender -lLogDtpre.iLsfxCIvu . x",
    means: 'the option is not allowed: "-L"'
  },
  {
    asked: "--remove-source-files",
    argv: typed("-a --remove-source-files server:x ."),
    line: "rsync --server --sender -logDtpre.iLsfxCIvu --remove-source-files . x",
    means: 'the option is not allowed: "--remove-source-files"'
  }
]
