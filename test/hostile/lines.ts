// Command lines that a hostile client may send, and what each must be told. The twin of a refused line differs from it by the attack alone.

/** A line that is refused with 12, by a message that holds `says`; `twin` is a line that works. */
export interface HostileLine {
  readonly area: string
  readonly name: string
  readonly line: string
  readonly stdin?: string
  readonly says: string
  readonly twin: string
  /** what its twin says after the line */
  readonly twinStdin?: string
}

const letters = "vlogDtpXrRe.iLsfxCIvu"
const push = (options: string, cluster = letters) => `rsync --fake-super --server -${cluster} ${options} . .`
const pull = (options: string, path = "latest/data", cluster = "logDtpre.iLsfxCIvu") =>
  `rsync --fake-super --server --sender -${cluster} ${options} . ${path}`
const restore = (options: string, path = "/data", snapshot = "*") =>
  `byteback-restore --fake-super --snapshot ${snapshot} --server --sender -logDtpre.iLsfxCIvu ${options} . ${path}`
const list = (words: string) => `byteback-receive ${words}`

export const twins = {
  ping: "byteback-receive --ping",
  push: push("--timeout=600 --inplace"),
  pull: pull("--numeric-ids"),
  restore: restore("--numeric-ids"),
  list: list("--snapshot * --list /data")
} as const

const shell = "a character that only a shell would understand"
const option = "the option is not allowed"

const lexer: ReadonlyArray<readonly [name: string, line: string, says: string]> = [
  ["`. .;id`", `${twins.push};id`, shell],
  ["control byte ESC", `${twins.ping}\x1b[2J`, "control characters are not allowed"],
  ["control byte newline", `${twins.ping}\nid`, "control characters are not allowed"],
  ["control byte 0x7f", `${twins.ping}\x7f`, "control characters are not allowed"],
  ["`$(id)`", "byteback-receive $(id)", shell],
  ["backticks", "byteback-receive `id`", shell],
  ["trailing backslash", `${twins.ping} \\`, "ends in a backslash"],
  ["100 KiB", `${twins.ping} ${"x".repeat(100_000)}`, "longer than 16384 bytes"],
  ["bad UTF-8", `${twins.ping} \xff\xfe`, "not UTF-8"],
  ["unbalanced quote '", "rsync --server '", shell],
  ['unbalanced quote "', 'rsync --server "', shell],
  ["leading blank", ` ${twins.ping}`, "begins with a blank"],
  ["`./rsync`", twins.push.replace("rsync", "./rsync"), "not one that this server knows"],
  ["`/usr/bin/rsync`", twins.push.replace("rsync", "/usr/bin/rsync"), "not one that this server knows"],
  ["`RSYNC`", twins.push.replace("rsync", "RSYNC"), "not one that this server knows"],
  ["another program", "sh -c id", "not one that this server knows"],
  ["pipe", `${twins.ping} | sh`, shell],
  ["a request that is not base64url", "byteback request !!!!", "not base64url"]
]

