// Runs a script of package.json on a fresh machine: sees to Debian packages, npm packages and the build first.
// Plain Node 20 without dependencies, since nothing is installed when it starts.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const top = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(top)
const verb = process.argv[2] ?? ""
const rest = process.argv.slice(3)

/** The programs that the product and the lab drive, and the Debian package that each comes from. */
const forLab = {
  rsync: "rsync",
  "/usr/sbin/sshd": "openssh-server",
  ssh: "openssh-client",
  "/usr/sbin/mkfs.btrfs": "btrfs-progs",
  sudo: "sudo",
  bwrap: "bubblewrap",
  getfattr: "attr",
  "/usr/sbin/ip": "iproute2",
  nsenter: "util-linux",
  pgrep: "procps"
}
const forTests = {
  setfacl: "acl",
  "/usr/sbin/setcap": "libcap2-bin",
  sshfs: "sshfs",
  strace: "strace",
  "/lib/systemd/systemd": "systemd",
  chromium: "chromium"
}
const needed = {
  demo: forLab,
  bench: { ...forLab, "/usr/bin/time": "time" },
  test: { ...forLab, ...forTests }
}

const stop = (line, code = 1) => {
  process.stderr.write(`byteback: ${line}\n`)
  process.exit(code)
}

const run = (program, args, options = {}) => {
  const ended = spawnSync(program, args, { stdio: "inherit", ...options })
  if (ended.error) stop(`${program} could not be started: ${ended.error.message}`)
  return ended.status ?? 1
}

const must = (program, args, options) => {
  const code = run(program, args, options)
  if (code !== 0) process.exit(code)
}

const present = (program) =>
  program.startsWith("/")
    ? existsSync(program)
    : (process.env.PATH ?? "")
        .split(":")
        .concat("/usr/sbin", "/sbin")
        .some((directory) => existsSync(join(directory, program)))

/** The server serves nobody with an older rsync (see src/domain/rsyncHoles.ts). */
const oldestRsync = [3, 4, 3]
const rsyncIsOld = () => {
  const { stdout } = spawnSync("rsync", ["--version"], { encoding: "utf8" })
  const found = /version (\d+)\.(\d+)\.(\d+)/
    .exec(stdout ?? "")
    ?.slice(1)
    .map(Number)
  const first = found?.findIndex((part, index) => part !== oldestRsync[index]) ?? -1
  return first >= 0 && found[first] < oldestRsync[first]
}

if (Number.parseInt(process.versions.node) < 20) stop(`Node ${process.versions.node} is too old; install 20 or newer`)

const lacking = () =>
  Object.entries(needed[verb] ?? {})
    .filter(([program]) => !present(program) || (program === "rsync" && rsyncIsOld()))
    .map(([, name]) => name)
