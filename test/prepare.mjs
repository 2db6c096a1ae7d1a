// Runs a script of package.json on a fresh machine: sees to Debian packages, npm packages and the build first.
// Plain Node 20 without dependencies, since nothing is installed when it starts.
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const top = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(top)
const verb = process.argv[2] ?? ""
const rest = process.argv.slice(3)

/** The programs that the product and its tests drive, and the Debian package that each comes from. */
const needed = {
  rsync: "rsync",
  "/usr/sbin/sshd": "openssh-server",
  ssh: "openssh-client",
  sshpass: "sshpass",
  "/usr/sbin/mkfs.btrfs": "btrfs-progs",
  sudo: "sudo",
  bwrap: "bubblewrap",
  getfattr: "attr",
  "/usr/bin/time": "time",
  setfacl: "acl",
  "/usr/sbin/setcap": "libcap2-bin",
  "/usr/sbin/ip": "iproute2",
  nsenter: "util-linux",
  sshfs: "sshfs",
  strace: "strace",
  git: "git",
  "/lib/systemd/systemd": "systemd",
  chromium: "chromium"
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

const missing = [
  ...new Set(
    Object.entries(needed)
      .filter(([program]) => !present(program))
      .map(([, name]) => name)
  )
]
if (verb !== "build" && verb !== "check" && missing.length > 0) {
  if (process.getuid() !== 0 || !existsSync("/usr/bin/apt-get")) {
    const why = process.getuid() === 0 ? "this is not a Debian system" : "not run as root"
    stop(`missing on this machine: ${missing.join(", ")}. They are not installed for you because ${why}.`)
  }
  process.stderr.write(`byteback: installing Debian packages: ${missing.join(" ")}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  run("apt-get", ["-qq", "update"], { env })
  must("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...missing], {
    env,
    stdio: ["ignore", "ignore", "inherit"]
  })
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

/** Lets jobs run that change nothing and end early, so that what Node compiled for them is kept in dist and shipped. */
const compile = () => {
  const links = mkdtempSync("/tmp/byteback-compile-")
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

/** vitest's closing figures as the one line that says how many passed. */
const closingLine = (file) => {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(file, "utf8")
  )
  const brokenFiles = testResults.filter((one) => one.status === "failed" && one.assertionResults.length === 0).length
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles, skipped: numPendingTests + numTodoTests }
}

const test = () => {
  build()
  check()
  const report = `/tmp/byteback-test-${process.pid}.json`
  const code = run(node, [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...rest
  ])
  const { passed, failed, skipped } = closingLine(report)
  run("rm", ["-f", report])
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  const skipCounts = process.env.CI === "true" && skipped > 0
  process.exit(code !== 0 || failed > 0 || passed === 0 || skipCounts ? 1 : 0)
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