const pushes: ReadonlyArray<readonly [name: string, line: string, says: string]> = [
  ["--secluded-args", push("--secluded-args"), option],
  ["-e/bin/sh", push("", "vlogDtpre/bin/sh"), "-e may only tell"],
  ["-vesh", push("", "vesh"), "-e may only tell"],
  ["two e clusters", push("-e.iLs"), option],
  ["-e and its value in two words", `rsync --server -vlogDtpre /bin/sh . .`, "-e may only tell"],
  ["--server twice", push("--server"), option],
  ["--server late", "rsync -vlogDtpr --server . .", "expected --server"],
  ["--daemon --config", "rsync --daemon --config=/tmp/x", "expected --server"],
  ["--server --daemon", "rsync --server --daemon .", option],
  ["--sender in a push", push("--sender"), option],
  ["--log-file", push("--log-file=/data/x"), option],
  ["--backup-dir", push("--backup-dir=../victim/current"), option],
  ["--partial-dir", push("--partial-dir=/tmp"), option],
  ["--temp-dir", push("--temp-dir=/tmp"), option],
  ["--copy-dest", push("--copy-dest=/byteback/victim/current"), option],
  ["--link-dest", push("--link-dest=/byteback/victim/current"), option],
  ["--compare-dest", push("--compare-dest=/byteback/victim/current"), option],
  ["-K after a symlink", push("", `K${letters}`), option],
  ["-L", push("", `L${letters}`), option],
  ["-k", push("", `k${letters}`), option],
  ["-XX", push("", `X${letters}`), "given once"],
  ["--super after --fake-super", push("--fake-super --super"), option],
  ["--no-fake-super", push("--no-fake-super"), option],
  ["--chmod=a+s", push("--chmod=a+s"), option],
  ["--usermap", push("--usermap=\\*:root"), option],
  ["--groupmap", push("--groupmap=\\*:root"), option],
  ["--copy-as", push("--copy-as=root"), option],
  ["--preallocate", push("--preallocate"), option],
  ["--max-alloc=0", push("--max-alloc=0"), option],
  ["--timeout=0", push("--timeout=0"), "the value of the option is not allowed"],
  ["--timeout huge", push("--timeout=99999999999"), "the value of the option is not allowed"],
  ["--timeout in two words", push("--timeout 600"), "needs a value after ="],
  ["--write-devices", push("--write-devices"), option],
  ["--write-batch", push("--write-batch=/data/b"), option],
  ["--read-batch", push("--read-batch=/data/b"), option],
  ["--only-write-batch", push("--only-write-batch=/data/b"), option],
  ["--files-from a path", push("--files-from=/etc/passwd"), "the value of the option is not allowed"],
  ["--exclude-from a path", push("--exclude-from=/etc/passwd"), option],
  ["--filter", push("--filter=merge\\ /etc/passwd"), option],
  ["--iconv", push("--iconv=utf8,latin1"), option],
  ["-M", push("-M--log-file=x"), option],
  ["--rsh", push("--rsh=/bin/sh"), option],
  ["two destinations", `${push("")} /byteback/victim/current`, "more than one destination"],
  ["no destination", `rsync --server -${letters} .`, "no destination was given"],
  ["a destination that begins with -", `rsync --server -${letters} . --daemon`, "may not begin with a hyphen"],
  ["--insecure-links", push("--insecure-links"), option],
  ["an own --confine-root", push("--confine-root=/"), option],
  ["--stderr", push("--stderr=client"), option],
  ["--debug", push("--debug=ALL4"), option],
  ["--info", push("--info=ALL4"), option],
  ["--log-format with an escape", push("--log-format=%f\x1b[2J"), "control characters are not allowed"],
  ["--log-format of its own", push("--log-format=%f\\ %l"), "the value of the option is not allowed"],
  ["--compress-choice=../x", push("--compress-choice=../x"), "the value of the option is not allowed"],
  ["an option twice", push("--inplace --inplace"), "given twice"],
  ["an option abbreviated", push("--inpl"), option],
  ["--delete=x", push("--delete=x"), "takes no value"],
  ["-v four times", push("", `vvv${letters}`), "three times at most"],
  ["--remove-source-files", push("--remove-source-files"), option],
  ["--old-args", push("--old-args"), option],
  ["--trust-sender", push("--trust-sender"), option],
  ["-T in the cluster", push("", `T${letters}`), option]
]