const missing = lacking()
if (missing.length > 0) {
  if (process.getuid() !== 0 || !existsSync("/usr/bin/apt-get")) {
    const why = process.getuid() === 0 ? "this is not a Debian system" : "not run as root"
    stop(`missing on this machine, or too old: ${missing.join(", ")}. They are not installed for you because ${why}.`)
  }
  process.stderr.write(`byteback: installing Debian packages: ${missing.join(" ")}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  run("apt-get", ["-qq", "update"], { env })
  must("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...missing], {
    env,
    stdio: ["ignore", "ignore", "inherit"]
  })
  const still = lacking()
  if (still.length > 0)
    stop(`apt-get has no ${still.join(", ")} that will do; rsync must be ${oldestRsync.join(".")} or newer`)
}

const lock = readFileSync("package-lock.json", "utf8")
const installed = "node_modules/.installed-lock.json"
if (!existsSync(installed) || readFileSync(installed, "utf8") !== lock) {
  process.stderr.write("byteback: installing npm packages\n")
  must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"])
  writeFileSync(installed, lock)
}

process.env.PATH = `${join(top, "node_modules/.bin")}:${process.env.PATH}`
const node = join(top, "node_modules/.bin/node")
if (!existsSync(node))
  stop("the npm packages bring no Node runtime for this processor; byteback runs on x64 and arm64 Linux")
must("effect-tsgo", ["patch"], { stdio: "ignore" })

/** What is only needed while this runs lies inside the project, so that nothing is left elsewhere when it is interrupted. */
const scratch = (name) => {
  const path = join(top, "node_modules/.cache/byteback", name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  return path
}

/** Lets jobs run that change nothing and end early, so that what Node compiled for them is kept in dist and shipped. */
const compile = () => {
  const links = scratch("links")
  mkdirSync(links, { mode: 0o700 })
  const request = Buffer.from('{"_tag":"snapshots"}').toString("base64url")
  const jobs = [
    ["byteback-receive", "-c", "byteback-receive nobody"],
    ["byteback-priv", "typed", "nobody"],
    ["byteback", "backup", "--config-dir", links],
    ["byteback", "status", "--config-dir", links]
  ]
  for (const [name, ...args] of jobs) {
    const link = join(links, name)
    if (!existsSync(link)) symlinkSync(join(top, "dist/byteback.cjs"), link)
    run(node, [link, ...args], {
      stdio: "ignore",
      env: { PATH: process.env.PATH, BYTEBACK_REQUEST: `byteback request ${request}` }
    })
  }
  rmSync(links, { recursive: true })
}

const build = () => {
  must(node, ["node_modules/rolldown/bin/cli.mjs", "-c", "rolldown.config.mjs", "--logLevel", "warn"], {
    stdio: ["ignore", "ignore", "inherit"]
  })
  compile()
  must("tsc", ["-p", "tsconfig.library.json"])
}
const check = () => {
  must("tsc", [])
  must("tsc", ["-p", "tsconfig.report.json"])
  must("oxlint", ["--deny-warnings"])
  must("oxfmt", ["--check"])
  must("knip", [])
}

/** How many tests passed, failed and were skipped by vitest's report, and what it says of those that failed. */
const counts = (file) => {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(file, "utf8")
  )
  const failedFiles = testResults.filter((one) => one.status === "failed")
  const broken = failedFiles.filter((one) => !one.assertionResults.some(({ status }) => status === "failed"))
  const failures = [
    ...broken.map(({ name, message }) => [name, message]),
    ...failedFiles.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === "failed")
        .map(({ fullName, failureMessages }) => [`${name} ${fullName}`, failureMessages.join("\n")])
    )
  ]
  return {
    passed: numPassedTests,
    failed: numFailedTests + broken.length,
    skipped: numPendingTests + numTodoTests,
    failures
  }
}

/** Runs some of the suites; what they print is kept back where others run beside them. */
const suites = (words, quiet) =>
  new Promise((resolve) => {
    const name = words.at(-1) ?? "all"
    const report = scratch(`report-${name.replaceAll("/", "-")}.json`)
    const vitest = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json"]
    const child = spawn(node, [...vitest, `--outputFile.json=${report}`, ...words], {
      stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit"
    })
    const said = []
    for (const stream of quiet ? [child.stdout, child.stderr] : []) stream.on("data", (chunk) => said.push(chunk))
    child.on("close", (code) => {
      process.stdout.write(Buffer.concat(said))
      const counted = existsSync(report) ? counts(report) : { passed: 0, failed: 1, skipped: 0, failures: [] }
      rmSync(report, { force: true })
      resolve({ ...counted, code })
    })
  })

const test = async () => {
  build()
  check()
  // Suites that mostly wait for a minute to pass, as snapshots' names tell no less, run beside those that work.
  const ended = await Promise.all(
    rest.length > 0
      ? [suites(rest, false)]
      : [suites(["--project", "pure", "--project", "lab"], false), suites(["--project", "patient"], true)]
  )
  const sum = (count) => ended.reduce((all, one) => all + one[count], 0)
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")]
  // Told again where whoever reads only the end of a long log will find them.
  for (const [name, message] of ended.flatMap(({ failures }) => failures))
    process.stdout.write(`failed: ${name}\n${message.split("\n").slice(0, 20).join("\n")}\n`)
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  const skipCounts = process.env.CI === "true" && skipped > 0
  const good = ended.every(({ code, passed }) => code === 0 && passed > 0)
  process.exit(!good || failed > 0 || skipCounts ? 1 : 0)
}

const verbs = {
  test,
  build,
  check: () => {
    build()
    check()
  },
  demo: () => {
    build()
    process.exit(run(node, ["test/lab/demo.ts", ...rest]))
  },
  docs: () => {
    build()
    process.exit(run(node, ["docs/pictures.ts", ...rest]))
  },
  bench: () => {
    build()
    process.exit(run(node, ["bench/run.ts", ...rest]))
  }
}
const chosen = verbs[verb]
if (!chosen) stop(`usage: node test/prepare.mjs ${Object.keys(verbs).join("|")}`, 2)
chosen()