const reads: ReadonlyArray<readonly [name: string, line: string, says: string, twin: keyof typeof twins]> = [
  [
    "list --snapshot ../other/current",
    list("--snapshot ../victim/current --list /"),
    "not the name of a snapshot",
    "list"
  ],
  ["list --snapshot with a newline", list("--snapshot current\nx --list /"), "control characters", "list"],
  ["list --snapshot with /..", list("--snapshot latest/.. --list /"), "not the name of a snapshot", "list"],
  ["list a path with ..", list("--list /data/../../victim"), 'may not hold ".."', "list"],
  ["list a path with an encoded ..", list("--list =2E=2E/victim"), 'may not hold ".."', "list"],
  ["list with two modes", list("--ping --complete"), "a word too many", "ping"],
  ["list with an option", list("--list --config=/etc/x /"), "the option is not allowed here", "list"],
  ["list with patterns of many braces", list(`--list /${"{a,b}".repeat(200)}`), "too many names", "list"],
  ["restore of ../other/current", restore("", "/data", "../victim/current"), "not the name of a snapshot", "restore"],
  ["restore of a missing snapshot", restore("", "/data", "2001-01-01T00:00+0000"), "has no snapshot 2001", "restore"],
  [
    "restore without --sender",
    "byteback-restore --snapshot * --server -logDtpre.iLsfxCIvu . x",
    "expected --server --sender",
    "restore"
  ],
  ["restore with --remove-source-files", restore("--remove-source-files"), option, "restore"],
  ["restore with --delete", restore("--delete"), option, "restore"],
  ["restore with --log-file", restore("--log-file=/data/x"), option, "restore"],
  ["restore of `..`", restore("", ".."), 'may not hold ".."', "restore"],
  ["restore of `//../..`", restore("", "//../../etc/canary"), 'may not hold ".."', "restore"],
  ["restore of an encoded `..`", restore("", "=2E=2E/=2E=2E/etc"), 'may not hold ".."', "restore"],
  ["restore of no path", "byteback-restore --server --sender -logDtpre.iLsfxCIvu .", "no path was given", "restore"],
  ["restore of 10,000 paths", restore("", "/a ".repeat(10_000)), "longer than 16384 bytes", "restore"],
  ["restore by a pattern", restore("", "/da*"), "patterns are not expanded", "restore"],
  ["restore by many stars", restore("", "/*/*/*/*/*/*/*/*/*/*"), "patterns are not expanded", "restore"],
  [
    "two snapshots in one session",
    pull("", "latest/data current/data"),
    "one session restores from one snapshot",
    "pull"
  ],
  ["pull of ../other", pull("", "../victim/current"), 'may not hold ".."', "pull"],
  ["pull of latest/../../other", pull("", "latest/../../victim/current"), 'may not hold ".."', "pull"],
  ["pull with --copy-unsafe-links", pull("--copy-unsafe-links"), option, "pull"],
  ["pull with -L", pull("", "latest/data", "LlogDtpre.iLsfxCIvu"), option, "pull"],
  ["pull with --files-from a path", pull("--files-from=/etc/canary"), "the value of the option is not allowed", "pull"],
  ["pull of an option", pull("", "--daemon"), "may not begin with a hyphen", "pull"]
]

/** rsync -s: what is refused comes on stdin. */
const secluded: ReadonlyArray<readonly [name: string, line: string, stdin: ReadonlyArray<string>, says: string]> = [
  [
    "-s with another host on stdin, in a pull",
    "rsync --server --sender -slogDtpre.iLsfxCIvu",
    [".", "../victim/current"],
    'may not hold ".."'
  ],
  [
    "-s with an option on stdin",
    `rsync --server -s${letters}`,
    ["--link-dest=/byteback/victim/current", ".", "."],
    option
  ],
  ["-s with --sender on stdin", `rsync --server -s${letters}`, ["--sender", ".", "."], option],
  ["-s and words on the line", `rsync --server -s${letters} . .`, [".", "."], "a word too many"],
  ["-s and 1 MiB on stdin", `rsync --server -s${letters}`, ["x".repeat(1 << 20)], "too long"],
  ["-s and an end in the middle", `rsync --server -s${letters}`, [], "ended within the secluded arguments"]
]

export const hostileLines: ReadonlyArray<HostileLine> = [
  ...lexer.map(([name, line, says]) => ({ area: "Lexer", name, line, says, twin: twins.ping })),
  ...pushes.map(([name, line, says]) => ({ area: "Push", name, line, says, twin: twins.push })),
  ...secluded.map(([name, line, words, says]) => ({
    area: "Push",
    name,
    line,
    stdin: ["rsync", ...words].map((word) => `${word}\0`).join("") + (words.length === 0 ? "" : "\0"),
    says,
    ...(line.includes("--sender")
      ? { twin: line, twinStdin: "rsync\0.\0latest/data\0\0" }
      : { twin: `rsync --server -s${letters}`, twinStdin: "rsync\0--inplace\0.\0.\0\0" })
  })),
  ...reads.map(([name, line, says, twin]) => ({ area: "Restore", name, line, says, twin: twins[twin] }))
]
